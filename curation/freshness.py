"""Which rows a pass still has to compute, told in O(fragments).

Every run of a pass leaves a summary: for each fragment a fingerprint of the files that hold the pass's inputs and
outputs, and how its rows stand. A fragment whose files are the same is as it was; only the others are read, and of
them only the state and the inputs (media by their digests).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mmreg.curation.bind import BoundPass
from mmreg.curation.standing import FragmentState, Standing
from mmreg.errors import UsageError
from mmreg.registry.fingerprint import light_columns, row_fingerprints
from mmreg.registry.lake import reading
from mmreg.schemas.arrow import DONE, ERROR
from mmreg.schemas.cells import child, whole

if TYPE_CHECKING:
    import lance
    from lance.fragment import LanceFragment

    from mmreg.registry.selection import Selection
    from mmreg.registry.snapshot import Snapshot


Pending = NDArray[np.uint64] | None
"""Row ids of a fragment; None: all of its rows."""


@dataclass(frozen=True)
class Freshness:
    """What a pass has to do on one version: by fragment the ``pending`` rows, and how all fragments stand now."""

    standing: Standing
    pending: Mapping[int, Pending]
    missing: int
    stale: int

    @property
    def rows(self) -> int:
        """Rows to compute."""
        return self.missing + self.stale

    @property
    def wanted(self) -> int:
        """Rows that the pass is for."""
        return self.standing.total("rows")

    @property
    def done(self) -> int:
        return self.standing.total("done")

    @property
    def failed(self) -> int:
        return self.standing.total("failed")

    def generations(self) -> dict[str, int]:
        """Computed rows by generation."""
        return {name: total for name, rows in self.standing.generations.items() if (total := int(rows.sum()))}


class RowSet:
    """Which rows of the root a pass is for: all, those of a derived dataset, those that fulfil a predicate."""

    def __init__(self, table: lance.LanceDataset, bound: BoundPass, selection: Selection | None) -> None:
        self._name, self._selection = bound.name, selection
        self._predicate = bound.predicate.to_lance(table.schema) if bound.predicate else None
        self.digest = f"{selection.digest if selection else ''}|{bound.spec.rows or ''}"

    @property
    def everything(self) -> bool:
        return self._selection is None and self._predicate is None

    def of(self, fragment: LanceFragment) -> NDArray[np.uint64]:
        """The wanted row ids of ``fragment``, in its order."""
        with reading(f"pass {self._name}"):
            table = fragment.scanner(columns=[], with_row_id=True, filter=self._predicate).to_table()
        row_ids = table["_rowid"].to_numpy().astype(np.uint64)
        return row_ids if self._selection is None else row_ids[self._selection.holds(row_ids)]


def examine(newest: Snapshot, bound: BoundPass, rows: RowSet, summary: bytes | None) -> Freshness:
    """Compare a version with what ``bound`` would make of it. Reads nothing of fragments that ``summary`` knows.

    Raises `UsageError` where the pass has published other columns than those that it makes now.
    """
    _refuse_other_columns(bound, newest.table.schema)
    known = Standing.load(summary, recipe_of(bound, rows))
    seen = newest.layout.fingerprints(seen_columns(bound))
    there, places = known.find(newest.layout.fragments)
    same, counted = there.copy(), there.copy()
    same[there] = known.seen[places] == seen[there]
    counted[there] = same[there] & (known.live[places] == newest.layout.live[there])
    look = _Look(newest.table, bound, rows)
    states = []
    for index in np.flatnonzero(~counted).tolist():
        number, live = int(newest.layout.fragments[index]), int(newest.layout.live[index])
        state = look.recount(number) if same[index] else look.read(number, live)
        states.append(replace(state, seen=int(seen[index]), live=live))
    standing = known.at(places[counted[there]]).joined(Standing.of(states))
    return Freshness(standing, look.pending, look.missing, look.stale)


def _refuse_other_columns(bound: BoundPass, there: pa.Schema) -> None:
    if bound.state not in there.names:
        return
    for made in bound.columns():
        found = there.field(made.name).type if made.name in there.names else "absent"
        if found != made.type:
            raise UsageError(
                f"pass {bound.name}: it makes the column {made.name!r} as {made.type} now, but what it has published "
                f"is {found} in {bound.root}; changing the columns of a pass that has run is not supported yet",
                hint="give the changed pass another name in mmreg.yaml",
            )


def seen_columns(bound: BoundPass) -> list[str]:
    """The columns whose files a fragment's fingerprint is over: what the pass reads and what it wrote."""
    return [*bound.read(), *bound.outputs.values(), bound.state]


