"""Comparing rows that were written anew with what they were written from, cell by cell, before anybody sees them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from mmreg.errors import IntegrityError
from mmreg.schemas.arrow import media_kind
from mmreg.schemas.cells import Column, child, values, whole
from mmreg.schemas.fingerprint import cell_fingerprints, is_media_list


def assert_same(
    old: Iterable[pa.RecordBatch], new: Callable[[int, int], pa.Table], rows: int, columns: Sequence[str], what: str
) -> None:
    """Compare a stream of rows with what has been written of them: ``new`` reads a number of rows from a place on,
    ``rows`` is how many there are.

    Every cell is compared by a digest, and the bytes of media with the SHA-256 beside them; not so those of rows whose
    ``_rowid`` is null, which are deleted. Memory: two batches.
    Raises `IntegrityError`, which names ``what``, the column and the row.
    """
    row = 0
    for batch in old:
        if row + batch.num_rows > rows:
            break
        piece = new(row, batch.num_rows)
        live = _live(batch)
        for name in columns:
            wrong = live & (cell_prints(batch.column(name)) != cell_prints(piece.column(name)))
            if wrong.any():
                raise _different(what, f"column {name!r} came back otherwise in row {row + int(wrong.argmax()):,}")
            for place in damaged(piece.column(name)):
                if not live[place]:
                    continue
                raise IntegrityError(
                    f"{what}: the bytes of a media cell in {name!r}, row {row + place:,}, are not what their SHA-256 "
                    "says; nothing was published",
                    hint="mmreg fsck --deep",
                )
        row += batch.num_rows
    else:
        if row == rows:
            return
    raise _different(what, f"{rows:,} rows came back, which is not as many as there were")


def cell_prints(column: Column) -> Any:
    """64 bits a cell over all that is in it; of lists of media, too, every byte."""
    if is_media_list(column.type):
        lists: Any = whole(column)
        inner = cell_fingerprints(pc.list_flatten(lists))
        lengths = pc.list_value_length(lists).fill_null(-1).to_numpy(zero_copy_only=False)
        ends = np.cumsum(np.maximum(lengths, 0))
        starts = ends - np.maximum(lengths, 0)
        spread = inner * (2 * np.arange(len(inner), dtype=np.uint64) + np.uint64(1))
        sums = np.concatenate([np.zeros(1, np.uint64), np.cumsum(spread, dtype=np.uint64)])
        return sums[ends] - sums[starts] + lengths.astype(np.uint64)
    return cell_fingerprints(column)


def damaged(column: Column) -> Iterator[int]:
    """The places of cells with media whose bytes are not those that their SHA-256 is of."""
    if is_media_list(column.type):
        lists: Any = whole(column)
        owners = pc.list_parent_indices(lists)
        yield from (int(values(owners)[place]) for place in damaged(pc.list_flatten(lists)))
    elif media_kind(column.type) is not None:
        # Below a null cell lies anything.
        there = whole(column).is_valid()
        cells, digests = child(column, "bytes"), values(pc.if_else(there, child(column, "sha256"), None))
        for place, said in enumerate(digests):
            cell: Any = cells[place]
            if said is not None and cell.is_valid and hashlib.sha256(cell.as_buffer()).digest() != said:
                yield place


def _live(batch: pa.RecordBatch) -> NDArray[np.bool_]:
    if "_rowid" not in batch.schema.names:
        return np.ones(batch.num_rows, bool)
    there: NDArray[np.bool_] = batch.column("_rowid").is_valid().to_numpy(zero_copy_only=False)
    return there


def _different(what: str, how: str) -> IntegrityError:
    return IntegrityError(f"{what}: {how}; nothing was published", hint="mmreg fsck --deep")
