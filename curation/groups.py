"""Passes of scope `group` and `table`: which groups moved.

A group's fingerprint is the sum (mod 2**64) of those of its rows, each over its ``sample_id`` and inputs, so that it
does not depend on their order. What the state of a row says of its inputs is here its own fingerprint plus that of
its group: all rows of a group are stale as soon as one of them came, went or changed, and a row that did not move
tells with which group it was computed. Media count by their digests.

Where nothing moved this reads nothing. Else it reads the light inputs and the state of all rows: 50 bytes of memory
a row.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mmreg.curation.bind import BoundPass
from mmreg.curation.freshness import Freshness, RowSet, refuse_other_columns, seen_columns
from mmreg.curation.look import Look
from mmreg.registry.lake import reading
from mmreg.registry.standing import FragmentState, Standing
from mmreg.schemas.arrow import ERROR
from mmreg.schemas.cells import child
from mmreg.schemas.fingerprint import NOTHING, light_columns, output_prints, row_fingerprints

if TYPE_CHECKING:
    import lance

    from mmreg.registry.snapshot import Snapshot

GROUP = "group"
"""The input whose cells say which rows belong together."""
ROWS = 8192
Mask = NDArray[np.bool_]
Prints = NDArray[np.uint64]


@dataclass(frozen=True)
class GroupFreshness(Freshness):
    """What a pass has to do, and the rows that were read to tell; None where none had to be."""

    groups: Groups | None = None


@dataclass(frozen=True)
class Groups:
    """All rows that a pass is for, one entry each, fragment by fragment.

    ``own`` are their fingerprints, ``keys`` equal for rows of one group. The others say what their state says:
    ``generation`` and ``inputs`` are 0, ``failed`` false where none has ``computed`` them; ``intact`` rows have the
    cells that were computed, or none at all.
    """

    row_ids: Prints
    fragments: NDArray[np.int64]
    own: Prints
    keys: Prints
    computed: Mask
    failed: Mask
    intact: Mask
    generation: Prints
    inputs: Prints

    @cached_property
    def numbers(self) -> NDArray[np.int64]:
        """The number of each row's group."""
        numbers: NDArray[np.int64] = np.unique(self.keys, return_inverse=True)[1]
        return numbers

    @cached_property
    def due(self) -> Prints:
        """What the state of each row should say of its inputs."""
        sums = np.zeros(len(self.own), np.uint64)
        np.add.at(sums, self.numbers, self.own)
        return self.own + sums[self.numbers]

    def whole(self, rows: Mask) -> Mask:
        """All rows of the groups that some of ``rows`` are in."""
        moved = np.zeros(len(self.numbers), bool)
        moved[self.numbers[rows]] = True
        whole: Mask = moved[self.numbers]
        return whole

    @cached_property
    def by_row_id(self) -> NDArray[np.int64]:
        """The places of the rows in the order of their ids."""
        return np.argsort(self.row_ids)


def examine_groups(
    newest: Snapshot, bound: BoundPass, rows: RowSet, summary: bytes | None, *, errors_only: bool = False
) -> Freshness:
    """`mmreg.curation.freshness.examine` for a pass whose answers depend on all rows of a group."""
    refuse_other_columns(bound, newest.table.schema)
    look = Look(newest.table, bound, rows, errors_only=errors_only)
    layout = newest.layout
    seen = layout.fingerprints(seen_columns(bound))
    if bound.state not in newest.table.schema.names:
        states = [
            replace(look.read(number, live), seen=files)
            for (number, live), files in zip(_fragments(newest), seen.tolist(), strict=True)
        ]
        return Freshness(Standing.of(states), look.pending, look.missing, 0)
    known = Standing.load(summary, rows.digest)
    there, places = known.find(layout.fragments)
    if there.all() and len(known.fragments) == len(there):
        known = known.at(places)
        same = (known.seen == seen).all() and (known.live == layout.live).all()
        if same and (known.rows == known.done + known.failed).all():
            own = known.made_by(bound.generation)
            if (look.any_recipe or (own == known.rows).all()) and not (look.retries and known.failed.any()):
                return Freshness(known, {}, 0, 0)
            if not (look.any_recipe or look.errors_only or own.any()):
                states = [look.all_stale(number, state) for number, state in known.states().items()]
                return Freshness(Standing.of(states), look.pending, 0, look.stale, outdated=look.outdated)
    return _compared(read_groups(newest.table, bound, rows), newest, seen, bound, look)


def read_groups(table: lance.LanceDataset, bound: BoundPass, rows: RowSet) -> Groups:
    """The rows that ``bound`` is for, as they are in ``table``."""
    names = [field.name for field in fields(Groups)]
    held: dict[str, list[NDArray[Any]]] = {name: [] for name in names}
    for part in _parts(table, bound, rows):
        for name in names:
            held[name].append(getattr(part, name))
    none = _part(0, _nothing(table, bound), bound, table.schema)
    return Groups(**{name: np.concatenate([getattr(none, name), *held[name]]) for name in names})


