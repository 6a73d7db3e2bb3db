"""Reading a selection of 30% of the rows, beside a scan of the root with a bare mask; and what it costs on disk."""

from __future__ import annotations

from pathlib import Path

import texts
from measure import Comparison, Cost, Work, compare, disk_bytes, measure
from projects import apply, make_project
from report import Figure, options, ratio, show

PASSES = {
    "length": {"from": "texts", "use": "cheap_passes:TextLength", "inputs": {"text": "caption"}},
    "keep": {"from": "texts", "into": "kept", "use": "filter", "sample": {"fraction": 0.3, "seed": 7}},
}


def main() -> None:
    with options(__doc__, 1_000_000) as given:
        folder = given.work / "project"
        measure(_make, folder, given.size)
        on_disk = disk_bytes(folder / ".mmreg" / "lake" / "kept.lance" / "data")
        show(
            given,
            [
                ratio("read a number of each row / bare mask", _beside(folder, "n_chars"), 1.2),
                ratio("read a text of each row / bare mask", _beside(folder, "caption"), 1.2),
                Figure("bytes a kept row", on_disk / (0.3 * given.size), "B", 4.0),
            ],
        )


def _beside(folder: Path, column: str) -> Comparison:
    def bare() -> Cost:
        return measure(_bare, folder, column)

    return compare(bare, lambda: measure(_ours, folder, column), rounds=3)


def _make(folder: Path, rows: int) -> Work:
    make_project(folder, texts.declaration(PASSES))
    texts.write(folder / "texts.parquet", 0, rows)
    return lambda: apply(folder)


def _ours(folder: Path, column: str) -> Work:
    import lance  # noqa: F401

    from mmreg.registry.api import Registry

    reader = Registry.open(folder).open_version("kept")
    return lambda: sum(batch.num_rows for batch in reader.batches([column], batch_size=8192))


def _bare(folder: Path, column: str) -> Work:
    """The selection's table, a boolean for every row id, a scan of the root: what anybody would write."""
    import lance
    import numpy as np
    import pyarrow as pa

    lake = folder / ".mmreg" / "lake"

    def work() -> int:
        root, kept = lance.dataset(str(lake / "texts.lance")), lance.dataset(str(lake / "kept.lance"))
        row_ids = kept.to_table(columns=["row_id"])["row_id"].to_numpy()
        mask = np.zeros(int(row_ids.max()) + 1, bool)
        mask[row_ids] = True
        count = 0
        scanner = root.scanner(columns=[column], with_row_id=True, batch_size=8192)
        for batch in scanner.to_batches():
            here = np.minimum(batch.column("_rowid").to_numpy(), len(mask) - 1)
            count += batch.filter(pa.array(mask[here])).num_rows
        return count

    return work


if __name__ == "__main__":
    main()
