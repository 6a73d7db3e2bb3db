"""Recording a run (object in the lake, then the index), beside an insert into raw SQLite and beside MLflow."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

from measure import Work, compare, measure
from projects import make_project
from report import Figure, options, show
from with_mlflow import recording

OF_MLFLOW = 10
"""It records one run where mmreg records so many: the figure is a run's."""


def main() -> None:
    with options(__doc__, 1_000, "runs") as given:
        folders = (given.work / str(number) for number in range(99))
        compared = compare(
            lambda: measure(_bare, next(folders), given.size), lambda: measure(_ours, next(folders), given.size)
        )
        ms = {by: compared.of_ours(by) * 1000 / given.size for by in ("wall_s", "cpu_s")}
        bare = {by: compared.of_bare(by) * 1000 / given.size for by in ("wall_s", "cpu_s")}
        fewer = max(1, given.size // OF_MLFLOW)
        theirs = measure(recording, next(folders), fewer)
        show(
            given,
            [
                Figure("record a run", ms["wall_s"], "ms", 2.0, noise=compared.noise("wall_s"),
                       details={"cpu ms": ms["cpu_s"], "bare ms": bare["wall_s"], "bare cpu ms": bare["cpu_s"]}),
                Figure("record a run / raw SQLite", compared.ratio("wall_s"), "x", None),
                Figure("record a run in MLflow / in mmreg", theirs.wall_s * 1000 / fewer / ms["wall_s"], "x", 10.0,
                       at_least=True, details={"MLflow ms": theirs.wall_s * 1000 / fewer,
                                               "MLflow cpu ms": theirs.cpu_s * 1000 / fewer, "MLflow runs": fewer}),
            ],
        )  # fmt: skip


def _ours(folder: Path, count: int) -> Work:
    from mmreg.registry import sync
    from mmreg.registry.runs import new_run_id, transaction_uuid
    from mmreg.schemas.run import Job, Run, RunInput, RunState, VersionOutput

    registry = make_project(folder, {})
    lake, catalog = registry.lake, registry.catalog

    def runs() -> Iterator[Run]:
        before: VersionOutput | None = None
        for ordinal in range(1, count + 1):
            id = new_run_id()
            output = VersionOutput(
                "pairs", transaction_uuid(id, "pairs"), ordinal, "root", 1000, 0, ordinal, (), ("score",)
            )
            inputs = (RunInput("version", before.uuid, before.ref),) if before else ()
            model = RunInput("checkpoint", f"{ordinal:064x}", "model:clip@champion", "curated_by")
            facets = {"pass": {"use": "clip_score", "params": {"batch": 64}, "generation": "0" * 16}}
            now = f"2026-01-01T00:{ordinal // 60:02d}:{ordinal % 60:02d}.000000Z"
            yield Run(id, Job("pass", "clip"), RunState.COMPLETE, now, now, (*inputs, model), (output,), (), facets)
            before = output

    def work() -> None:
        for run in runs():
            sync.record(lake, catalog, run)

    return work


def _bare(folder: Path, count: int) -> Work:
    """One row a run and two inputs, one commit a run, in WAL mode."""
    folder.mkdir(parents=True)
    db = sqlite3.connect(folder / "bare.db", isolation_level=None)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = NORMAL")
    db.execute("CREATE TABLE run (id TEXT PRIMARY KEY, job TEXT, at TEXT, record TEXT)")
    db.execute("CREATE TABLE edge (source TEXT, target TEXT, kind TEXT, PRIMARY KEY (source, target, kind))")

    def work() -> None:
        for number in range(count):
            db.execute("BEGIN IMMEDIATE")
            db.execute("INSERT INTO run VALUES (?, 'pass clip', ?, ?)", (str(number), str(time.time()), "x" * 800))
            edges = [(str(number - 1), str(number), "used"), ("model", str(number), "curated_by")]
            db.executemany("INSERT INTO edge VALUES (?, ?, ?)", edges)
            db.execute("COMMIT")

    return work


if __name__ == "__main__":
    main()
