"""Calling a pass that makes rows: any number of new ones for each row of a batch, kept with that until published."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mmreg.curation.bind import BoundPass
from mmreg.curation.calling import Caller, errors_of, refuse_no_batch
from mmreg.curation.engine import Portion
from mmreg.errors import PassFailed
from mmreg.schemas.cells import values

CHILDREN = "_children"
"""Beside the state of a staged row: a list of its new rows, each with its cells and `ORIGIN`."""
ORIGIN = "_origin"
"""What else than its row a new row was made from; null where that row is its parent."""
ROW = "_row"


class RowMaker(Caller):
    """Calls a pass that makes rows."""

    def staged(self, portion: Portion, answer: pa.RecordBatch) -> pa.RecordBatch:
        return super().staged(portion, answer).append_column(CHILDREN, answer.column(CHILDREN))

    def checked(self, rows: int, answer: pa.RecordBatch) -> pa.RecordBatch:
        """One row for each of the batch: its children and its error. A row with an error has no children.

        Raises `PassFailed` where the answer is not what the kind of the pass may give.
        """
        refuse_no_batch(self.bound, answer)
        self._refuse_other_columns(answer)
        parents = self._parents(rows, answer)
        errors: list[str | None] = [None] * rows
        for parent, error in zip(parents.tolist(), values(errors_of(self.bound, answer)), strict=True):
            errors[parent] = errors[parent] or error
        failed = np.array([error is not None for error in errors], bool)
        order = np.argsort(parents, kind="stable")
        order = order[~failed[parents[order]]]
        offsets = np.concatenate([[0], np.cumsum(np.bincount(parents[order], minlength=rows))])
        made = self._cells(answer).take(pa.array(order))
        children: pa.Array[Any] = pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), made)
        return pa.record_batch({CHILDREN: children, "error": pa.array(errors, pa.string())})

    def failed(self, rows: int, reason: str) -> pa.RecordBatch:
        none: pa.Array[Any] = pa.nulls(rows, pa.list_(pa.struct(list(child_columns(self.bound)))))
        return pa.record_batch({CHILDREN: none, "error": pa.array([reason] * rows)})

    def _refuse_other_columns(self, answer: pa.RecordBatch) -> None:
        bound, promised = self.bound, self.bound.operator.outputs()
        for own in promised.names:
            there = answer.schema.field(own).type if own in answer.schema.names else "nothing"
            if there != promised.field(own).type:
                raise PassFailed(f"pass {bound.name}: promised {own} as {promised.field(own).type}, answered {there}")
        known = {*promised.names, ROW, "error", *(["origin"] if bound.operator.kind == "create" else [])}
        others = [name for name in answer.schema.names if name not in known]
        if others:
            raise PassFailed(f"pass {bound.name}: answered {others[0]!r}, which it did not promise")

    def _parents(self, rows: int, answer: pa.RecordBatch) -> NDArray[np.int64]:
        """For each row of the answer the row of the batch that it was made for."""
        bound = self.bound
        there = answer.schema.field(ROW).type if ROW in answer.schema.names else "nothing"
        if there != pa.int32():
            raise PassFailed(
                f"pass {bound.name}: a pass that makes rows answers {ROW!r} (int32), which says for which row of the "
                f"batch each was made, not {there}"
            )
        told = answer.column(ROW)
        if told.null_count:
            raise PassFailed(f"pass {bound.name}: {told.null_count} new rows do not say for which row they were made")
        parents = told.to_numpy().astype(np.int64)
        if len(parents) and not 0 <= parents.min() <= parents.max() < rows:
            raise PassFailed(f"pass {bound.name}: made rows for row {parents.max()}, where there are {rows} rows")
        return parents

    def _cells(self, answer: pa.RecordBatch) -> pa.Array[Any]:
        columns = child_columns(self.bound)
        cells: list[pa.Array[Any]] = [answer.column(own) for own in self.bound.children]
        return pa.StructArray.from_arrays([*cells, self._origins(answer)], fields=list(columns))

    def _origins(self, answer: pa.RecordBatch) -> pa.Array[Any]:
        if "origin" not in answer.schema.names:
            return pa.nulls(answer.num_rows, pa.string())
        origins = answer.column("origin")
        if origins.type != pa.string():
            raise PassFailed(f"pass {self.bound.name}: answered 'origin' as {origins.type}, where text is due")
        if "" in values(origins):
            raise PassFailed(f"pass {self.bound.name}: an empty 'origin' does not say what a row was made from")
        return origins


def child_columns(bound: BoundPass) -> pa.Schema:
    """What is kept of each new row: its cells under their final names, and `ORIGIN`."""
    return pa.schema([*bound.made_columns(), pa.field(ORIGIN, pa.string())])
