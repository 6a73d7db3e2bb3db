"""From a source to a root dataset: what is new, changed or gone becomes one version.

The listing of the source is compared with the addresses and stamps that the newest version keeps (in ``_source``),
so nothing that did not move is read again. A row whose content changed is replaced, keeping what passes have
made of it: their state says by itself what is stale. Records that cannot be rows are kept as rejected, with their
reason, in an object beside the table.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import xxhash
from numpy.typing import NDArray

from mmreg.errors import Conflict, UsageError
from mmreg.registry.clock import now
from mmreg.registry.commit import Draft, publish
from mmreg.registry.identity import canonical_cells, content_columns, sample_ids
from mmreg.registry.objects import get_records, put_records
from mmreg.registry.operations.rows import change_rows, create
from mmreg.registry.runs import new_run_id
from mmreg.schemas.arrow import dataset_schema, media_kind
from mmreg.schemas.cells import child, values
from mmreg.schemas.declaration import DatasetSpec
from mmreg.schemas.progress import Progress, Quiet
from mmreg.schemas.run import Job, Run, RunInput, RunState
from mmreg.sources.protocol import Rejected, Source

if TYPE_CHECKING:
    import lance
    from lance.fragment import FragmentMetadata

    from mmreg.registry.lake import Lake

ROWS_PER_FRAGMENT = 65_536
RACES = 10


@dataclass(frozen=True)
class Known:
    """What the newest version and the last ingest say of the source: sorted address hashes with their stamps.

    ``row_ids`` is -1 where the record was rejected.
    """

    addresses: NDArray[np.uint64]
    stamps: NDArray[np.uint64]
    row_ids: NDArray[np.int64]


@dataclass(frozen=True)
class Changes:
    """What a listing says against what is `Known`. Addresses as sorted 64-bit hashes, rows by row id."""

    added: NDArray[np.uint64]
    changed: NDArray[np.uint64]
    changed_rows: NDArray[np.uint64]
    removed_rows: NDArray[np.uint64]
    forgotten: int
    """Rejected records that are no longer in the source."""
    unchanged: int
    listing: str

    @property
    def pending(self) -> int:
        return len(self.added) + len(self.changed) + len(self.removed_rows) + self.forgotten


@dataclass
class _Reading:
    """What reading the wanted records came to, filled while Lance pulls batches."""

    rejected: list[Rejected] = field(default_factory=list)
    added_ids: list[bytes] = field(default_factory=list)
    replaced: dict[int, pa.RecordBatch] = field(default_factory=dict)
    touched: dict[str, int] = field(default_factory=dict)
    seen: set[bytes] = field(default_factory=set)


@dataclass(frozen=True)
class Ingested:
    """What an ingest came to: the run (None where nothing was pending) and its counts."""

    run: Run | None
    added: int = 0
    changed: int = 0
    removed: int = 0
    rejected: int = 0
    touched: Mapping[str, int] = field(default_factory=dict)


def compare(source: Source, known: Known) -> Changes:
    """Compare the source's listing with ``known``. Reads no media byte; 16 bytes of memory a record."""
    addresses, stamps = _listing(source)
    where = np.searchsorted(known.addresses, addresses)
    where[where == len(known.addresses)] = 0
    here = known.addresses[where] == addresses if len(known.addresses) else np.zeros(len(addresses), bool)
    moved = here & (known.stamps[where] != stamps) if len(known.addresses) else here
    gone = ~np.isin(known.addresses, addresses)
    changed_rows = known.row_ids[where[moved]] if len(known.addresses) else np.empty(0, np.int64)
    return Changes(
        added=addresses[~here],
        changed=addresses[moved],
        changed_rows=changed_rows[changed_rows >= 0].astype(np.uint64),
        removed_rows=known.row_ids[gone & (known.row_ids >= 0)].astype(np.uint64),
        forgotten=int((gone & (known.row_ids < 0)).sum()),
        unchanged=int((here & ~moved).sum()),
        listing=xxhash.xxh3_128_hexdigest(addresses.tobytes() + stamps.tobytes()),
    )


