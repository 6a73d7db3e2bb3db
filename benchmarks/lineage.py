"""Lineage in process at 10^4 to 10^6 edges, beside the bare recursive query, networkx, DuckDB and MLflow; rebuilding.

The bare query is over the same edges in the same file. networkx has them in memory, once they are loaded; DuckDB in a
table of its own, indexed as SQLite's is. MLflow knows no edge from a run to the data that it made: it can walk from a
model to the one that it began from, and does so a hundred times over (`with_mlflow`).
"""

from __future__ import annotations

import sqlite3
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from big_index import build, made_up_runs
from measure import Work, measure
from report import Figure, options, show
from with_mlflow import walking

CALLS = 20
SIZES = 10_000, 100_000, 1_000_000
OBJECTS = 3_000
"""About so many runs are read from the lake again where an index is rebuilt."""
LEVELS = 100


def main() -> None:
    with options(__doc__, SIZES[-1], "edges at most") as given:
        figures = [figure for size in SIZES if size <= given.size for figure in _at(given.work / str(size), size)]
        rebuilt = measure(_rebuilding, given.work / "rebuilt", OBJECTS)
        mlflow = measure(walking, given.work / "mlflow", LEVELS).value
        figures += [
            Figure(f"catalog rebuild, {rebuilt.value:,} run objects", rebuilt.value / rebuilt.cpu_s, "runs/s", None,
                   details={"cpu s": rebuilt.cpu_s, "wall s": rebuilt.wall_s}),
            Figure(f"MLflow: {LEVELS} trainings up", mlflow, "ms", None),
        ]  # fmt: skip
        show(given, figures)


def _at(folder: Path, size: int) -> Iterator[Figure]:
    folder.mkdir()
    built = measure(_build, folder, size)
    ref, runs = built.value
    found = measure(_closures, folder, ref).value
    peers = measure(_peers, folder, ref).value
    edges = f"{found.pop('edges'):,} edges"
    noise = found.pop("noise")
    focus = found.pop("focus")
    yield Figure(f"closure, {edges}: lineage() / bare", found["lineage"] / found["bare"], "x", 2.0, noise=noise,
                 details={**found, **peers})  # fmt: skip
    yield Figure(f"focus, {edges}: a version, two runs deep", focus, "ms", 50.0)
    yield Figure(f"runs taken into the index, {edges}", runs / built.cpu_s, "runs/s", None)


def _closures(folder: Path, ref: str) -> Work:
    """Milliseconds of CPU by what answers: machines that are shared have no other clock."""
    from mmreg.registry.catalog import Catalog
    from mmreg.schemas.refs import NodeRef

    catalog = Catalog.open("sqlite:///.mmreg/catalog.db", folder)
    node = catalog.node_id(NodeRef.parse(ref))
    db, number = _bare(folder, node)

    def bare() -> object:
        """Nodes and edges of the closure as rows, unordered."""
        closure = (
            "WITH RECURSIVE r (number) AS (VALUES (?) UNION SELECT e.source FROM r JOIN edge e ON e.target = r.number) "
        )
        nodes = "SELECT n.id, n.kind, n.name, n.ref, n.facts FROM r CROSS JOIN node n ON n.number = r.number"
        edges = "SELECT e.source, e.target, e.kind FROM r CROSS JOIN edge e ON e.target = r.number"
        return [db.execute(closure + part, (number,)).fetchall() for part in (nodes, edges)]

    def work() -> dict[str, float]:
        first = _median_ms(bare)
        whole = _median_ms(lambda: catalog.lineage(node, "up"))
        focus = _median_ms(lambda: catalog.lineage(node, "up", 2))
        last = _median_ms(bare)
        nodes = len(catalog.lineage(node, "up").nodes)
        (edges,) = db.execute("SELECT count(*) FROM edge").fetchone()
        bare_ms = (first + last) / 2
        return {
            "lineage": whole,
            "bare": bare_ms,
            "focus": focus,
            "noise": last / first,
            "nodes": nodes,
            "edges": edges,
        }

    return work


def _peers(folder: Path, ref: str) -> Work:
    """The ids of the same closure, by what has its edges ready."""
    import duckdb
    import networkx as nx

    from mmreg.registry.catalog import Catalog
    from mmreg.schemas.refs import NodeRef

    node = Catalog.open("sqlite:///.mmreg/catalog.db", folder).node_id(NodeRef.parse(ref))
    db, number = _bare(folder, node)
    edges = db.execute("SELECT source, target FROM edge").fetchall()
    recursive = (
        "WITH RECURSIVE r (n) AS (SELECT {} UNION SELECT e.source FROM r JOIN edge e ON e.target = r.n) SELECT n FROM r"
    )

    def work() -> dict[str, float]:
        start = time.process_time()
        graph = nx.DiGraph(edges)
        loaded = time.process_time() - start
        there = _median_ms(lambda: nx.ancestors(graph, number))
        duck = duckdb.connect()
        duck.execute("PRAGMA threads = 1")
        _load(duck, edges)
        ducks = _median_ms(lambda: duck.execute(recursive.format(number)).fetchall(), calls=5)
        ids = _median_ms(lambda: db.execute(recursive.format(number)).fetchall())
        assert len(duck.execute(recursive.format(number)).fetchall()) == len(nx.ancestors(graph, number)) + 1
        return {"networkx ids": there, "to load s": loaded, "DuckDB ids": ducks, "SQLite ids": ids}

    return work


def _load(duck: Any, edges: list[tuple[int, int]]) -> None:
    import pyarrow as pa

    table = pa.table({"source": [edge[0] for edge in edges], "target": [edge[1] for edge in edges]})
    duck.register("arrow", table)
    duck.execute("CREATE TABLE edge AS SELECT * FROM arrow")
    duck.execute("CREATE INDEX upstream ON edge (target)")


def _rebuilding(folder: Path, count: int) -> Work:
    """Read ``count`` run objects of a lake into an empty index."""
    from projects import make_project

    from mmreg.registry.runs import write_run

    folder.mkdir()
    registry = make_project(folder, {})
    for run in made_up_runs(count):
        write_run(registry.lake.store, run)
    registry.catalog.clear()
    return lambda: registry.catalog.catch_up(registry.lake.store)


def _bare(folder: Path, node: str) -> tuple[sqlite3.Connection, int]:
    db = sqlite3.connect(folder / ".mmreg" / "catalog.db")
    (number,) = db.execute("SELECT number FROM node WHERE id = ?", (node,)).fetchone()
    return db, int(number)


def _median_ms(call: Callable[[], object], calls: int = CALLS) -> float:
    taken = []
    for _ in range(calls):
        start = time.process_time()
        call()
        taken.append((time.process_time() - start) * 1000)
    return statistics.median(taken)


def _build(folder: Path, edges: int) -> Work:
    runs = sum(1 for _ in made_up_runs(edges // 4))
    return lambda: (build(folder, edges), runs)


if __name__ == "__main__":
    main()