def _compared(groups: Groups, newest: Snapshot, seen: Prints, bound: BoundPass, look: Look) -> Freshness:
    ours = groups.generation == bound.generation
    current = groups.computed & (ours | look.any_recipe) & (groups.inputs == groups.due)
    right = current & groups.intact
    again = right & groups.failed & look.retries
    waiting = groups.whole(again if look.errors_only else again | ~right)
    standing = right & ~waiting
    overwritten = waiting & ~groups.intact & (current | ~groups.computed)
    missing = waiting & ~groups.computed & ~overwritten
    states, pending = [], {}
    for place, (number, live) in enumerate(_fragments(newest)):
        here = slice(*np.searchsorted(groups.fragments, [number, number + 1]))
        states.append(_state(number, int(seen[place]), live, groups, here, standing))
        if waiting[here].any():
            pending[number] = groups.row_ids[here][waiting[here]]
    others = missing | overwritten | (waiting & again)
    return GroupFreshness(
        groups=groups,
        standing=Standing.of(states),
        pending=pending,
        missing=int(missing.sum()),
        stale=int((waiting & ~others).sum()),
        overwritten=int(overwritten.sum()),
        again=int((waiting & again).sum()),
        outdated=_generations(groups.generation[groups.computed & ~standing]),
    )


def _fragments(newest: Snapshot) -> Iterator[tuple[int, int]]:
    """The number of each fragment and its rows that are not deleted."""
    yield from zip(newest.layout.fragments.tolist(), newest.layout.live.tolist(), strict=True)


def _state(number: int, seen: int, live: int, groups: Groups, here: slice, standing: Mask) -> FragmentState:
    rows, failed = standing[here], groups.failed[here]
    done, wrong = int((rows & ~failed).sum()), int((rows & failed).sum())
    return FragmentState(number, seen, live, len(rows), done, wrong, _generations(groups.generation[here][rows]))


def _generations(generations: Prints) -> Counter[str]:
    found = zip(*np.unique(generations, return_counts=True), strict=True)
    return Counter({f"{generation:016x}": int(count) for generation, count in found})


def _parts(table: lance.LanceDataset, bound: BoundPass, rows: RowSet) -> Iterator[Groups]:
    columns = _columns(table.schema, bound)
    for fragment in sorted(table.get_fragments(), key=lambda fragment: fragment.fragment_id):
        wanted = None if rows.everything else rows.of(fragment)
        scanner = fragment.scanner(columns=columns, with_row_id=True, batch_size=ROWS, batch_readahead=2)
        with reading(f"pass {bound.name}"):
            for batch in scanner.to_batches():
                if wanted is not None:
                    batch = batch.filter(pa.array(np.isin(batch.column("_rowid").to_numpy(), wanted)))
                yield _part(fragment.fragment_id, batch, bound, table.schema)


def _columns(schema: pa.Schema, bound: BoundPass) -> list[str]:
    made = [*bound.outputs.values(), bound.state] if bound.state in schema.names else []
    return list(dict.fromkeys(["sample_id", *light_columns(schema, [*bound.inputs.values(), *made])]))


def _nothing(table: lance.LanceDataset, bound: BoundPass) -> pa.RecordBatch:
    empty = table.scanner(columns=_columns(table.schema, bound), with_row_id=True, limit=0).to_table()
    return pa.RecordBatch.from_arrays([pa.array([], field.type) for field in empty.schema], schema=empty.schema)


def _part(number: int, batch: pa.RecordBatch, bound: BoundPass, schema: pa.Schema) -> Groups:
    own = row_fingerprints(batch, ["sample_id", *light_columns(schema, bound.inputs.values())])
    computed, failed, intact = np.zeros((3, batch.num_rows), bool)
    generation = inputs = np.zeros(batch.num_rows, np.uint64)
    if bound.state in schema.names:
        state = batch.column(bound.state)
        prints = output_prints(batch, light_columns(schema, bound.outputs.values()))
        computed = _mask(state.is_valid()) & _mask(child(state, "generation").is_valid())
        generation, inputs = _numbers(state, "generation"), _numbers(state, "inputs")
        failed = computed & (_numbers(state, "state") == ERROR)
        intact = np.where(computed, _numbers(state, "outputs") == prints, prints == NOTHING)
    return Groups(
        row_ids=batch.column("_rowid").to_numpy().astype(np.uint64),
        fragments=np.full(batch.num_rows, number, np.int64),
        own=own,
        keys=_keys(batch, bound, schema, own),
        computed=computed,
        failed=failed,
        intact=intact,
        generation=generation,
        inputs=inputs,
    )


def _keys(batch: pa.RecordBatch, bound: BoundPass, schema: pa.Schema, own: Prints) -> Prints:
    if bound.operator.scope == "table":
        return np.zeros(batch.num_rows, np.uint64)
    keys = row_fingerprints(batch, light_columns(schema, [bound.inputs[GROUP]]))
    return np.where(keys == 0, own, keys)  # a null shares with nobody


def _numbers(state: pa.Array[Any], name: str) -> Prints:
    return child(state, name).fill_null(0).to_numpy(zero_copy_only=False).astype(np.uint64)


def _mask(flags: pa.Array[Any]) -> Mask:
    mask: Mask = flags.to_numpy(zero_copy_only=False)
    return mask
