"""A lineage closure in process at a million edges, beside the bare recursive query over the same edges."""

from __future__ import annotations

import sqlite3
import statistics
import time
from collections.abc import Callable
from pathlib import Path

from big_index import build
from measure import Work, measure
from report import Figure, options, show

CALLS = 20


def main() -> None:
    with options(__doc__, 1_000_000, "edges") as given:
        ref = measure(_build, given.work, given.size).value
        found = measure(_closures, given.work, ref).value
        show(
            given,
            [
                Figure("closure: lineage() / bare query", found["lineage"] / found["bare"], "x", 2.0,
                       noise=found["noise"], details={k: v for k, v in found.items() if k != "noise"}),
                Figure("focus: a version, two runs deep", found["focus"], "ms", 50.0),
            ],
        )  # fmt: skip


def _closures(folder: Path, ref: str) -> Work:
    from mmreg.registry.catalog import Catalog
    from mmreg.schemas.refs import NodeRef

    catalog = Catalog.open("sqlite:///.mmreg/catalog.db", folder)
    node = catalog.node_id(NodeRef.parse(ref))
    db = sqlite3.connect(folder / ".mmreg" / "catalog.db")
    (number,) = db.execute("SELECT number FROM node WHERE id = ?", (node,)).fetchone()

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
        bare_ms = (first + last) / 2
        return {"lineage": whole, "bare": bare_ms, "focus": focus, "noise": last / first, "nodes": nodes}

    return work


def _median_ms(call: Callable[[], object]) -> float:
    taken = []
    for _ in range(CALLS):
        start = time.perf_counter()
        call()
        taken.append((time.perf_counter() - start) * 1000)
    return statistics.median(taken)


def _build(folder: Path, edges: int) -> Work:
    return lambda: build(folder, edges)


if __name__ == "__main__":
    main()