def known_records(
    lake: Lake, dataset: str, last: Run | None, spec_digest: str, touched: Mapping[str, int]
) -> tuple[Known, lance.LanceDataset | None]:
    """What is known of ``dataset``'s source, by its newest version and by ``last``, its last ingest.

    Where the declaration changed since (``spec_digest``), every stamp is forgotten so that all is read again.
    """
    table = lake.find_table(dataset)
    hashes: list[int] = []
    stamps: list[int] = []
    row_ids: list[int] = []
    if table is not None:
        for batch in table.scanner(columns=["_source"], with_row_id=True, batch_size=65_536).to_batches():
            cells = batch.column("_source")
            uris = values(child(cells, "uri"))
            hashes += [address_hash(uri) for uri in uris]
            stamps += [touched.get(u, s) for u, s in zip(uris, values(child(cells, "stamp")), strict=True)]
            row_ids += values(batch.column("_rowid"))
    for record in rejected_records(lake, last):
        hashes.append(address_hash(record["source"]))
        stamps.append(record["stamp"])
        row_ids.append(-1)
    if last is not None and last.facets["ingest"]["spec"] != spec_digest:
        stamps = [stamp ^ 1 for stamp in stamps]
    order = np.argsort(np.array(hashes, np.uint64))
    return Known(
        np.array(hashes, np.uint64)[order],
        np.array(stamps, np.uint64)[order],
        np.array(row_ids, np.int64)[order],
    ), table


def rejected_records(lake: Lake, ingest_run: Run | None) -> Iterator[dict[str, Any]]:
    """The rejected records as of an ingest, each with source, reason, detail and stamp."""
    if ingest_run is not None and (digest := ingest_run.facets["ingest"].get("rejected_object")):
        yield from get_records(lake.store, digest)


def address_hash(address: str) -> int:
    """64 bits of an address; a collision within one source is a 1 in 10^4 event at 10^8 records."""
    return xxhash.xxh3_64_intdigest(address.encode())


