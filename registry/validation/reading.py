"""Reading the rows of pieces, in bounded memory: by a scan of their fragments, or few rows by their ids.

A batch has at most 8,192 rows, fewer where rows are large; with media at most 64. It has about 32 MiB, or one row that
is larger.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from mmreg.registry.lake import reading
from mmreg.registry.media import with_bytes
from mmreg.registry.part import BATCH_BYTES, Part, as_scanned
from mmreg.registry.selection import Selection
from mmreg.registry.validation.pieces import Piece
from mmreg.schemas.arrow import media_kind
from mmreg.schemas.cells import child

if TYPE_CHECKING:
    import lance

CELLS, MEDIA = 8192, 64
"""Rows of a batch."""


def read_pieces(
    part: Part, pieces: Sequence[Piece], columns: list[str], *, media: bool
) -> Iterator[tuple[Piece, pa.RecordBatch]]:
    """Batches of ``columns`` (nested ones dotted), each of one of ``pieces`` of ``part``, in their order.

    They are all sparse, or none of them is. ``media``: with the bytes of media that lie elsewhere; what cannot be
    read there has none.
    """
    fill = media and part.has_media(columns)
    for piece, batch in _taken(part, pieces, columns) if pieces[0].sparse else _scanned(part, pieces, columns):
        if not batch.num_rows:
            continue
        for some in _bounded(batch) if fill else (batch,):
            filled = with_bytes(some, part.media_root, tolerant=True) if fill else some
            # What is said of a column besides name and type may differ from root to root.
            yield piece, pa.RecordBatch.from_arrays(filled.columns, names=filled.schema.names)


def fragments_of(part: Part, pieces: Sequence[Piece]) -> list[lance.LanceFragment]:
    """Where ``pieces`` of ``part`` lie."""
    found = (part.table.get_fragment(piece.fragment) for piece in pieces)
    return [fragment for fragment in found if fragment is not None]


def is_unread(batch: pa.RecordBatch) -> bool:
    """Whether some media of ``batch`` could not be read where they lie: another time they may."""
    for column in _media(batch):
        away = pc.and_(pc.is_valid(child(column, "uri")), pc.is_null(child(column, "bytes")))
        if pc.any(away).as_py():
            return True
    return False


def _scanned(part: Part, pieces: Sequence[Piece], columns: list[str]) -> Iterator[tuple[Piece, pa.RecordBatch]]:
    media = part.has_media(columns)
    wanted = {piece.fragment: piece for piece in pieces}
    kept = {piece.fragment: Selection(np.sort(piece.row_ids)) for piece in pieces if piece.row_ids is not None}
    fragments = fragments_of(part, pieces)
    with reading(part.ref):
        scanner = part.table.scanner(
            columns=columns,
            with_row_id=True,
            with_row_address=True,
            batch_size=MEDIA if media else _rows_at_once(part, fragments[:1], columns),
            batch_readahead=2 if media else None,
            fragment_readahead=1 if media else None,
            batch_size_bytes=BATCH_BYTES,
            io_buffer_size=2 * BATCH_BYTES,
            scan_in_order=True,
            fragments=fragments,
        )
        for batch in scanner.to_batches():
            for fragment, some in _by_fragment(batch):
                if fragment in kept:
                    row_ids = some.column("_rowid").to_numpy().astype(np.uint64, copy=False)
                    some = some.filter(pa.array(kept[fragment].holds(row_ids)))
                yield wanted[fragment], some.select(columns)


def _rows_at_once(part: Part, fragments: list[lance.LanceFragment], columns: list[str]) -> int:
    """Rows of a batch, by what the first few take: Lance decodes a batch's worth of rows whatever their bytes."""
    head = part.table.scanner(columns=columns, limit=MEDIA, fragments=fragments).to_table()
    return max(MEDIA, min(CELLS, BATCH_BYTES * head.num_rows // max(head.nbytes, 1)))


def _by_fragment(batch: pa.RecordBatch) -> Iterator[tuple[int, pa.RecordBatch]]:
    if not batch.num_rows:
        return
    fragments = batch.column("_rowaddr").to_numpy().astype(np.uint64, copy=False) >> np.uint64(32)
    starts = [0, *(np.flatnonzero(np.diff(fragments)) + 1).tolist(), batch.num_rows]
    for start, stop in pairwise(starts):
        yield int(fragments[start]), batch.slice(start, stop - start)


def _taken(part: Part, pieces: Sequence[Piece], columns: list[str]) -> Iterator[tuple[Piece, pa.RecordBatch]]:
    most, step = (MEDIA, 1) if part.has_media(columns) else (CELLS, MEDIA)
    for piece in pieces:
        start = 0
        assert piece.row_ids is not None
        while start < piece.rows:
            row_ids = piece.row_ids[start : start + step].tolist()
            with reading(part.ref):
                taken = part.table._take_rows(row_ids, columns=columns)
            for batch in taken.combine_chunks().to_batches():
                yield piece, as_scanned(batch, columns)
            start += step
            # That way Lance bounds no bytes: what the last rows took says how many to take next.
            step = max(1, min(most, BATCH_BYTES * len(row_ids) // max(taken.nbytes, 1)))


def _bounded(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """``batch`` cut so that the media which it refers to are not more than what is read at once."""
    ends = np.cumsum(_away(batch))
    start = 0
    while start < batch.num_rows:
        before = int(ends[start - 1]) if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, before + BATCH_BYTES, side="right")))
        yield batch.slice(start, stop - start)
        start = stop


def _away(batch: pa.RecordBatch) -> NDArray[np.int64]:
    """For each row the bytes of media that lie elsewhere, as its cells say."""
    sizes = np.zeros(batch.num_rows, np.int64)
    for column, rows in _media_rows(batch):
        away = pc.if_else(pc.is_valid(child(column, "uri")), child(column, "length"), 0)
        lengths = pc.fill_null(away, 0).to_numpy(zero_copy_only=False).astype(np.int64)
        np.add.at(sizes, rows, np.maximum(lengths, 0))
    return sizes


def _media(batch: pa.RecordBatch) -> Iterator[pa.Array[Any]]:
    for column, _ in _media_rows(batch):
        yield column


def _media_rows(batch: pa.RecordBatch) -> Iterator[tuple[pa.Array[Any], NDArray[np.int64]]]:
    """The media cells of a batch, column by column, also of those in lists, with the row of each."""
    for column in batch.columns:
        if media_kind(column.type):
            yield column, np.arange(batch.num_rows)
        elif isinstance(column, pa.ListArray) and media_kind(column.type.value_type):
            yield column.flatten(), pc.list_parent_indices(column).to_numpy().astype(np.int64)
