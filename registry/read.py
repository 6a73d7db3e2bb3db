"""Reading a version: Arrow batches in bounded memory, by column, predicate and split; the same for a root dataset
and for a derived one, whose rows are looked up in the root version that it is pinned to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mmreg.errors import FilterError, NotFound
from mmreg.registry.lake import Lake, reading
from mmreg.registry.media import with_bytes
from mmreg.registry.selection import Selection, read_selection
from mmreg.schemas.arrow import media_kind
from mmreg.schemas.cells import child
from mmreg.schemas.predicate import Predicate

if TYPE_CHECKING:
    import lance
    import torch.utils.data

    from mmreg.registry.catalog import VersionRow

BATCH_BYTES = 32 * 1024 * 1024
TAKEN_MEDIA = 128
"""Rows with media that are taken by row id at once: that way Lance bounds no bytes."""
SPARSE = 0.1
"""Below this share of its rows a selection is read by row id, above it by a scan with a mask."""


class Reader:
    """A handle to one exact version. ``ref`` is how a person names it, ``uuid`` what it is."""

    def __init__(self, lake: Lake, row: VersionRow, split: str | None = None, media_root: str | None = None) -> None:
        self._lake, self._row, self._split, self._media_root = lake, row, split, media_root

    def __repr__(self) -> str:
        split = f", split={self._split!r}" if self._split else ""
        return f"<mmreg {self.ref}: {len(self):,} rows{split}>"

    @property
    def ref(self) -> str:
        return f"{self._row.dataset}@v{self._row.ordinal}"

    @property
    def uuid(self) -> str:
        return self._row.uuid

    @cached_property
    def table(self) -> lance.LanceDataset:
        """The root's table at the version that this reads."""
        if self._row.kind == "root":
            return self._lake.table(self._row.dataset, self._row.lance_version)
        root = self._row.roots[0]
        return self._lake.table(root["dataset"], root["lance_version"])

    @cached_property
    def selection(self) -> Selection | None:
        """Which rows of the root these are; None where they are all of them."""
        if self._row.kind == "root":
            if self._split is not None:
                raise NotFound(f"{self.ref} is a root dataset: it has no splits", hint="open a derived dataset")
            return None
        derived = self._lake.table(self._row.dataset, self._row.lance_version)
        return read_selection(derived).only(self._split, self._row.dataset)

    @property
    def schema(self) -> pa.Schema:
        """The columns that a person would read: without mmreg's own bookkeeping."""
        return pa.schema([f for f in self.table.schema if not f.name.startswith("_")])

    def __len__(self) -> int:
        return self.table.count_rows() if self.selection is None else len(self.selection)

    def split(self, name: str) -> Reader:
        """The same version, one split of it."""
        return Reader(self._lake, self._row, name, self._media_root)

    def batches(
        self,
        columns: Sequence[str] | None = None,
        *,
        where: str | None = None,
        limit: int | None = None,
        batch_size: int = 1024,
        media: bool | Literal["tolerant"] = True,
        with_row_id: bool = False,
    ) -> Iterator[pa.RecordBatch]:
        """Stream the rows, in the order of the root.

        ``columns``: all by default; nested ones as ``image.width``. ``where``: a predicate; NaN never fulfils one.
        ``media``: fill in the bytes of media kept by reference; ``"tolerant"`` leaves a cell whose file cannot be
        read without bytes instead of raising. Batches have at most ``batch_size`` rows and
        about 32 MiB; that bounds memory, not the number of rows. Raises `FilterError`, `NotFound`, `StorageError`.
        """
        names = self._columns(columns)
        predicate = Predicate.parse(where).to_lance(self.table.schema) if where else None
        fill = media and self._has_media(names)
        left = limit if limit is not None else len(self)
        for batch in self._rows(names, predicate, batch_size):
            if left <= 0:
                return
            batch = batch.slice(0, left)
            left -= batch.num_rows
            if not with_row_id:
                batch = batch.drop_columns(["_rowid"])
            if batch.num_rows:
                yield with_bytes(batch, self._media_root, tolerant=media == "tolerant") if fill else batch

    def row_ids(self, where: str | None = None) -> NDArray[np.uint64]:
        """The root's row ids of these rows (that fulfil ``where``), ascending."""
        parts = [
            batch.column("_rowid").to_numpy()
            for batch in self.batches([], where=where, batch_size=65_536, media=False, with_row_id=True)
        ]
        return np.sort(np.concatenate([np.empty(0, np.uint64), *parts]).astype(np.uint64))

    def to_arrow(self, columns: Sequence[str] | None = None, **options: Any) -> pa.Table:
        """Everything at once: for small answers."""
        batches = list(self.batches(columns, **options))
        if batches:
            return pa.Table.from_batches(batches)
        names = self._columns(columns)
        return self.table.scanner(columns=names, limit=0).to_table()

    def torch(
        self, columns: Sequence[str] | None = None, *, batch_size: int = 256
    ) -> torch.utils.data.IterableDataset[pa.RecordBatch]:
        """A torch dataset over the same batches, divided among the workers of a DataLoader."""
        from mmreg.registry.torch import ArrowBatches

        read = partial(self.batches, columns, batch_size=batch_size)
        return ArrowBatches(read, -(-len(self) // batch_size))

    def _columns(self, columns: Sequence[str] | None) -> list[str]:
        if columns is None:
            return self.schema.names
        for name in columns:
            if name.partition(".")[0] not in self.table.schema.names:
                from rapidfuzz.process import extractOne

                near = extractOne(name, self.schema.names, score_cutoff=60)
                meant = f" Did you mean {near[0]!r}?" if near else ""
                raise FilterError(f"{self.ref} has no column {name!r}.{meant}", hint=f"mmreg show {self.ref}")
        return list(columns)

    def _rows(self, columns: list[str], predicate: str | None, batch_size: int) -> Iterator[pa.RecordBatch]:
        selection = self.selection
        if selection is None:
            yield from self._scan(columns, predicate, batch_size, None)
        elif predicate is None and len(selection) < SPARSE * self.table.count_rows():
            yield from self._take(columns, selection, batch_size)
        else:
            yield from self._scan(columns, predicate, batch_size, selection)

    def _scan(
        self, columns: list[str], predicate: str | None, batch_size: int, selection: Selection | None
    ) -> Iterator[pa.RecordBatch]:
        with reading(self.ref):
            media = self._has_media(columns)
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
                    batch = batch.filter(pa.array(selection.holds(batch.column("_rowid").to_numpy())))
                yield batch

    def _take(self, columns: list[str], selection: Selection, batch_size: int) -> Iterator[pa.RecordBatch]:
        step = min(batch_size, TAKEN_MEDIA) if self._has_media(columns) else batch_size
        for start in range(0, len(selection), step):
            ids = selection.row_ids[start : start + step].tolist()
            with reading(self.ref):
                for batch in self.table._take_rows(ids, columns=[*columns, "_rowid"]).to_batches():
                    yield _as_scanned(batch, [*columns, "_rowid"])

    def _has_media(self, columns: list[str]) -> bool:
        return any(
            name in self.table.schema.names and media_kind(self.table.schema.field(name).type) for name in columns
        )


def _as_scanned(batch: pa.RecordBatch, columns: list[str]) -> pa.RecordBatch:
    """``batch`` with nested columns under their dotted names: a scan names them so, a take gives their structs."""
    arrays = []
    for name in columns:
        column, *path = name.split(".")
        array = batch.column(column)
        for part in path:
            array = child(array, part)
        arrays.append(array)
    return pa.RecordBatch.from_arrays(arrays, names=columns)