class Ingest:
    """One ingest of one dataset: `plan` says what is pending, `execute` makes it a version."""

    def __init__(
        self,
        lake: Lake,
        name: str,
        spec: DatasetSpec,
        source: Source,
        last: Run | None,
        touched: Mapping[str, int],
    ) -> None:
        self._lake, self._name, self._spec, self._source, self._last = lake, name, spec, source, last
        self._touched = touched
        self._spec_digest = spec_digest(spec)
        self._schema = dataset_schema(name, spec)

    def plan(self) -> Changes:
        """What the source has that the newest version has not, and the other way round."""
        known, table = known_records(self._lake, self._name, self._last, self._spec_digest, self._touched)
        self._check_columns(table)
        return compare(self._source, known)

    def execute(self, progress: Progress | None = None) -> Ingested:
        """Read what is pending and publish it. Raises `Conflict` where others keep changing the same rows."""
        for _ in range(RACES):
            try:
                return self._once(progress or Quiet())
            except _Overtaken:
                continue
        raise Conflict(f"{self._name}: others keep changing the same rows", hint="repeat the command")

    def _once(self, progress: Progress) -> Ingested:
        known, table = known_records(self._lake, self._name, self._last, self._spec_digest, self._touched)
        self._check_columns(table)
        changes = compare(self._source, known)
        if not changes.pending and self._last is not None:
            return Ingested(None)
        run = Run(
            id=new_run_id(),
            job=Job("ingest", self._name),
            state=RunState.COMPLETE,
            started_at=now(),
            ended_at="",
        )
        progress.start(f"ingest {self._name}", len(changes.added) + len(changes.changed))
        reading = _Reading(seen=self._identities(table, changes))
        old = self._old_rows(table, changes.changed_rows)
        try:
            fragments = self._write(table, changes, reading, old, progress)
        finally:
            progress.done()
        gone = {int(row) for row in changes.removed_rows}
        gone |= {int(row) for row in changes.changed_rows} - self._kept(old, reading)
        fragments += self._write_replaced(table, reading)
        removed = np.array(sorted(gone), np.uint64)
        rejected = self._all_rejected(changes, reading)
        run = self._describe(run, changes, reading, removed, rejected)
        added = sum(fragment.physical_rows for fragment in fragments)
        if not added and not len(removed):
            # Nothing became a row or stopped being one: a run without a version.
            return self._outcome(replace(run, ended_at=now()), reading, changes, 0, rejected)
        landed = publish(
            self._lake,
            self._name,
            run,
            _RowsBuilder(table, self._schema, fragments, removed, reading, len(rejected)),
        )
        assert landed is not None
        return self._outcome(landed, reading, changes, len(removed), rejected)

    def _outcome(
        self, run: Run, reading: _Reading, changes: Changes, removed: int, rejected: list[Mapping[str, Any]]
    ) -> Ingested:
        return Ingested(
            run=run,
            added=len(reading.added_ids) - len(reading.replaced),
            changed=len(reading.replaced),
            removed=removed - len(reading.replaced),
            rejected=len(rejected),
            touched=reading.touched,
        )

    def _check_columns(self, table: lance.LanceDataset | None) -> None:
        if table is None:
            return
        for wanted in self._schema:
            if wanted.name not in table.schema.names or not table.schema.field(wanted.name).type.equals(wanted.type):
                there = table.schema.field(wanted.name).type if wanted.name in table.schema.names else "absent"
                raise UsageError(
                    f"{self._name}: the column {wanted.name!r} is declared as {wanted.type}, but is {there} in the lake; "
                    "changing the columns of a dataset that has versions is not supported yet",
                    hint="declare it under a new dataset name",
                )

    def _identities(self, table: lance.LanceDataset | None, changes: Changes) -> set[bytes]:
        """Sample ids that new rows must not repeat. By address and content nothing can repeat: then empty."""
        if table is None or tuple(self._spec.identity) == ("source",):
            return set()
        leaving = np.concatenate([changes.removed_rows, changes.changed_rows])
        rows = table.to_table(columns=["sample_id"], with_row_id=True)
        staying = ~np.isin(rows["_rowid"].to_numpy(), leaving)
        return set(values(rows["sample_id"].filter(pa.array(staying))))

    def _old_rows(
        self, table: lance.LanceDataset | None, rows: NDArray[np.uint64]
    ) -> dict[str, tuple[int, pa.RecordBatch]]:
        """The changed rows as they were, by address, without their media bytes."""
        if table is None or not len(rows):
            return {}
        light = [c for name in table.schema.names for c in _without_bytes(table.schema.field(name))]
        old: dict[str, tuple[int, pa.RecordBatch]] = {}
        for batch in table._take_rows(rows.tolist(), columns=[*light, "_rowid"]).to_batches():
            for index, (source, row_id) in enumerate(
                zip(values(batch.column("_source")), values(batch.column("_rowid")), strict=True)
            ):
                old[source["uri"]] = (row_id, batch.slice(index, 1))
        return old

    def _write(
        self,
        table: lance.LanceDataset | None,
        changes: Changes,
        reading: _Reading,
        old: dict[str, tuple[int, pa.RecordBatch]],
        progress: Progress,
    ) -> list[FragmentMetadata]:
        if not len(changes.added) and not len(changes.changed):
            return []
        everything = table is None and self._last is None
        wanted = None if everything else _Wanted(np.sort(np.concatenate([changes.added, changes.changed])))
        batches = self._batches(wanted, reading, old, progress)
        first = next(batches, None)
        if first is None:
            return []
        reader = pa.RecordBatchReader.from_batches(self._schema, _chain(first, batches))
        return write_rows(self._lake, self._name, reader, self._schema, new=table is None)

    def _batches(
        self,
        wanted: _Wanted | None,
        reading: _Reading,
        old: dict[str, tuple[int, pa.RecordBatch]],
        progress: Progress,
    ) -> Iterator[pa.RecordBatch]:
        for part in self._source.read(wanted):
            reading.rejected.extend(part.rejected)
            progress.advance(part.rows.num_rows + len(part.rejected))
            batch = self._identified(part.rows, reading)
            if old:
                batch = self._set_aside_replaced(batch, reading, old)
            reading.added_ids.extend(values(batch.column("sample_id")))
            if batch.num_rows:
                yield batch

    def _identified(self, rows: pa.RecordBatch, reading: _Reading) -> pa.RecordBatch:
        ids = sample_ids(rows, self._spec.identity)
        batch = pa.RecordBatch.from_arrays([ids, *rows.columns], schema=self._schema)
        if tuple(self._spec.identity) == ("source",):
            return batch
        keep = []
        for sample_id, source in zip(values(ids), values(rows.column("_source")), strict=True):
            keep.append(sample_id not in reading.seen)
            if not keep[-1]:
                detail = "another record has the same " + ", ".join(self._spec.identity)
                reading.rejected.append(Rejected(source["uri"], "duplicate_identity", detail, source["stamp"]))
            reading.seen.add(sample_id)
        return batch.filter(pa.array(keep, pa.bool_()))

    def _set_aside_replaced(
        self, batch: pa.RecordBatch, reading: _Reading, old: dict[str, tuple[int, pa.RecordBatch]]
    ) -> pa.RecordBatch:
        """Take out the rows that replace an old one; those with the same content were only touched."""
        keep = []
        for index, source in enumerate(values(batch.column("_source"))):
            before = old.get(source["uri"])
            keep.append(before is None)
            if before is not None:
                now_row = batch.slice(index, 1)
                if self._content(now_row) == self._content(before[1]):
                    reading.touched[source["uri"]] = source["stamp"]
                else:
                    reading.replaced[before[0]] = _carry_over(now_row, before[1])
        return batch.filter(pa.array(keep, pa.bool_()))

    def _content(self, row: pa.RecordBatch) -> list[list[bytes]]:
        return [canonical_cells(row, name) for name in content_columns(self._schema)]

    def _kept(self, old: dict[str, tuple[int, pa.RecordBatch]], reading: _Reading) -> set[int]:
        """Row ids of changed records whose row stays: touched only."""
        return {old[address][0] for address in reading.touched if address in old}

    def _write_replaced(self, table: lance.LanceDataset | None, reading: _Reading) -> list[FragmentMetadata]:
        if not reading.replaced:
            return []
        assert table is not None
        schema = table.schema
        rows = [_conform(row, schema) for row in reading.replaced.values()]
        reading.added_ids.extend(row.column("sample_id")[0].as_py() for row in rows)
        reader = pa.RecordBatchReader.from_batches(schema, iter(rows))
        return write_rows(self._lake, self._name, reader, schema, new=False)

    def _all_rejected(self, changes: Changes, reading: _Reading) -> list[Mapping[str, Any]]:
        """Rejected records as of now: those of before that neither moved nor vanished, and the new ones."""
        again = {int(h) for h in changes.added} | {int(h) for h in changes.changed}
        listed = {int(h) for h in _listing(self._source)[0]} if self._last is not None else set()
        kept = [
            record
            for record in rejected_records(self._lake, self._last)
            if (h := address_hash(record["source"])) in listed and h not in again
        ]
        new = [{"source": r.source, "reason": r.reason, "detail": r.detail, "stamp": r.stamp} for r in reading.rejected]
        return sorted([*kept, *new], key=lambda record: (record["source"], record["reason"]))

    def _describe(
        self,
        run: Run,
        changes: Changes,
        reading: _Reading,
        removed: NDArray[np.uint64],
        rejected: list[Mapping[str, Any]],
    ) -> Run:
        facet = {
            "source": dict(self._source.facts),
            "listing": changes.listing,
            "spec": self._spec_digest,
            "added": len(reading.added_ids) - len(reading.replaced),
            "changed": len(reading.replaced),
            "removed": len(removed) - len(reading.replaced),
            "touched": len(reading.touched),
            "rejected": len(rejected),
            "rejected_object": put_records(self._lake.store, rejected) if rejected else None,
            "reasons": _count(record["reason"] for record in rejected),
            "license": self._spec.license,
        }
        source = RunInput("source", f"{self._name}/{changes.listing}", str(self._source.facts.get("path", self._name)))
        return replace(run, inputs=(source,), facets={"ingest": facet})


