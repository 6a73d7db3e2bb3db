"""Looking at the rows of fragments that moved: whose recipe made their cells, from what, and are they still those."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mmreg.curation.bind import BoundPass
from mmreg.registry.lake import reading
from mmreg.registry.standing import FragmentState
from mmreg.schemas.arrow import ERROR
from mmreg.schemas.cells import child
from mmreg.schemas.fingerprint import NOTHING, light_columns, light_rows, output_prints, row_fingerprints

if TYPE_CHECKING:
    import lance
    from lance.fragment import LanceFragment

    from mmreg.curation.freshness import Pending, RowSet

Mask = NDArray[np.bool_]


class Look:
    """Reads fragments one by one and keeps what is pending in them, each row under one reason.

    ``errors_only``: only failed rows are pending, whatever else is to do.
    """

    def __init__(self, table: lance.LanceDataset, bound: BoundPass, rows: RowSet, *, errors_only: bool) -> None:
        self._table, self._bound, self._rows, self.errors_only = table, bound, rows, errors_only
        self._first = bound.state not in table.schema.names
        self._inputs = light_columns(table.schema, bound.inputs.values())
        self._outputs = [] if self._first else light_columns(table.schema, bound.outputs.values())
        self.retries = errors_only or bound.spec.on_error == "retry"
        self.any_recipe = bound.spec.on_change == "backfill"
        self.pending: dict[int, Pending] = {}
        self.missing = self.stale = self.overwritten = self.again = 0
        self.outdated: Counter[str] = Counter()

    def read(self, number: int, live: int, *, blank: bool = False) -> FragmentState:
        """How a fragment stands, by state, inputs and outputs; no row need be read where the pass has not been yet.

        That is so before its first run, and in ``blank`` fragments, appended since.
        """
        if self._first or blank:
            row_ids = None if self._rows.everything else self._rows.of(self._fragment(number))
            count = live if row_ids is None else len(row_ids)
            if count and not self.errors_only:
                self.pending[number] = row_ids
                self.missing += count
            return FragmentState(number, 0, live, count)
        states, pending = [], []
        for batch in self._batches(number, [*self._inputs, *self._outputs, self._bound.state]):
            seen = _Rows(batch, self._bound, self._inputs, self._outputs, any_recipe=self.any_recipe)
            waiting = self._waiting(seen)
            pending.append(batch.column("_rowid").to_numpy().astype(np.uint64)[waiting])
            states.append(seen.counted(number, seen.right & ~waiting))
        if any(map(len, pending)):
            self.pending[number] = np.concatenate(pending)
        return _together(number, states)

    def recount(self, number: int) -> FragmentState:
        """The numbers of a fragment that lost rows and is otherwise as it was, all of it right: only state is read."""
        states = []
        for batch in self._batches(number, [self._bound.state]):
            seen = _Rows(batch, self._bound, [], [], any_recipe=self.any_recipe)
            states.append(seen.counted(number, seen.computed))
        return _together(number, states)

    def all_stale(self, number: int, state: FragmentState) -> FragmentState:
        """A fragment of which every row was made by another recipe, as ``state`` says: none need be read."""
        self.pending[number] = None if self._rows.everything else self._rows.of(self._fragment(number))
        self.stale += state.rows
        self.outdated.update(state.generations)
        return FragmentState(number, state.seen, state.live, state.rows)

    def _waiting(self, seen: _Rows) -> Mask:
        """Which rows are pending; they are counted here."""
        again = seen.right & seen.failed if self.retries else np.zeros_like(seen.right)
        self.again += int(again.sum())
        if self.errors_only:
            waiting = again
        else:
            waiting = again | ~seen.right
            overwritten = seen.current & ~seen.right | ~seen.computed & ~seen.untouched
            self.overwritten += int(overwritten.sum())
            self.missing += int((~seen.computed & ~overwritten).sum())
            self.stale += int((seen.computed & ~seen.current).sum())
        self.outdated.update(seen.generations(seen.computed & (waiting | ~seen.right)))
        return waiting

    def _batches(self, number: int, columns: list[str]) -> Iterator[pa.RecordBatch]:
        """The wanted rows of a fragment."""
        fragment = self._fragment(number)
        wanted = None if self._rows.everything else self._rows.of(fragment)
        size = light_rows(self._table.schema, columns)
        scanner = fragment.scanner(columns=columns, with_row_id=True, batch_size=size, batch_readahead=2)
        with reading(f"pass {self._bound.name}"):
            for batch in scanner.to_batches():
                if wanted is not None:
                    batch = batch.filter(pa.array(np.isin(batch.column("_rowid").to_numpy(), wanted)))
                yield batch

    def _fragment(self, number: int) -> LanceFragment:
        fragment = self._table.get_fragment(number)
        assert fragment is not None
        return fragment


@dataclass(frozen=True)
class _Rows:
    """Rows as they stand against what ``bound`` would make of them now."""

    batch: pa.RecordBatch
    bound: BoundPass
    inputs: list[str]
    outputs: list[str]
    any_recipe: bool

    @cached_property
    def computed(self) -> Mask:
        """Some recipe has made these, with or without an error."""
        state = self.batch.column(self.bound.state)
        return _mask(state.is_valid()) & _mask(child(state, "generation").is_valid())

    @cached_property
    def current(self) -> Mask:
        """An accepted recipe has made these from what the inputs are."""
        same = np.equal(self._numbers("inputs"), row_fingerprints(self.batch, self.inputs))
        return self.computed & same & (self.any_recipe | np.equal(self._generation, self.bound.generation))

    @cached_property
    def right(self) -> Mask:
        """Current, and the cells are what the pass wrote."""
        return self.current & np.equal(self._numbers("outputs"), self._prints)

    @cached_property
    def untouched(self) -> Mask:
        """The cells are all null."""
        return np.equal(self._prints, NOTHING)

    @cached_property
    def failed(self) -> Mask:
        return np.equal(self._numbers("state"), ERROR)

    def generations(self, rows: Mask) -> dict[str, int]:
        """How many of ``rows`` each generation made."""
        found = zip(*np.unique(self._generation[rows], return_counts=True), strict=True)
        return {f"{generation:016x}": int(count) for generation, count in found}

    def counted(self, number: int, standing: Mask) -> FragmentState:
        """These rows of a fragment, of which those ``standing`` are not pending."""
        done, failed = int((standing & ~self.failed).sum()), int((standing & self.failed).sum())
        return FragmentState(number, 0, 0, len(standing), done, failed, self.generations(standing))

    @cached_property
    def _generation(self) -> NDArray[np.uint64]:
        return self._numbers("generation")

    @cached_property
    def _prints(self) -> NDArray[np.uint16]:
        return output_prints(self.batch, self.outputs)

    def _numbers(self, name: str) -> NDArray[np.uint64]:
        """A field of the state; 0 where it is null, as in rows never computed."""
        field = child(self.batch.column(self.bound.state), name)
        return field.fill_null(0).to_numpy(zero_copy_only=False).astype(np.uint64)


def _mask(flags: pa.Array[Any]) -> Mask:
    return np.asarray(flags.to_numpy(zero_copy_only=False), bool)


def _together(number: int, states: list[FragmentState]) -> FragmentState:
    generations: Counter[str] = Counter()
    for state in states:
        generations.update(state.generations)
    rows, done, failed = (sum(getattr(state, count) for state in states) for count in ("rows", "done", "failed"))
    return FragmentState(number, 0, 0, rows, done, failed, generations)
