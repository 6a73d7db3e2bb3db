"""Results that are there already: staged by a run that was stopped, or published for a row with the same inputs.

A file that was renamed, or the copy of another, is a new row; what its pass has answered to the same inputs is taken
over. So are results of rows that are deleted and still stored, and of those of the version that the pass published
last.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mmreg.curation.account import Account
from mmreg.curation.bind import BoundPass
from mmreg.curation.cost import Measure
from mmreg.curation.freshness import Pending
from mmreg.registry.operations.columns import row_ids_of
from mmreg.registry.snapshot import Layout
from mmreg.registry.stage import Stage
from mmreg.schemas.arrow import DONE
from mmreg.schemas.cells import child, values
from mmreg.schemas.fingerprint import light_columns, output_prints

if TYPE_CHECKING:
    import lance
    from lance.fragment import LanceFragment

FRAGMENT_S, ROW_S = 1e-3, 2e-8
"""About what it takes to look at the states of a fragment, and of a row."""
SHORT_S = 0.5
"""A look this short is always worth it."""
_STORED: dict[str, Any] = {"with_row_id": True, "include_deleted_rows": True, "batch_size": 8192, "batch_readahead": 2}
"""How to scan every row that is stored, deleted ones too."""


class Inputs(Protocol):
    """What the inputs of rows are now."""

    def fingerprints(self, row_ids: NDArray[np.uint64]) -> Mapping[int, int]:
        """The fingerprint of each row's inputs, by its id; rows that are not there are left out."""


def without_staged(
    table: lance.LanceDataset,
    bound: BoundPass,
    inputs: Inputs,
    pending: Mapping[int, Pending],
    stage: Stage,
    account: Account,
) -> Mapping[int, Pending]:
    """The pending rows that nothing is staged for with the inputs they have now; the others are accounted for.

    Rows that failed are called again where failing is what had stopped that run.
    """
    if stage.is_empty():
        return pending
    remaining = dict(pending)
    failed: dict[int, NDArray[np.uint64]] = {}
    for number, wanted in pending.items():
        row_ids = row_ids_of(table, number) if wanted is None else wanted
        for results in _staged_now(bound, inputs, row_ids, stage):
            failed[number] = account.find(number, results)
            remaining[number] = row_ids[~np.isin(row_ids, results.column("_rowid").to_numpy())]
    errors = sum(map(len, failed.values()))
    if bound.spec.on_error != "skip" or errors > bound.spec.max_error_rate * account.found:
        for number, row_ids in failed.items():
            account.forget(number, row_ids)
            remaining[number] = np.concatenate([np.asarray(remaining[number]), row_ids])
    return {number: row_ids for number, row_ids in remaining.items() if row_ids is None or len(row_ids)}


def _staged_now(
    bound: BoundPass, inputs: Inputs, row_ids: NDArray[np.uint64], stage: Stage
) -> Iterator[pa.RecordBatch]:
    """What is staged for rows with the inputs they have now, if anything is."""
    if (staged := stage.read(row_ids)) is None:
        return
    there = staged["_rowid"].to_numpy().tolist()
    now = inputs.fingerprints(np.array(there, np.uint64))
    then = values(child(staged[bound.state], "inputs"))
    valid = [now.get(row) == told for row, told in zip(there, then, strict=True)]
    yield from staged.filter(pa.array(valid, pa.bool_())).combine_chunks().to_batches()


def worth_a_look(layout: Layout, pending: int, measure: Measure | None) -> bool:
    """Whether looking for known answers to ``pending`` rows takes no longer than calling the pass for them.

    It does always where the table is small, money is paid, or nobody knows what a call takes.
    """
    seconds = len(layout.fragments) * FRAGMENT_S + int(layout.live.sum()) * ROW_S
    if seconds <= SHORT_S or measure is None or measure.seconds is None or measure.money:
        return True
    return pending * measure.seconds / measure.rows > seconds


