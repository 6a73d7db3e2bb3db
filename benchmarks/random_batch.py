"""A random batch of pictures after 10% of the rows were deleted: by row id, beside Lance's `take` by offset."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from pathlib import Path

import ingest
from measure import Work, measure
from pictures import draw
from projects import apply, make_project
from report import Figure, options, show

ROWS, CALLS = 256, 10
BATCH = {"batch": {"from": "pairs", "into": "batch", "use": "filter", "sample": {"rows": ROWS, "seed": 7}}}


def main() -> None:
    with options(__doc__, 20_000, "pictures") as given:
        draw(given.work / "images", given.size)
        folder = given.work / "project"
        measure(_make, folder)
        found = measure(_batches, folder).value
        ours, offset, row_id = (found[name] for name in ("reader", "offset", "row id"))
        show(
            given,
            [
                Figure("take by offset / Reader", offset / ours, "x", 20.0, at_least=True, noise=found["noise"],
                       details={f"{name} ms": taken for name, taken in found.items() if name != "noise"}),
                Figure("Reader / bare take by row id", ours / row_id, "x", None),
            ],
        )  # fmt: skip


def _make(folder: Path) -> Work:
    """Ingest, remove every tenth picture at the source, ingest again, select a batch."""
    make_project(folder, {"datasets": {"pairs": ingest.DATASET}, "passes": BATCH})

    def work() -> None:
        apply(folder, "pairs")
        captions = folder.parent / "captions.jsonl"
        kept = [line for number, line in enumerate(captions.read_text().splitlines(True)) if number % 10]
        captions.write_text("".join(kept))
        for number, path in enumerate(sorted((folder.parent / "images").rglob("*.*"))):
            if number % 10 == 0:
                path.unlink()
        apply(folder)

    return work


def _batches(folder: Path) -> Work:
    import numpy as np

    from mmreg.registry.api import Registry

    reader = Registry.open(folder).open_version("batch")
    assert reader.selection is not None
    table, row_ids = reader.table, reader.selection.row_ids
    seeded = np.random.default_rng(7)
    offsets = sorted(seeded.choice(table.count_rows(), len(row_ids), replace=False).tolist())

    def work() -> dict[str, float]:
        by_offset = [_median_ms(lambda: table.take(offsets, columns=["image"]))]
        ours = _median_ms(lambda: list(reader.batches(["image"])))
        by_row_id = _median_ms(lambda: table._take_rows(row_ids.tolist(), columns=["image"]))
        by_offset.append(_median_ms(lambda: table.take(offsets, columns=["image"])))
        noise = by_offset[-1] / by_offset[0]
        return {"reader": ours, "row id": by_row_id, "offset": statistics.mean(by_offset), "noise": noise}

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