class _Overtaken(Exception):
    """Somebody else published some of the same rows; look again."""


class _RowsBuilder:
    """Builds the change on the newest version, refusing rows that somebody else brought meanwhile."""

    def __init__(
        self,
        planned: lance.LanceDataset | None,
        schema: pa.Schema,
        fragments: list[FragmentMetadata],
        removed: NDArray[np.uint64],
        reading: _Reading,
        rejected: int,
    ) -> None:
        self._planned, self._schema, self._fragments = planned, schema, fragments
        self._removed, self._reading, self._rejected = removed, reading, rejected

    def __call__(self, table: lance.LanceDataset | None) -> Draft:
        added = sum(fragment.physical_rows for fragment in self._fragments)
        if table is None:
            return Draft(
                create(self._schema, self._fragments),
                "root",
                added,
                self._rejected,
                columns=tuple(self._schema.names),
            )
        self._refuse_overlap(table)
        try:
            operation = change_rows(table, self._fragments, self._removed)
        except LookupError as error:
            raise _Overtaken from error
        rows = table.count_rows() + added - len(self._removed)
        return Draft(operation, "root", rows, self._rejected, columns=tuple(self._schema.names))

    def _refuse_overlap(self, table: lance.LanceDataset) -> None:
        before = {f.fragment_id for f in self._planned.get_fragments()} if self._planned is not None else set()
        mine = set(self._reading.added_ids)
        for fragment in table.get_fragments():
            if fragment.fragment_id not in before:
                theirs = fragment.to_table(columns=["sample_id"])["sample_id"].to_pylist()
                if not mine.isdisjoint(theirs):
                    raise _Overtaken
        if self._planned is not None and table.schema.names != self._planned.schema.names and self._reading.replaced:
            raise _Overtaken


