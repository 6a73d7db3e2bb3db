"""Finding samples of a root by their ids, and looking at single cells. Streams ``sample_id``: 16 bytes a row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mmreg.registry.identity import fixed_width
from mmreg.registry.lake import reading
from mmreg.registry.part import as_scanned
from mmreg.schemas.arrow import SAMPLE_ID, media_kind
from mmreg.schemas.cells import values

if TYPE_CHECKING:
    import lance

    from mmreg.registry.lake import Lake

BATCH_ROWS = 65_536


def table_since(lake: Lake, root: str, lance_version: int | None) -> lance.LanceDataset:
    """``root`` at a version (None: the newest), or where that was removed at the oldest one that came after it: a row
    keeps its id until its content changes."""
    there = lake.versions_on_disk(root)
    if lance_version is None or lance_version in there:
        return lake.table(root, lance_version)
    return lake.table(root, next((version for version in there if version > lance_version), None))


def samples_like(table: lance.LanceDataset, beginning: str) -> dict[bytes, int]:
    """The row ids of the samples whose ids, in hexadecimal, begin with ``beginning``."""
    with reading("sample_id"):
        asked = beginning_with("sample_id", beginning, 2 * SAMPLE_ID.type.byte_width)
        rows = table.scanner(columns=["sample_id"], with_row_id=True, filter=asked).to_table()
    return dict(zip(values(rows["sample_id"]), values(rows["_rowid"]), strict=True))


def beginning_with(column: str, beginning: str, digits: int) -> str:
    """The filter, in Lance's words, for binary values of so many ``digits`` that begin with hexadecimal ones."""
    low, high = beginning.ljust(digits, "0"), beginning.ljust(digits, "f")
    return f"{column} >= X'{low}' AND {column} <= X'{high}'"


def rows_of_samples(table: lance.LanceDataset, samples: NDArray[np.void]) -> NDArray[np.uint64]:
    """The row ids of those of ``samples`` (16 raw bytes each) that ``table`` has."""
    found = [np.empty(0, np.uint64)]
    with reading("sample_id"):
        for batch in table.scanner(columns=["sample_id"], with_row_id=True, batch_size=BATCH_ROWS).to_batches():
            here = np.isin(fixed_width(batch.column("sample_id")), samples)
            found.append(batch.column("_rowid").to_numpy().astype(np.uint64, copy=False)[here])
    return np.concatenate(found)


def cells_of(table: lance.LanceDataset, row_id: int, columns: list[str]) -> dict[str, Any]:
    """The cells of one row, nested columns dotted; of those that ``table`` has, and none of media."""
    names = [name for name in columns if name.partition(".")[0] in table.schema.names]
    there = [name for name in names if "." in name or not media_kind(table.schema.field(name).type)]
    if not there:
        return {}
    with reading("cells"):
        rows = table._take_rows([row_id], columns=there)
    batches = rows.combine_chunks().to_batches()
    return dict(as_scanned(batches[0], there).to_pylist()[0]) if batches else {}
