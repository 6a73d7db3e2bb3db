"""The rows of a version that lie in one root, read in the root's order: by a scan with a mask, or by row id."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mmreg.registry.lake import reading
from mmreg.schemas.arrow import media_kind
from mmreg.schemas.cells import child

if TYPE_CHECKING:
    import lance

    from mmreg.registry.selection import Selection

BATCH_BYTES = 32 * 1024 * 1024
TAKEN_MEDIA = 128
"""Rows with media that are taken by row id at once: that way Lance bounds no bytes."""
SPARSE = 0.1
"""Below this share of its rows a selection is read by row id, above it by a scan with a mask."""


@dataclass(frozen=True)
class Part:
    """Rows of ``root`` at one version: all, or those of ``selection``. ``ref`` is whose part it is, for messages;
    ``media_root`` is where relative references of its media start."""

    ref: str
    root: str
    table: lance.LanceDataset
    selection: Selection | None
    media_root: str | None
    erased: NDArray[np.uint64] = field(default_factory=lambda: np.empty(0, np.uint64))
    """Rows that are still in the table and are left out; of a selection they have left already."""

    def __len__(self) -> int:
        return self.table.count_rows() - len(self.erased) if self.selection is None else len(self.selection)

    def batches(self, columns: list[str], predicate: str | None, batch_size: int) -> Iterator[pa.RecordBatch]:
        """``columns`` (nested ones dotted) and ``_rowid`` of the rows that fulfil ``predicate``, in Lance's words."""
        if self.selection is None:
            yield from self._scan(columns, predicate, batch_size, None)
        elif predicate is None and len(self.selection) < SPARSE * self.table.count_rows():
            yield from self._take(columns, self.selection, batch_size)
        else:
            yield from self._scan(columns, predicate, batch_size, self.selection)

    def _scan(
        self, columns: list[str], predicate: str | None, batch_size: int, selection: Selection | None
    ) -> Iterator[pa.RecordBatch]:
        with reading(self.ref):
            media = self.has_media(columns)
            scanner = self.table.scanner(
                columns=columns,
                filter=predicate,
                with_row_id=True,
                batch_size=batch_size,
                # Only large cells need a short leash: they are what fills memory.
                batch_readahead=2 if media else None,
                fragment_readahead=1 if media else None,
                batch_size_bytes=BATCH_BYTES if media else None,
                io_buffer_size=2 * BATCH_BYTES,
                scan_in_order=True,
            )
            for batch in scanner.to_batches():
                if selection is not None:
                    row_ids = batch.column("_rowid").to_numpy().astype(np.uint64, copy=False)
                    batch = batch.filter(pa.array(selection.holds(row_ids)))
                elif len(self.erased):
                    row_ids = batch.column("_rowid").to_numpy().astype(np.uint64, copy=False)
                    batch = batch.filter(pa.array(~np.isin(row_ids, self.erased)))
                yield batch

    def _take(self, columns: list[str], selection: Selection, batch_size: int) -> Iterator[pa.RecordBatch]:
        step = min(batch_size, TAKEN_MEDIA) if self.has_media(columns) else batch_size
        for start in range(0, len(selection), step):
            ids = selection.row_ids[start : start + step].tolist()
            with reading(self.ref):
                for batch in self.table._take_rows(ids, columns=[*columns, "_rowid"]).to_batches():
                    yield as_scanned(batch, [*columns, "_rowid"])

    def has_media(self, columns: list[str]) -> bool:
        return any(
            name in self.table.schema.names and media_kind(self.table.schema.field(name).type) for name in columns
        )


def as_scanned(batch: pa.RecordBatch, columns: list[str]) -> pa.RecordBatch:
    """``batch`` with nested columns under their dotted names: a scan names them so, a take gives their structs."""
    arrays = []
    for name in columns:
        column, *path = name.split(".")
        array = batch.column(column)
        for part in path:
            array = child(array, part)
        arrays.append(array)
    return pa.RecordBatch.from_arrays(arrays, names=columns)