class _Wanted:
    """Which addresses to read, by sorted hashes."""

    def __init__(self, hashes: NDArray[np.uint64]) -> None:
        self._hashes = hashes

    def __call__(self, addresses: pa.Array[Any]) -> pa.Array[Any]:
        hashes = np.array([address_hash(a) for a in values(addresses)], np.uint64)
        return pa.array(np.isin(hashes, self._hashes))


def write_rows(
    lake: Lake, dataset: str, reader: pa.RecordBatchReader, schema: pa.Schema, *, new: bool
) -> list[FragmentMetadata]:
    """Write fragments that no version names yet. Streams; memory is bounded by the reader's batches."""
    from lance.fragment import write_fragments

    written = write_fragments(
        reader,
        lake.table_uri(dataset),
        schema=schema,
        mode="create" if new else "append",
        max_rows_per_file=ROWS_PER_FRAGMENT,
        enable_stable_row_ids=True,
        storage_options=lake.store.options or None,
    )
    assert isinstance(written, list)
    return written


def spec_digest(spec: DatasetSpec) -> str:
    """16 hex digits of what decides how records become rows: not where the source lies, nor descriptions."""
    document = spec.model_dump_json(exclude={"license": True, "description": True, "source": {"path", "repo", "rev"}})
    return xxhash.xxh3_64_hexdigest(document.encode())


def _listing(source: Source) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """All addresses (hashed, sorted) and their stamps."""
    hashes: list[NDArray[np.uint64]] = [np.empty(0, np.uint64)]
    stamps: list[NDArray[np.uint64]] = [np.empty(0, np.uint64)]
    for batch in source.listing():
        hashes.append(np.array([address_hash(a) for a in values(batch.column("address"))], np.uint64))
        stamps.append(batch.column("stamp").to_numpy(zero_copy_only=False).astype(np.uint64))
    every = np.concatenate(hashes)
    order = np.argsort(every, kind="stable")
    return every[order], np.concatenate(stamps)[order]


def _without_bytes(column: pa.Field[Any]) -> list[str]:
    if not media_kind(column.type):
        return [column.name]
    return [f"{column.name}.sha256"]


def _carry_over(row: pa.RecordBatch, before: pa.RecordBatch) -> pa.RecordBatch:
    """``row`` with the columns that passes had made for ``before``."""
    made = [n for n in before.schema.names if n not in row.schema.names and "." not in n and n != "_rowid"]
    arrays = [*row.columns, *(before.column(name) for name in made)]
    return pa.RecordBatch.from_arrays(arrays, names=[*row.schema.names, *made])


def _conform(row: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    arrays = [row.column(f.name) if f.name in row.schema.names else pa.nulls(1, f.type) for f in schema]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _chain(first: pa.RecordBatch, rest: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    yield first
    yield from rest


def _count(reasons: Iterator[str]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for reason in reasons:
        counts[reason] = counts.get(reason, 0) + 1
    return dict(sorted(counts.items()))
