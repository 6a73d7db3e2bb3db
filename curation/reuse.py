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
from mmreg.curation.freshness import Pending
from mmreg.registry.operations.columns import row_ids_of
from mmreg.registry.stage import Stage
from mmreg.schemas.arrow import DONE
from mmreg.schemas.cells import child, values
from mmreg.schemas.fingerprint import light_columns, output_prints

if TYPE_CHECKING:
    import lance
    from lance.fragment import LanceFragment

ROWS = 8192
"""Rows that are looked at together."""


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
    if not published:
        return pending
    rows = {number: row_ids_of(table, number) if ids is None else ids for number, ids in pending.items()}
    prints = {number: _prints(inputs, row_ids) for number, row_ids in rows.items()}
    wanted = np.unique(np.concatenate([np.empty(0, np.uint64), *prints.values()]))
    answers = _answers(_fragments(published), bound, wanted)
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


def _fragments(versions: Sequence[lance.LanceDataset]) -> Iterator[LanceFragment]:
    """Every fragment of every version, each once."""
    seen: set[int] = set()
    for table in versions:
        yield from (fragment for fragment in table.get_fragments() if fragment.fragment_id not in seen)
        seen |= set(table.fragment_ids())


def _answers(fragments: Iterator[LanceFragment], bound: BoundPass, wanted: NDArray[np.uint64]) -> pa.Table | None:
    """The pass's columns of rows that answer to ``wanted`` inputs, one for each input, in their order."""
    parts = []
    for fragment in fragments:
        if _answers_any(fragment, bound, wanted):
            parts += list(_matching(fragment, bound, wanted))
    if not parts:
        return None
    found = pa.Table.from_batches(parts).combine_chunks()
    inputs = child(found[bound.state], "inputs").to_numpy()
    return found.take(np.unique(inputs, return_index=True)[1])


def _answers_any(fragment: LanceFragment, bound: BoundPass, wanted: NDArray[np.uint64]) -> bool:
    return any(_mask(batch.column(bound.state), bound, wanted).any() for batch in _scan(fragment, [bound.state]))


def _matching(fragment: LanceFragment, bound: BoundPass, wanted: NDArray[np.uint64]) -> Iterator[pa.RecordBatch]:
    made = bound.columns()
    light = light_columns(made, bound.outputs.values())
    for batch in _scan(fragment, made.names):
        state = batch.column(bound.state)
        intact = output_prints(batch, light) == child(state, "outputs").fill_null(0).to_numpy()
        chosen = batch.select(made.names).filter(pa.array(_mask(state, bound, wanted) & intact))
        if chosen.num_rows:
            yield chosen.cast(made)


def _scan(fragment: LanceFragment, columns: list[str]) -> Iterator[pa.RecordBatch]:
    """Every row that is stored, deleted ones too."""
    yield from fragment.scanner(
        columns=columns, with_row_id=True, include_deleted_rows=True, batch_size=ROWS, batch_readahead=2
    ).to_batches()


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
