"""The log of a dataset with 3,000 versions, from the index, beside Lance's `versions()`."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from pathlib import Path

from measure import Work, measure
from projects import make_project
from report import Figure, options, show

CALLS = 9


def main() -> None:
    with options(__doc__, 3_000, "versions") as given:
        project, table = given.work / "project", given.work / "bare.lance"
        measure(_record, project, given.size)
        measure(_append, table, given.size)
        bare = [measure(_versions, table)]
        found = measure(_log, project).value
        bare.append(measure(_versions, table))
        beside_s = statistics.mean(cost.wall_s for cost in bare)
        show(
            given,
            [
                Figure("log from the index", found["log"], "ms", 50.0),
                Figure("version list from the index", found["versions"], "ms", 50.0),
                Figure("versions() / log", beside_s * 1000 / found["log"], "x", None, at_least=True,
                       noise=bare[1].wall_s / bare[0].wall_s, details={"versions() s": beside_s}),
            ],
        )  # fmt: skip


def _record(folder: Path, count: int) -> Work:
    """An index that has met ``count`` ingests of one dataset."""
    from mmreg.registry.runs import new_run_id, transaction_uuid
    from mmreg.schemas.run import Job, Run, RunInput, RunState, VersionOutput

    catalog = make_project(folder, {}).catalog

    def work() -> None:
        for ordinal in range(1, count + 1):
            id = new_run_id()
            columns = ("sample_id", "image", "caption", "_source")
            output = VersionOutput(
                "pairs", transaction_uuid(id, "pairs"), ordinal, "root", ordinal * 10, 0, ordinal, (), columns
            )
            source = RunInput("source", f"pairs/{ordinal:032x}", "data/images")
            time = f"2026-01-01T00:{ordinal // 60:02d}:{ordinal % 60:02d}.000000Z"
            catalog.absorb(Run(id, Job("ingest", "pairs"), RunState.COMPLETE, time, time, (source,), (output,)))

    return work


def _append(table: Path, count: int) -> Work:
    import lance
    import pyarrow as pa

    row = pa.table({"number": [1], "text": ["one row"]})

    def work() -> None:
        for _ in range(count):
            lance.write_dataset(row, table, mode="append", enable_stable_row_ids=True)

    return work


def _versions(table: Path) -> Work:
    import lance

    opened = lance.dataset(table)
    return lambda: len(opened.versions())


def _log(folder: Path) -> Work:
    from mmreg.registry.catalog import Catalog

    catalog = Catalog.open("sqlite:///.mmreg/catalog.db", folder)

    def work() -> dict[str, float]:
        return {
            "log": _median_ms(lambda: catalog.log("pairs")),
            "versions": _median_ms(lambda: catalog.versions("pairs")),
        }

    return work


def _median_ms(call: Callable[[], object]) -> float:
    taken = []
    for _ in range(CALLS):
        start = time.perf_counter()
        call()
        taken.append((time.perf_counter() - start) * 1000)
    return statistics.median(taken)


if __name__ == "__main__":
    main()
