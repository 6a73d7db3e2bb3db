"""The rows that an ingest brings, on their way from the source into the table."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mmreg.registry.changes import ERASED, REJECTED, Changes, Hashes, address_hash, address_hashes
from mmreg.registry.erase.likeness import refused
from mmreg.registry.erase.tombstones import Forbidden
from mmreg.registry.identity import canonical_cells, content_columns, fixed_width, sample_ids
from mmreg.schemas.arrow import media_kind
from mmreg.schemas.cells import Column, child, values, whole
from mmreg.schemas.declaration import DatasetSpec
from mmreg.schemas.progress import Progress
from mmreg.sources.protocol import Rejected, Source

if TYPE_CHECKING:
    import lance

BY_SOURCE = ("source",)


class Incoming:
    """One reading of what is pending: `batches` streams it, the other attributes are complete when it has ended.

    ``replaced`` are row ids whose record now has another content (what passes made of the old row is carried over),
    ``touched`` maps addresses whose content is the same to their new stamps. Rows of which nothing changed but columns
    that are ``new`` to the dataset stay as they are, and ``fill`` is handed these cells with their row ids;
    ``refilled`` counts them. Memory beside one batch: 16 bytes for each row that comes in.
    """

    def __init__(
        self,
        source: Source,
        spec: DatasetSpec,
        schema: pa.Schema,
        table: lance.LanceDataset | None,
        changes: Changes,
        new: Sequence[str] = (),
        fill: Fill | None = None,
        erased: Forbidden | None = None,
    ) -> None:
        """``erased`` is what may not come in again, whatever it is called now."""
        self._source, self._identity, self._declared, self._table = source, tuple(spec.identity), schema, table
        self._changes, self._new, self._fill = changes, list(new), fill
        self._erased = erased or Forbidden()
        self.refilled = 0
        self._carries = table is not None and bool((changes.changed_rows != REJECTED).any())
        self._seen = self._identities()
        self._ids: list[NDArray[np.void]] = []
        self.rejected: list[Rejected] = []
        self.replaced: set[int] = set()
        self.touched: dict[str, int] = {}
        self.kept: set[int] = set()

    @property
    def declared(self) -> list[str]:
        """The columns that the source fills."""
        return content_columns(self._declared)

    @property
    def schema(self) -> pa.Schema:
        """Of the batches: the declared columns, and those of passes where there is something to carry over."""
        if not self._carries:
            return self._declared
        assert self._table is not None
        return self._table.schema

    @property
    def added(self) -> int:
        return sum(map(len, self._ids)) - len(self.replaced)

    def brings(self, sample_ids: Column) -> bool:
        """Whether any of ``sample_ids`` is among the rows that came in."""
        return any(bool(np.isin(ids, fixed_width(sample_ids)).any()) for ids in self._ids)

    def batches(self, progress: Progress, *, everything: bool) -> Iterator[pa.RecordBatch]:
        """Read what is wanted, or ``everything`` without looking at addresses."""
        wanted = None if everything else _Wanted(self._changes.wanted)
        for part in self._source.read(wanted):
            self.rejected.extend(part.rejected)
            progress.advance(part.rows.num_rows + len(part.rejected))
            batch = self._identified(part.rows)
            if self._carries:
                batch = self._carried_over(batch)
            if batch.num_rows:
                self._ids.append(fixed_width(batch.column("sample_id")))
                yield batch

    def _identified(self, rows: pa.RecordBatch) -> pa.RecordBatch:
        ids = sample_ids(rows, self._identity)
        batch = pa.RecordBatch.from_arrays([ids, *rows.columns], schema=self._declared)
        if self._erased:
            batch = self._without_erased(batch)
        if self._identity == BY_SOURCE:
            return batch
        keep = []
        for sample_id, source in zip(values(batch.column("sample_id")), values(batch.column("_source")), strict=True):
            keep.append(sample_id not in self._seen)
            if not keep[-1]:
                detail = "another record has the same " + ", ".join(self._identity)
                self.rejected.append(Rejected(source["uri"], "duplicate_identity", detail, source["stamp"]))
            self._seen.add(sample_id)
        return batch.filter(pa.array(keep, pa.bool_()))

    def _without_erased(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """``batch`` without what is erased. Of its record only that is kept by which a listing knows it again."""
        mask = refused(batch, self.declared, self._erased)
        for place in np.flatnonzero(mask).tolist():
            source = values(batch.column("_source").slice(place, 1))[0]
            address = f"{address_hash(source['uri']):016x}"
            self.rejected.append(Rejected(address, ERASED, "", source["stamp"]))
        return batch.filter(pa.array(~mask)) if mask.any() else batch

    def _identities(self) -> set[bytes]:
        """Sample ids that new rows must not repeat. By address and content nothing can repeat: then empty."""
        if self._table is None or self._identity == BY_SOURCE:
            return set()
        leaving = np.concatenate([self._changes.removed_rows.astype(np.int64), self._changes.changed_rows])
        rows = self._table.to_table(columns=["sample_id"], with_row_id=True)
        staying = ~np.isin(rows["_rowid"].to_numpy().astype(np.int64), leaving)
        return set(values(rows["sample_id"].filter(pa.array(staying))))

    def _carried_over(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """``batch`` with what passes had made of the rows that it replaces, without rows that were only touched."""
        old_rows = self._changes.old_rows(address_hashes(child(batch.column("_source"), "uri")))
        before = self._take(old_rows, [_light(self._declared.field(name)) for name in self.declared])
        where = {row_id: place for place, row_id in enumerate(values(before["_rowid"]))}
        settled = [name for name in self.declared if name not in self._new]
        now_content, old_content = _content(batch, settled), _content(before, settled)
        now_new, old_new = _content(batch, self._new), _content(before, self._new)
        refilled: dict[int, int] = {}
        keep = np.ones(batch.num_rows, bool)
        replaced = np.full(batch.num_rows, REJECTED, np.int64)
        for index, source in enumerate(values(batch.column("_source"))):
            row_id = int(old_rows[index])
            if row_id not in where:
                continue
            if now_content[index] == old_content[where[row_id]]:
                self.touched[source["uri"]] = source["stamp"]
                self.kept.add(row_id)
                keep[index] = False
                if now_new[index] != old_new[where[row_id]]:
                    refilled[index] = row_id
            else:
                self.replaced.add(row_id)
                replaced[index] = row_id
        if refilled and self._fill is not None:
            self.refilled += len(refilled)
            cells = pa.Table.from_batches([batch.select(self._new).take(pa.array(list(refilled), pa.int64()))])
            self._fill(cells.append_column("_rowid", pa.array(list(refilled.values()), pa.uint64())))
        columns = {name: batch.column(name) for name in batch.schema.names} | self._made_of(replaced)
        arrays = [columns[field.name] for field in self.schema]
        return pa.RecordBatch.from_arrays(arrays, schema=self.schema).filter(pa.array(keep))

    def _made_of(self, rows: NDArray[np.int64]) -> dict[str, pa.Array[Any]]:
        """What passes had made of ``rows``, null for `REJECTED`."""
        made = [name for name in self.schema.names if name not in self._declared.names]
        before = self._take(rows, made)
        where = {row_id: place for place, row_id in enumerate(values(before["_rowid"]))}
        places = pa.array([where.get(row_id) for row_id in rows.tolist()], pa.int64())
        return {name: whole(before[name]).take(places) for name in made}

    def _take(self, rows: NDArray[np.int64], columns: list[str]) -> pa.Table:
        assert self._table is not None
        return self._table._take_rows(rows[rows != REJECTED].tolist(), columns=[*columns, "_rowid"])


Fill = Callable[[pa.Table], None]
"""Takes cells of rows that stay: ``_rowid`` and the new columns."""


def _content(rows: pa.RecordBatch | pa.Table, columns: Sequence[str]) -> list[tuple[bytes, ...]]:
    if not columns:
        return [()] * rows.num_rows
    return list(zip(*(canonical_cells(rows, name) for name in columns), strict=True))


class _Wanted:
    """Which addresses to read, by ascending hashes."""

    def __init__(self, hashes: Hashes) -> None:
        self._hashes = hashes

    def __call__(self, addresses: pa.Array[Any]) -> pa.Array[Any]:
        mask: pa.Array[Any] = pa.array(np.isin(address_hashes(addresses), self._hashes))
        return mask


def _light(field: pa.Field[Any]) -> str:
    return f"{field.name}.sha256" if media_kind(field.type) else field.name
