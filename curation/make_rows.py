"""Passes that make rows: a root of their own, whose rows come and go with the samples that they were made for.

    sample_id    digest of the parent's sample_id, the pass's name and the row's place among its siblings
    ...          what the pass has made
    parent       {dataset, sample_id}; null where origin says from what else
    origin       the pass and its generation
    _made_for    sample_id of the row of the dataset read with which it is made again, or goes
    _mmreg_PASS  by which generation, from which inputs, and what was written: so that a cell which somebody
                 overwrites is seen

What is stale is told by the state of the pass in the dataset that it reads, as for any other pass. Two commits:
first the rows, then the state; what was staged is forgotten after both. A crash between them leaves the second to
the next run, which makes it from what is staged.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mmreg.curation.bind import BoundPass
from mmreg.curation.freshness import Freshness, RowSet
from mmreg.curation.making import CHILDREN
from mmreg.curation.making import ORIGIN as MADE_FROM
from mmreg.curation.publishing import ColumnsBuilder, Computed, facet, run_of
from mmreg.errors import Conflict, UsageError
from mmreg.registry.commit import Draft, publish
from mmreg.registry.erase.likeness import refused
from mmreg.registry.erase.tombstones import load
from mmreg.registry.identity import fixed_width
from mmreg.registry.ingest import write_rows
from mmreg.registry.objects import put_object
from mmreg.registry.operations.columns import row_ids_of
from mmreg.registry.operations.rows import change_rows, create
from mmreg.registry.snapshot import Snapshot
from mmreg.registry.stage import Stage
from mmreg.registry.standing import FragmentState, Standing
from mmreg.registry.store import Store
from mmreg.schemas.arrow import DONE, MADE_FOR, ORIGIN, PARENT, SAMPLE_ID, STATE, media_kind
from mmreg.schemas.cells import child, values
from mmreg.schemas.fingerprint import light_columns, output_prints

if TYPE_CHECKING:
    import lance
    from lance.fragment import FragmentMetadata

    from mmreg.registry.api import Registry
    from mmreg.schemas.run import Run

PARENTS, PARENTS_OF_MEDIA = 256, 4
"""Rows whose children are read together; a video may have a hundred images."""
Ids = NDArray[np.void]


class RowStage(Stage):
    """States and, apart from them, the rows made: these weigh much, and publishing the state needs none of them."""

    def __init__(self, store: Store, bound: BoundPass, generation: int) -> None:
        assert bound.into is not None
        super().__init__(store, bound.root, bound.name, generation)
        self._children = Stage(store, bound.into, bound.name, generation)

    def write(self, results: pa.Table) -> None:
        self._children.write(results.select(["_rowid", CHILDREN]))
        super().write(results.drop_columns([CHILDREN]))  # last: a row counts as staged by its state

    def children(self, row_ids: NDArray[np.uint64]) -> pa.Table | None:
        """What was made for ``row_ids``."""
        return self._children.read(row_ids)

    def clear(self) -> None:
        super().clear()
        self._children.clear()


def root_schema(bound: BoundPass) -> pa.Schema:
    """The columns of the root that ``bound`` makes."""
    assert bound.into is not None
    made = [SAMPLE_ID, *bound.made_columns(), PARENT, ORIGIN, MADE_FOR, pa.field(bound.state, STATE)]
    return pa.schema(made, metadata={b"mmreg.dataset": bound.into.encode()})


def refuse_other_rows(registry: Registry, bound: BoundPass) -> None:
    """Raise `UsageError` where the root that ``bound`` makes has other columns than it makes now."""
    if bound.into is None or bound.lost:
        return
    there = registry.newest(bound.into).table.schema
    for made in root_schema(bound):
        found = there.field(made.name).type if made.name in there.names else "absent"
        if found != made.type:
            raise UsageError(
                f"pass {bound.name}: it makes the column {made.name!r} as {made.type} now, but in {bound.into} it is "
                f"{found}",
                hint="give the changed pass another name and another 'into' in mmreg.yaml",
            )


def everything(newest: Snapshot, rows: RowSet) -> Freshness:
    """All wanted rows are to be computed, whatever their state says: what was made of them is lost."""
    states, pending = [], {}
    layout = newest.layout
    for number, live in zip(layout.fragments.tolist(), layout.live.tolist(), strict=True):
        fragment = newest.table.get_fragment(number)
        assert fragment is not None
        row_ids = None if rows.everything else rows.of(fragment)
        count = live if row_ids is None else len(row_ids)
        states.append(FragmentState(number, 0, live, count))
        if count:
            pending[number] = row_ids
    return Freshness(Standing.of(states), pending, sum(state.rows for state in states), 0)


def publish_rows(registry: Registry, done: Computed) -> Run | None:
    """A version of the root with the new rows in the place of those made before, then one of the state.

    None where neither had anything to change. What was staged is forgotten.
    """
    bound = done.bound
    assert bound.into is not None and isinstance(done.stage, RowStage)
    run = run_of(registry, done)
    if done.fresh.pending:
        done.stage.seal(run.id)
    made = publish(registry.lake, bound.into, run, _RowsBuilder(registry, done))
    if made is not None:
        registry.record(made)
    landed = None
    if done.fresh.pending:
        landed = publish(registry.lake, bound.root, made or run, ColumnsBuilder(registry, done))
    if landed is not None:
        registry.record(landed)
    done.stage.clear()
    return landed or made


def orphans(registry: Registry, bound: BoundPass, newest: Snapshot, recipe: str) -> int:
    """How many of the rows made were made for samples that are gone. Reads nothing where no sample can be gone."""
    if bound.into is None or bound.lost:
        return 0
    known = Standing.load(registry.pass_summary(bound.name), recipe)
    there, places = known.find(newest.layout.fragments)
    if there.sum() == len(known.fragments) > 0 and (known.live[places] == newest.layout.live[there]).all():
        return 0
    table = registry.newest(bound.into).table
    made_for = fixed_width(table.to_table(columns=[MADE_FOR.name])[MADE_FOR.name])
    return int((~np.isin(made_for, _sample_ids(newest.table))).sum())


class _RowsBuilder:
    """Drafts the rows on whatever version is newest; their files are written once."""

    def __init__(self, registry: Registry, done: Computed) -> None:
        self._registry, self._done, self._bound = registry, done, done.bound
        self._new = done.bound.lost
        assert done.bound.into is not None
        self._erased = load(registry.lake.store).of(done.bound.into)
        self._written: tuple[list[FragmentMetadata], Ids] | None = None

    def __call__(self, table: lance.LanceDataset | None) -> Draft | None:
        if (table is None) != self._new:
            raise Conflict(f"{self._bound.into}: somebody has made or dropped it meanwhile", hint="repeat the command")
        fragments, again = self._rows()
        added = sum(fragment.physical_rows for fragment in fragments)
        columns = tuple(self._bound.children.values())
        facets = {"pass": {**facet(self._done), **self._summary()}}
        if table is None:
            operation = create(root_schema(self._bound), fragments)
            return Draft(operation, "root", added, columns=columns, facets=facets)
        removed = self._leaving(table, again)
        if not added and not len(removed):
            return None
        rows = table.count_rows() + added - len(removed)
        return Draft(change_rows(table, fragments, removed), "root", rows, columns=columns, facets=facets)

    def _rows(self) -> tuple[list[FragmentMetadata], Ids]:
        """Fragments with the new rows, and the samples that they are made for, also those for which none was."""
        if self._written is None:
            again: list[Ids] = [np.empty(0, "V16")]
            batches = self._batches(again)
            first = next(batches, None)
            fragments: list[FragmentMetadata] = []
            if first is not None:
                schema = root_schema(self._bound)
                reader = pa.RecordBatchReader.from_batches(schema, _chain(first, batches))
                assert self._bound.into is not None
                fragments = write_rows(self._registry.lake, self._bound.into, reader, schema, new=self._new)
            self._written = fragments, np.concatenate(again)
        return self._written

    def _batches(self, again: list[Ids]) -> Iterator[pa.RecordBatch]:
        table = self._done.newest.table
        step = PARENTS_OF_MEDIA if any(media_kind(field.type) for field in self._bound.made_columns()) else PARENTS
        for number, waiting in self._done.fresh.pending.items():
            row_ids = row_ids_of(table, number) if waiting is None else waiting
            for start in range(0, len(row_ids), step):
                batch = self._portion(table, row_ids[start : start + step], again)
                if batch is not None and batch.num_rows:
                    yield batch

    def _portion(
        self, table: lance.LanceDataset, row_ids: NDArray[np.uint64], again: list[Ids]
    ) -> pa.RecordBatch | None:
        """The new rows of some parents, whose ids go to ``again``."""
        stage = self._done.stage
        assert isinstance(stage, RowStage)
        states, made = stage.read(row_ids), stage.children(row_ids)
        if states is None or made is None:
            return None
        there = table._take_rows(values(states["_rowid"]), columns=["sample_id", "_rowid"])
        ids = dict(zip(values(there["_rowid"]), values(there["sample_id"]), strict=True))
        again.append(fixed_width(there["sample_id"]))
        done = np.equal(child(states[self._bound.state], "state").to_numpy(), DONE)
        whole = set(states["_rowid"].filter(pa.array(done)).to_pylist()) & ids.keys()
        made = made.filter(pa.array([row in whole for row in values(made["_rowid"])], pa.bool_()))
        inputs = dict(zip(values(states["_rowid"]), values(child(states[self._bound.state], "inputs")), strict=True))
        parents = [_Parent(ids[row], inputs[row]) for row in values(made["_rowid"])]
        rows = _made_rows(self._bound, made, parents)
        return rows.filter(pa.array(~refused(rows, (), self._erased))) if self._erased else rows

    def _leaving(self, table: lance.LanceDataset, again: Ids) -> NDArray[np.uint64]:
        """Row ids of what was made before for the samples in ``again``, and for samples that are gone."""
        there = table.to_table(columns=[MADE_FOR.name], with_row_id=True)
        made_for = fixed_width(there[MADE_FOR.name])
        samples = _sample_ids(self._registry.newest(self._bound.root).table)
        leaving = np.isin(made_for, again) | ~np.isin(made_for, samples)
        row_ids: NDArray[np.uint64] = there["_rowid"].to_numpy()[leaving].astype(np.uint64)
        return row_ids

    def _summary(self) -> dict[str, str]:
        """Where nothing is computed, and so no state is published: how the pass stands for the next plan."""
        if self._done.fresh.pending:
            return {}
        summary = self._done.fresh.standing.dump(self._done.recipe)
        return {"summary": put_object(self._registry.lake.store, summary)}


@dataclass(frozen=True)
class _Parent:
    """A sample that rows are made for, and the fingerprint of what they are made from."""

    sample_id: bytes
    inputs: int


def _made_rows(bound: BoundPass, made: pa.Table, parents: list[_Parent]) -> pa.RecordBatch:
    """The children of some parents as rows of the root."""
    lists: Any = made[CHILDREN].combine_chunks()
    lengths = np.array([length or 0 for length in values(lists.value_lengths())], np.int64)
    owner = np.repeat(np.arange(len(parents)), lengths)
    index = np.arange(len(owner)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    rows = lists.flatten()
    origin = f"{bound.name}@{bound.generation:016x}"
    told = values(child(rows, MADE_FROM))
    owned_by = [parents[number] for number in owner.tolist()]
    ids = [_sample_id(p.sample_id, bound.name, place) for p, place in zip(owned_by, index.tolist(), strict=True)]
    owners = pa.array([parent.sample_id for parent in owned_by], pa.binary(16))
    cells = pa.RecordBatch.from_arrays(
        [child(rows, name) for name in bound.children.values()], schema=bound.made_columns()
    )
    datasets = pa.array([bound.root] * len(ids), pa.string())
    orphaned = pa.array([from_what is not None for from_what in told], pa.bool_())
    arrays: list[pa.Array[Any]] = [
        pa.array(ids, pa.binary(16)),
        *cells.columns,
        pa.StructArray.from_arrays([datasets, owners], fields=list(PARENT.type), mask=orphaned),
        pa.array([origin if what is None else f"{origin}: {what}" for what in told], pa.string()),
        owners,
        _states(bound, cells, np.array([parent.inputs for parent in owned_by], np.uint64)),
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=root_schema(bound))


def _states(bound: BoundPass, cells: pa.RecordBatch, inputs: NDArray[np.uint64]) -> pa.Array[Any]:
    rows, light = cells.num_rows, light_columns(cells.schema, cells.schema.names)
    parts: list[pa.Array[Any]] = [
        pa.array(np.full(rows, bound.generation, np.uint64)),
        pa.array(inputs),
        pa.array(np.full(rows, DONE, np.int8)),
        pa.nulls(rows, pa.string()),
        pa.array(output_prints(cells, light)),
    ]
    return pa.StructArray.from_arrays(parts, fields=list(STATE))


def _sample_id(parent: bytes, name: str, index: int) -> bytes:
    return hashlib.blake2b(parent + index.to_bytes(8, "little") + name.encode(), digest_size=16).digest()


def _sample_ids(table: lance.LanceDataset) -> Ids:
    """Memory: 16 bytes a row."""
    parts = [fixed_width(batch.column("sample_id")) for batch in table.scanner(columns=["sample_id"]).to_batches()]
    return np.concatenate([np.empty(0, "V16"), *parts])


def _chain(first: pa.RecordBatch, rest: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    yield first
    yield from rest