def recipe_of(bound: BoundPass, rows: RowSet) -> str:
    """What a summary is about, besides files: another generation or other rows leave nothing of it."""
    return f"{bound.generation:016x}/{rows.digest}"


class _Look:
    """Reads the fragments that moved, and keeps what is to do in them."""

    def __init__(self, table: lance.LanceDataset, bound: BoundPass, rows: RowSet) -> None:
        self._table, self._bound, self._rows = table, bound, rows
        self._first = bound.state not in table.schema.names
        self._light = light_columns(table.schema, bound.inputs.values())
        self.pending: dict[int, Pending] = {}
        self.missing = self.stale = 0

    def read(self, number: int, live: int) -> FragmentState:
        """How a fragment stands, by its state and inputs; before the pass's first run no row need be read."""
        if self._first:
            row_ids = None if self._rows.everything else self._rows.of(self._fragment(number))
            count = live if row_ids is None else len(row_ids)
            self._wait(number, row_ids, count, 0)
            return FragmentState(number, 0, live, count)
        there = self._rows_of(number, [*self._light, self._bound.state])
        state = whole(there[self._bound.state])
        generation = _numbers(state, "generation")
        computed = state.is_valid().to_numpy(zero_copy_only=False) & _numbers_valid(state, "generation")
        current = (
            computed
            & (generation == self._bound.generation)
            & (_numbers(state, "inputs") == row_fingerprints(there, self._light))
        )
        pending = there["_rowid"].to_numpy().astype(np.uint64)[~current]
        self._wait(number, pending, int((~computed).sum()), int((computed & ~current).sum()))
        return _count(number, state, current)

    def recount(self, number: int) -> FragmentState:
        """The numbers of a fragment that lost rows and is otherwise as it was: its inputs need no look."""
        state = whole(self._rows_of(number, [self._bound.state])[self._bound.state])
        return _count(number, state, _numbers(state, "generation") == self._bound.generation)

    def _wait(self, number: int, row_ids: Pending, missing: int, stale: int) -> None:
        if missing or stale:
            self.pending[number] = row_ids
        self.missing += missing
        self.stale += stale

    def _rows_of(self, number: int, columns: list[str]) -> pa.Table:
        """The wanted rows of a fragment."""
        fragment = self._fragment(number)
        there = fragment.to_table(columns=columns, with_row_id=True)
        if self._rows.everything:
            return there
        return there.filter(pa.array(np.isin(there["_rowid"].to_numpy(), self._rows.of(fragment))))

    def _fragment(self, number: int) -> LanceFragment:
        fragment = self._table.get_fragment(number)
        assert fragment is not None
        return fragment


def _count(number: int, state: pa.Array[Any], current: NDArray[np.bool_]) -> FragmentState:
    generation, outcome = _numbers(state, "generation"), _numbers(state, "state")
    computed = generation[_numbers_valid(state, "generation")]
    return FragmentState(
        number,
        seen=0,
        live=0,
        rows=len(state),
        done=int((current & (outcome == DONE)).sum()),
        failed=int((current & (outcome == ERROR)).sum()),
        generations={f"{g:016x}": int(n) for g, n in zip(*np.unique(computed, return_counts=True), strict=True)},
    )


def _numbers(state: pa.Array[Any], name: str) -> NDArray[np.uint64]:
    return child(state, name).fill_null(0).to_numpy(zero_copy_only=False).astype(np.uint64)


def _numbers_valid(state: pa.Array[Any], name: str) -> NDArray[np.bool_]:
    return child(state, name).is_valid().to_numpy(zero_copy_only=False)
