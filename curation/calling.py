"""Calling a pass: one batch in, one checked answer out, a failing row alone in its failure."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mmreg.curation.bind import BoundPass
from mmreg.errors import MmregError, PassFailed
from mmreg.schemas.arrow import DONE, ERROR, STATE


def call(bound: BoundPass, batch: pa.RecordBatch) -> pa.RecordBatch:
    """What the pass answers for ``batch``: its outputs and ``error``, checked against what it promised.

    Where the pass raises, the batch is halved until the rows that it cannot take stand alone; these get the
    exception as their error. Raises `PassFailed` where an answer is not as promised.
    """
    try:
        answer = bound.operator(batch)
    except MmregError:
        raise
    except Exception as error:
        if batch.num_rows > 1:
            half = batch.num_rows // 2
            parts = [call(bound, batch.slice(0, half)), call(bound, batch.slice(half))]
            return pa.Table.from_batches(parts).combine_chunks().to_batches()[0]
        return _failed(bound, f"{type(error).__name__}: {error}")
    return _checked(bound, batch.num_rows, answer)


def staged_rows(
    bound: BoundPass, row_ids: pa.Array[Any], inputs: NDArray[np.uint64], answer: pa.RecordBatch
) -> pa.RecordBatch:
    """An answer of `call` as it is staged: row ids, outputs under their final names, state."""
    errors = answer.column("error")
    state = np.where(errors.is_valid().to_numpy(zero_copy_only=False), ERROR, DONE).astype(np.int8)
    generation = np.full(len(row_ids), bound.generation, np.uint64)
    parts: list[pa.Array[Any]] = [pa.array(generation), pa.array(inputs), pa.array(state), errors]
    states = pa.StructArray.from_arrays(parts, fields=list(STATE))
    arrays = [row_ids, *(answer.column(own) for own in bound.outputs), states]
    return pa.RecordBatch.from_arrays(arrays, names=["_rowid", *bound.outputs.values(), bound.state])


def _checked(bound: BoundPass, rows: int, answer: pa.RecordBatch) -> pa.RecordBatch:
    promised = bound.operator.outputs()
    if answer.num_rows != rows:
        raise PassFailed(f"pass {bound.name}: answered {answer.num_rows} rows for {rows}")
    for own in bound.outputs:
        there = answer.schema.field(own).type if own in answer.schema.names else "nothing"
        if there != promised.field(own).type:
            raise PassFailed(f"pass {bound.name}: promised {own} as {promised.field(own).type}, answered {there}")
    errors = answer.column("error") if "error" in answer.schema.names else pa.nulls(rows, pa.string())
    arrays = [*(answer.column(own) for own in bound.outputs), errors.cast(pa.string())]
    return pa.RecordBatch.from_arrays(arrays, names=[*bound.outputs, "error"])


def _failed(bound: BoundPass, reason: str) -> pa.RecordBatch:
    promised = bound.operator.outputs()
    arrays = [*(pa.nulls(1, promised.field(own).type) for own in bound.outputs), pa.array([reason])]
    return pa.RecordBatch.from_arrays(arrays, names=[*bound.outputs, "error"])
