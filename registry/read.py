"""Reading a version: Arrow batches in bounded memory, by column, predicate and split; the same for a root dataset
and for a derived one, whose rows are looked up in the root versions that it is pinned to.

A mixture of several roots has the columns that all of them have under one name and type, and is read root by root.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mmreg.errors import FilterError, NotFound, UsageError
from mmreg.registry.erase.tombstones import Tombstones, load
from mmreg.registry.held import held, places_of
from mmreg.registry.lake import Lake
from mmreg.registry.media import with_bytes
from mmreg.registry.part import Part
from mmreg.registry.selection import Selection, read_selection
from mmreg.schemas.predicate import Predicate

if TYPE_CHECKING:
    import lance
    import torch.utils.data

    from mmreg.registry.catalog import VersionRow


class Reader:
    """A handle to one exact version. ``ref`` is how a person names it, ``uuid`` what it is."""

    def __init__(
        self, lake: Lake, row: VersionRow, split: str | None = None, media_roots: Mapping[str, str | None] | None = None
    ) -> None:
        """``media_roots`` says for each root where relative references of its media start."""
        self._lake, self._row, self._split, self._media_roots = lake, row, split, media_roots or {}

    def __repr__(self) -> str:
        split = f", split={self._split!r}" if self._split else ""
        return f"<mmreg {self.ref}: {len(self):,} rows{split}>"

    @property
    def ref(self) -> str:
        return self._row.ref

    @property
    def uuid(self) -> str:
        return self._row.uuid

    @cached_property
    def parts(self) -> tuple[Part, ...]:
        """Its rows by root: one part, or for a mixture one for each root."""
        here = {"dataset": self._row.dataset, "lance_version": self._row.lance_version}
        erased = load(self._lake.store)
        return tuple(
            self._part(number, root["dataset"], root["lance_version"], erased)
            for number, root in enumerate([here] if self._row.kind == "root" else self._row.roots)
        )

    def _part(self, number: int, root: str, lance_version: int, erased: Tombstones) -> Part:
        table = self._lake.table(root, lance_version)
        selection = self.selection.of(number) if self.selection is not None else None
        gone = erased.rows_in(root, table)
        if len(gone) and selection is not None:
            selection = selection.without({0: gone})
        return Part(self.ref, root, table, selection, self._media_roots.get(root), gone)

    @property
    def table(self) -> lance.LanceDataset:
        """The root's table at the version that this reads. Raises `UsageError` for a mixture of several roots."""
        return self._only_part().table

    @cached_property
    def selection(self) -> Selection | None:
        """Which rows of the roots these are; None where they are all of one."""
        if self._row.kind == "root":
            if self._split is not None:
                raise NotFound(f"{self.ref} is a root dataset: it has no splits", hint="open a derived dataset")
            return None
        derived = self._lake.table(self._row.dataset, self._row.lance_version)
        return read_selection(derived).only(self._split, self._row.dataset)

    @property
    def schema(self) -> pa.Schema:
        """The columns that a person would read: without mmreg's own bookkeeping."""
        return pa.schema([f for f in self.full_schema if not f.name.startswith("_")])

    @cached_property
    def full_schema(self) -> pa.Schema:
        """All columns. Those of a mixture are the ones that all its roots have under one name and type."""
        first, *others = (part.table.schema for part in self.parts)
        if not others:
            return first
        return pa.schema(
            [
                (f.name, f.type)
                for f in first
                if all(f.name in o.names and o.field(f.name).type == f.type for o in others)
            ]
        )

    def __len__(self) -> int:
        return sum(len(part) for part in self.parts)

    @contextmanager
    def held(self) -> Iterator[Self]:
        """Keep clean-up away from this version while the block runs: for reads that take long.

        Raises `NotFound` where it is gone by now, and `StorageError` for a lake that cannot be written to.
        """
        with held(self._lake, self.ref, places_of(self._row)):
            yield self

    def split(self, name: str) -> Reader:
        """The same version, one split of it."""
        return Reader(self._lake, self._row, name, self._media_roots)

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
        """Stream the rows, in the order of the root, or of the roots one after the other.

        ``columns``: all by default; nested ones as ``image.width``. ``where``: a predicate; NaN never fulfils one.
        ``media``: fill in the bytes of media kept by reference; ``"tolerant"`` leaves a cell whose file cannot be
        read without bytes instead of raising. Batches have at most ``batch_size`` rows and
        about 32 MiB; that bounds memory, not the number of rows. Raises `FilterError`, `NotFound`, `StorageError`.
        """
        names = self._columns(columns)
        predicate = Predicate.parse(where).to_lance(self.full_schema) if where else None
        left = limit if limit is not None else len(self)
        for part in self.parts:
            fill = media and part.has_media(names)
            for batch in part.batches(names, predicate, batch_size):
                if left <= 0:
                    return
                batch = batch.slice(0, left)
                left -= batch.num_rows
                if not with_row_id:
                    batch = batch.drop_columns(["_rowid"])
                if batch.num_rows:
                    batch = with_bytes(batch, part.media_root, tolerant=media == "tolerant") if fill else batch
                    yield batch if len(self.parts) == 1 else _alike(batch)

    def row_ids(self, where: str | None = None) -> NDArray[np.uint64]:
        """The root's row ids of these rows (that fulfil ``where``), ascending. There must be one root."""
        self._only_part()
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
        return self.parts[0].table.scanner(columns=self._columns(columns), limit=0).to_table()

    def torch(
        self, columns: Sequence[str] | None = None, *, batch_size: int = 256
    ) -> torch.utils.data.IterableDataset[pa.RecordBatch]:
        """A torch dataset over batches of ``batch_size`` rows, divided among the workers of a DataLoader."""
        from mmreg.registry.torch import ArrowBatches

        return ArrowBatches(partial(self.batches, columns, batch_size=batch_size), len(self), batch_size)

    def _columns(self, columns: Sequence[str] | None) -> list[str]:
        if columns is None:
            return self.schema.names
        for name in columns:
            if name.partition(".")[0] not in self.full_schema.names:
                raise FilterError(
                    f"{self.ref} has no column {name!r}{self._instead_of(name)}", hint=f"mmreg show {self.ref}"
                )
        return list(columns)

    def _instead_of(self, name: str) -> str:
        column = name.partition(".")[0]
        if there := [part.root for part in self.parts if column in part.table.schema.names]:
            which = (
                "each has its own type of it" if len(there) == len(self.parts) else f"only {', '.join(there)} has it"
            )
            return f": a mixture has the columns of all its roots, and of these {which}"
        from rapidfuzz.process import extractOne

        near = extractOne(name, self.schema.names, score_cutoff=60)
        return f". Did you mean {near[0]!r}?" if near else ""

    def _only_part(self) -> Part:
        if len(self.parts) > 1:
            roots = ", ".join(part.root for part in self.parts)
            raise UsageError(f"{self.ref} has rows of several roots ({roots})", hint="read its parts one by one")
        return self.parts[0]


def _alike(batch: pa.RecordBatch) -> pa.RecordBatch:
    """``batch`` without what is said of its columns besides name and type, as that may differ from root to root."""
    return pa.RecordBatch.from_arrays(batch.columns, names=batch.schema.names)
