"""Calling a pass: one batch in, one checked answer out, a failing row alone in its failure."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from mmreg.curation.bind import BoundPass
from mmreg.curation.engine import Portion
from mmreg.curation.kinds import KEEP
from mmreg.errors import MmregError, PassFailed
from mmreg.schemas.arrow import DONE, ERROR, STATE, media_kind
from mmreg.schemas.cells import encodable
from mmreg.schemas.fingerprint import NOTHING, light_columns, output_prints
from mmreg.schemas.secrets import redacted

MOST_REASON = 2000
"""Characters of an exception that a row keeps."""


class Caller:
    """Calls one pass, opened before the first call, and keeps count of what that costs.

    ``calls`` counts the rows that the pass was handed, each as often as it was.
    """

    def __init__(self, bound: BoundPass) -> None:
        self.bound = bound
        self._opened = False
        self.workers: dict[int, Mapping[str, float]] = {}
        """What each of the processes that call in the place of this one has spent so far."""
        self.calls = 0
        self.seconds = 0.0

    def __call__(self, portion: Portion) -> pa.RecordBatch:
        """The results of a portion as they are staged: row ids, outputs under their final names, state."""
        answer = self.answer(portion)
        staged = self.staged(portion, answer)
        if any(media_kind(field.type) for field in portion.batch.schema):
            # Copied: an output taken from an input keeps the whole batch in memory, with the media in it.
            staged = staged.take(np.arange(staged.num_rows))
        return staged

    def answer(self, portion: Portion) -> pa.RecordBatch:
        """What the pass answers for a portion: its outputs and ``error``, checked against what it promised.

        Raises `PassFailed` where an answer is not as promised.
        """
        if not self._opened:
            self.bound.operator.open()
            self._opened = True
        started = time.monotonic()
        try:
            return self.ask(portion)
        finally:
            self.seconds += time.monotonic() - started

    def staged(self, portion: Portion, answer: pa.RecordBatch) -> pa.RecordBatch:
        """A checked answer as it is staged."""
        return _staged(self.bound, portion, answer)

    def cost(self) -> Mapping[str, float]:
        """Rows called, seconds within the calls, and what else the pass says that it has spent."""
        spent = getattr(self.bound.operator, "spent", None)
        own = {"calls": self.calls, "seconds": self.seconds, **(spent() if self._opened and spent else {})}
        all_of_them = [own, *self.workers.values()]
        total = {name: sum(cost.get(name, 0) for cost in all_of_them) for cost in all_of_them for name in cost}
        return {**total, "seconds": round(total["seconds"], 3)}

    def ask(self, portion: Portion) -> pa.RecordBatch:
        """Where the pass raises, the batch is halved until the rows that it cannot take stand alone; these get the
        exception as their error."""
        return self._halving(portion.batch)

    def _halving(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        self.calls += batch.num_rows
        try:
            answer = self.bound.operator(batch)
        except MmregError:
            raise
        except Exception as error:
            if batch.num_rows > 1:
                half = batch.num_rows // 2
                parts = [self._halving(batch.slice(0, half)), self._halving(batch.slice(half))]
                return pa.Table.from_batches(parts).combine_chunks().to_batches()[0]
            return self.failed(batch.num_rows, encodable(redacted(f"{type(error).__name__}: {error}"[:MOST_REASON])))
        return self.checked(batch.num_rows, answer)

    def checked(self, rows: int, answer: pa.RecordBatch) -> pa.RecordBatch:
        """An answer for so many rows as it goes on from here. Raises `PassFailed` where it is not as promised."""
        return _checked(self.bound, rows, answer)

    def failed(self, rows: int, reason: str) -> pa.RecordBatch:
        """The answer for so many rows that the pass could not take."""
        return _failed(self.bound, rows, reason)


def _staged(bound: BoundPass, portion: Portion, answer: pa.RecordBatch) -> pa.RecordBatch:
    made = answer.select(list(bound.outputs)).rename_columns(list(bound.outputs.values()))
    errors = answer.column("error")
    state = np.where(errors.is_valid().to_numpy(zero_copy_only=False), ERROR, DONE).astype(np.int8)
    generation = np.full(answer.num_rows, bound.generation, np.uint64)
    prints = np.full(answer.num_rows, NOTHING, np.uint16)
    if bound.outputs:
        prints = output_prints(made, light_columns(made.schema, made.schema.names))
    numbers: list[pa.Array[Any]] = [pa.array(generation), pa.array(portion.inputs), pa.array(state)]
    states = pa.StructArray.from_arrays([*numbers, errors, pa.array(prints)], fields=list(STATE))
    arrays = [pa.array(portion.row_ids), *made.columns, states]
    return pa.RecordBatch.from_arrays(arrays, names=["_rowid", *made.schema.names, bound.state])


def refuse_no_batch(bound: BoundPass, answer: object) -> None:
    """Raise `PassFailed` for an answer that is no batch of rows."""
    if not isinstance(answer, pa.RecordBatch):
        raise PassFailed(
            f"pass {bound.name}: answered a {type(answer).__name__}, where a pyarrow.RecordBatch is due",
            hint="docs/passes.md shows a whole pass",
        )


def errors_of(bound: BoundPass, answer: pa.RecordBatch) -> pa.Array[Any]:
    """The reason of each row that failed, null for the others."""
    if "error" not in answer.schema.names:
        return pa.nulls(answer.num_rows, pa.string())
    errors = answer.column("error")
    if errors.type not in (pa.string(), pa.null()):
        raise PassFailed(f"pass {bound.name}: answered 'error' as {errors.type}, where text is due")
    return errors.cast(pa.string())


def _checked(bound: BoundPass, rows: int, answer: pa.RecordBatch) -> pa.RecordBatch:
    refuse_no_batch(bound, answer)
    try:
        answer.validate(full=True)
    except pa.ArrowInvalid as error:  # it could be written, and never be read again
        raise PassFailed(
            f"pass {bound.name}: answered a batch that Arrow refuses: {error}", hint="build it with pyarrow.array"
        ) from error
    promised = bound.operator.outputs()
    if answer.num_rows != rows:
        raise PassFailed(f"pass {bound.name}: answered {answer.num_rows} rows for {rows}")
    unpromised = [name for name in answer.schema.names if name not in (*promised.names, "error")]
    if unpromised:
        raise PassFailed(
            f"pass {bound.name}: answered the column {unpromised[0]!r}, which it does not promise",
            hint="name it in outputs(), with its type, or leave it out",
        )
    for own in bound.outputs:
        there = answer.schema.field(own).type if own in answer.schema.names else "nothing"
        if there != promised.field(own).type:
            raise PassFailed(f"pass {bound.name}: promised {own} as {promised.field(own).type}, answered {there}")
    errors = errors_of(bound, answer)
    if bound.operator.kind == "filter":
        undecided = answer.column(KEEP).is_null().to_numpy(zero_copy_only=False)
        if (undecided & errors.is_null().to_numpy(zero_copy_only=False)).any():
            raise PassFailed(f"pass {bound.name}: {KEEP!r} is null, where a filter says whether a row is kept or fails")
    arrays = [*(answer.column(own) for own in bound.outputs), errors]
    return pa.RecordBatch.from_arrays(arrays, names=[*bound.outputs, "error"])


def _failed(bound: BoundPass, rows: int, reason: str) -> pa.RecordBatch:
    promised = bound.operator.outputs()
    arrays = [*(pa.nulls(rows, promised.field(own).type) for own in bound.outputs), pa.array([reason] * rows)]
    return pa.RecordBatch.from_arrays(arrays, names=[*bound.outputs, "error"])