def without_known(
    table: lance.LanceDataset,
    published: Sequence[lance.LanceDataset],
    bound: BoundPass,
    inputs: Inputs,
    pending: Mapping[int, Pending],
    stage: Stage,
    account: Account,
) -> Mapping[int, Pending]:
    """The pending rows to whose inputs this generation has answered for no other row; the others' are staged.

    These are looked for in ``published``, versions that hold answers.
    """
    if not published or not pending:
        return pending
    rows = {number: row_ids_of(table, number) if ids is None else ids for number, ids in pending.items()}
    prints = {number: _prints(inputs, row_ids) for number, row_ids in rows.items()}
    answers = _answers(published, bound, np.unique(np.concatenate(list(prints.values()))))
    if answers is None:
        return pending
    known = child(answers[bound.state], "inputs").to_numpy().astype(np.uint64, copy=False)
    remaining: dict[int, Pending] = {}
    for number, row_ids in rows.items():
        there = np.isin(prints[number], known)
        if there.any():
            taken = answers.take(np.searchsorted(known, prints[number][there]))
            taken = taken.add_column(0, "_rowid", pa.array(row_ids[there])).combine_chunks()
            stage.write(taken)
            account.take(number, taken.to_batches()[0])
        if not there.all():
            remaining[number] = row_ids[~there] if there.any() else pending[number]
    return remaining


def _prints(inputs: Inputs, row_ids: NDArray[np.uint64]) -> NDArray[np.uint64]:
    now = inputs.fingerprints(row_ids)
    return np.array([now[row] for row in row_ids.tolist()], np.uint64)


def _answers(published: Sequence[lance.LanceDataset], bound: BoundPass, wanted: NDArray[np.uint64]) -> pa.Table | None:
    """The pass's columns of rows that answer to ``wanted`` inputs, one for each input, in their order."""
    parts: list[pa.RecordBatch] = []
    seen: set[int] = set()
    for table in published:
        fragments = [fragment for fragment in table.get_fragments() if fragment.fragment_id not in seen]
        seen |= {fragment.fragment_id for fragment in fragments}
        for fragment in _holding(table, fragments, bound, wanted):
            parts += _matching(fragment, bound, wanted)
    if not parts:
        return None
    found = pa.Table.from_batches(parts).combine_chunks()
    inputs = child(found[bound.state], "inputs").to_numpy()
    return found.take(np.unique(inputs, return_index=True)[1])


def _holding(
    table: lance.LanceDataset, fragments: list[LanceFragment], bound: BoundPass, wanted: NDArray[np.uint64]
) -> Iterator[LanceFragment]:
    """The fragments with answers to ``wanted`` inputs, told from the states of all rows that are stored."""
    if not fragments:
        return
    ends = np.cumsum([fragment.physical_rows for fragment in fragments])
    start, hits = 0, np.zeros(len(fragments), bool)
    scanner = table.scanner(columns=[bound.state], fragments=fragments, scan_in_order=True, **_STORED)
    for batch in scanner.to_batches():
        rows = start + np.flatnonzero(_mask(batch.column(bound.state), bound, wanted))
        hits[np.searchsorted(ends, rows, side="right")] = True
        start += batch.num_rows
    yield from (fragment for fragment, hit in zip(fragments, hits, strict=True) if hit)


def _matching(fragment: LanceFragment, bound: BoundPass, wanted: NDArray[np.uint64]) -> Iterator[pa.RecordBatch]:
    made = bound.columns()
    light = light_columns(made, bound.outputs.values())
    for batch in fragment.scanner(columns=made.names, **_STORED).to_batches():
        state = batch.column(bound.state)
        intact = output_prints(batch, light) == child(state, "outputs").fill_null(0).to_numpy()
        chosen = batch.select(made.names).filter(pa.array(_mask(state, bound, wanted) & intact))
        if chosen.num_rows:
            yield chosen.cast(made)


def _mask(state: pa.Array[Any], bound: BoundPass, wanted: NDArray[np.uint64]) -> NDArray[np.bool_]:
    done = state.is_valid().to_numpy(zero_copy_only=False) & np.equal(_numbers(state, "state"), DONE)
    return done & np.equal(_numbers(state, "generation"), bound.generation) & _among(_numbers(state, "inputs"), wanted)


def _among(prints: NDArray[np.uint64], ascending: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """`numpy.isin` sorts the whole of what it looks in, each time."""
    if not len(ascending):
        return np.zeros(len(prints), bool)
    places = np.minimum(np.searchsorted(ascending, prints), len(ascending) - 1)
    found: NDArray[np.bool_] = ascending[places] == prints
    return found


def _numbers(state: pa.Array[Any], name: str) -> NDArray[np.uint64]:
    return child(state, name).fill_null(0).to_numpy(zero_copy_only=False).astype(np.uint64)
