"""From a source to a root dataset: what is new, changed or gone becomes one version.

The listing of the source is compared with the addresses and stamps that the newest version keeps in ``_source``, so
nothing that did not move is read again. A row whose content changed is replaced, keeping what passes have made of
it: their state says by itself what is stale. Records that cannot be rows are kept as rejected, with their reason,
in an object beside the table.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from mmreg.errors import Conflict, StorageError
from mmreg.registry.changes import (
    REJECTED,
    Changes,
    Hashes,
    Listing,
    compare,
    known_records,
    nothing_moved,
    record_hash,
    rejected_records,
)
from mmreg.registry.clock import now
from mmreg.registry.commit import Draft, publish
from mmreg.registry.erase.tombstones import load
from mmreg.registry.incoming import Incoming
from mmreg.registry.lake import WRITE_AGAIN, first_line, is_conflict
from mmreg.registry.objects import put_records
from mmreg.registry.operations.rows import change_rows, create
from mmreg.registry.redeclared import check_columns, spec_digest
from mmreg.registry.refill import Refill
from mmreg.registry.runs import new_run_id
from mmreg.schemas.arrow import dataset_schema
from mmreg.schemas.declaration import DatasetSpec
from mmreg.schemas.progress import Progress, Quiet
from mmreg.schemas.run import Job, Run, RunInput, RunState
from mmreg.sources.protocol import Source

if TYPE_CHECKING:
    import lance
    from lance.fragment import FragmentMetadata

    from mmreg.registry.lake import Lake

ROWS_PER_FRAGMENT = 65_536
RACES = 10


@dataclass(frozen=True)
class Ingested:
    """What an ingest came to: the run (None where nothing was pending) and its counts.

    ``filled`` is the run of the version before, which filled new columns of ``refilled`` rows in place.
    """

    run: Run | None
    added: int = 0
    changed: int = 0
    removed: int = 0
    rejected: int = 0
    touched: Mapping[str, int] = field(default_factory=dict)
    filled: Run | None = None
    refilled: int = 0


class Ingest:
    """One ingest of one dataset: `plan` says what is pending, `execute` makes it a version.

    ``last`` is the dataset's last ingest, ``touched`` the stamps of files that are known here to be unchanged.
    """

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
        self._schema = dataset_schema(name, spec)
        self._facets: Mapping[str, Any] = {}

    def plan(self) -> Changes:
        """What the source has that the newest version has not, and the other way round."""
        return self._compare(self._lake.find_table(self._name))

    @property
    def redeclared(self) -> bool:
        """Whether the declaration has changed since the last ingest, so that everything is read again."""
        return self._last is not None and self._last.facets["ingest"]["spec"] != spec_digest(self._spec)

    def execute(self, progress: Progress | None = None, facets: Mapping[str, Any] | None = None) -> Ingested:
        """Read what is pending and publish it; ``facets`` go into the run.

        Raises `Conflict` where others keep changing the same rows.
        """
        self._facets = facets or {}
        for _ in range(RACES):
            try:
                return self._once(progress or Quiet())
            except _Overtaken:
                continue
        raise Conflict(f"{self._name}: others keep changing the same rows", hint="repeat the command")

    def _once(self, progress: Progress) -> Ingested:
        table = self._lake.find_table(self._name)
        if table is not None:
            check_columns(self._name, self._schema, table.schema)
        changes = self._compare(table)
        if not changes.pending and self._last is not None:
            return Ingested(None)
        run = Run(new_run_id(), Job("ingest", self._name), RunState.COMPLETE, started_at=now(), ended_at="")
        new = self._new_columns() if table is not None else ()
        refill = Refill(self._lake, self._name, pa.schema([self._schema.field(column) for column in new]))
        erased = load(self._lake.store).of(self._name)
        incoming = Incoming(self._source, self._spec, self._schema, table, changes, new, refill.add, erased)
        progress.start(f"ingest {self._name}", len(changes.added) + len(changes.changed))
        try:
            fragments = self._write(table, changes, incoming, progress)
        finally:
            progress.done()
        filled = None
        if table is not None and self._last is not None and incoming.refilled:
            filled = refill.publish(self._last)
            made = filled.outputs[0].lance_version if filled is not None else None
            if made != table.version + 1:
                raise _Overtaken
            table = self._lake.table(self._name, made)
        removed = _removed(changes, incoming)
        rejected = self._rejected(changes, incoming)
        ingested = Ingested(
            run=self._described(run, changes, incoming, removed, rejected),
            added=incoming.added,
            changed=len(incoming.replaced),
            removed=len(removed) - len(incoming.replaced),
            rejected=len(rejected),
            touched=incoming.touched,
            filled=filled,
            refilled=incoming.refilled,
        )
        assert ingested.run is not None
        if not fragments and not len(removed):
            # Nothing became a row or stopped being one: a run without a version.
            return replace(ingested, run=replace(ingested.run, ended_at=now()))
        builder = _RowsBuilder(table, fragments, removed, incoming, len(rejected))
        return replace(ingested, run=publish(self._lake, self._name, ingested.run, builder))

    def _compare(self, table: lance.LanceDataset | None) -> Changes:
        listing, digest = Listing.of(self._source), spec_digest(self._spec)
        if table is not None and self._last is not None and _is_as_ingested(table, self._last, listing, digest):
            return nothing_moved(listing)
        return compare(listing, known_records(self._lake, table, self._last, digest, self._touched))

    def _write(
        self, table: lance.LanceDataset | None, changes: Changes, incoming: Incoming, progress: Progress
    ) -> list[FragmentMetadata]:
        if not len(changes.added) and not len(changes.changed):
            return []
        batches = incoming.batches(progress, everything=table is None and self._last is None)
        first = next(batches, None)
        if first is None:
            return []
        reader = pa.RecordBatchReader.from_batches(incoming.schema, _chain(first, batches))
        try:
            return write_rows(self._lake, self._name, reader, incoming.schema, new=table is None)
        except OSError as error:
            if is_conflict(error):  # somebody else has made the table meanwhile
                raise _Overtaken from error
            raise StorageError(
                f"{self._name}: the rows cannot be written: {first_line(error)}", hint=WRITE_AGAIN
            ) from error

    def _new_columns(self) -> tuple[str, ...]:
        """The declared columns that the last ingest did not know."""
        if self._last is None:
            return ()
        known = self._last.facets["ingest"].get("columns") or [c for o in self._last.outputs for c in o.columns]
        if not known:
            return ()
        return tuple(n for n, c in self._spec.columns.items() if n not in known and c.renamed_from not in known)

    def _rejected(self, changes: Changes, incoming: Incoming) -> list[Mapping[str, Any]]:
        """Rejected records as of now: those of before that neither moved nor vanished, and the new ones."""
        listed, again = set(changes.listed.tolist()), set(changes.wanted.tolist())
        kept = [
            record
            for record in rejected_records(self._lake, self._last)
            if (address := record_hash(record)) in listed and address not in again
        ]
        new = [
            {"source": r.source, "reason": r.reason, "detail": r.detail, "stamp": r.stamp} for r in incoming.rejected
        ]
        return sorted([*kept, *new], key=lambda record: (record["source"], record["reason"]))

    def _described(
        self, run: Run, changes: Changes, incoming: Incoming, removed: Hashes, rejected: list[Mapping[str, Any]]
    ) -> Run:
        facet = {
            "source": dict(self._source.facts),
            "listing": changes.listing,
            "spec": spec_digest(self._spec),
            "columns": list(self._spec.columns),
            "added": incoming.added,
            "changed": len(incoming.replaced),
            "removed": len(removed) - len(incoming.replaced),
            "touched": len(incoming.touched),
            "rejected": len(rejected),
            "rejected_object": put_records(self._lake.store, rejected) if rejected else None,
            "reasons": dict(sorted(Counter(record["reason"] for record in rejected).items())),
            "license": self._spec.license,
        }
        path = str(self._source.facts.get("path", self._name))
        source = RunInput("source", f"{self._name}/{changes.listing}", path)
        return replace(run, inputs=(source,), facets={**self._facets, "ingest": facet})


def _is_as_ingested(table: lance.LanceDataset, last: Run, listing: Listing, spec: str) -> bool:
    """Whether source and rows are those of the last ingest, so that no row need be looked at.

    Only ingests add or remove rows; where others did so all the same, the number of rows tells.
    """
    facet = last.facets["ingest"]
    rows = [output.rows for output in last.outputs]
    return facet["spec"] == spec and facet["listing"] == listing.digest and rows == [table.count_rows()]


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


class _Overtaken(Exception):
    """Somebody else published some of the same rows; look again."""


class _RowsBuilder:
    """Builds the change on the newest version, refusing rows that somebody else brought meanwhile."""

    def __init__(
        self,
        planned: lance.LanceDataset | None,
        fragments: list[FragmentMetadata],
        removed: Hashes,
        incoming: Incoming,
        rejected: int,
    ) -> None:
        self._planned, self._fragments, self._removed = planned, fragments, removed
        self._incoming, self._rejected = incoming, rejected

    def __call__(self, table: lance.LanceDataset | None) -> Draft:
        added = sum(fragment.physical_rows for fragment in self._fragments)
        columns = tuple(self._incoming.declared)
        if table is None:
            operation = create(self._incoming.schema, self._fragments)
            return Draft(operation, "root", added, self._rejected, columns=columns)
        if self._planned is None:
            raise _Overtaken  # what was written for a new table does not fit the one that somebody else made
        self._refuse_overlap(self._planned, table)
        try:
            operation = change_rows(table, self._fragments, self._removed)
        except LookupError as error:
            raise _Overtaken from error
        return Draft(
            operation, "root", table.count_rows() + added - len(self._removed), self._rejected, columns=columns
        )

    def _refuse_overlap(self, planned: lance.LanceDataset, table: lance.LanceDataset) -> None:
        before = {fragment.fragment_id for fragment in planned.get_fragments()}
        for fragment in table.get_fragments():
            if fragment.fragment_id in before:
                continue
            if self._incoming.brings(fragment.to_table(columns=["sample_id"])["sample_id"]):
                raise _Overtaken
        # A pass that published meanwhile made cells that the replaced rows should have carried over.
        if self._incoming.replaced and table.version != planned.version:
            raise _Overtaken


def _removed(changes: Changes, incoming: Incoming) -> Hashes:
    """Row ids that leave: vanished records, replaced ones, and those that are rejected now."""
    changed = {int(row) for row in changes.changed_rows if row != REJECTED}
    leaving = (changed - incoming.kept) | {int(row) for row in changes.removed_rows}
    return np.array(sorted(leaving), np.uint64)


def _chain(first: pa.RecordBatch, rest: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    yield first
    yield from rest
