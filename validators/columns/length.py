"""length: texts and lists are as long as they should be."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field, model_validator

from mmreg.schemas.check import CheckResult
from mmreg.schemas.check_spec import CheckSpec
from mmreg.schemas.declared import Declared
from mmreg.validators.arguments import check_bounds, parse_arguments
from mmreg.validators.columns.kinds import demand, is_list, is_text, texts
from mmreg.validators.row_check import RowCheck
from mmreg.validators.table import Table, cells
from mmreg.validators.tally import Tally


class Arguments(Declared):
    column: str
    min_value: int | None = Field(None, ge=0)
    max_value: int | None = Field(None, ge=0)

    @model_validator(mode="after")
    def _bounds(self) -> Arguments:
        check_bounds(self.min_value, self.max_value)
        return self


class Length(RowCheck):
    """Every text has at least min_value and at most max_value characters, every list so many items.

    Characters are Unicode's code points. Null is not examined; an empty text has 0 characters, and a null in a list
    is an item.
    """

    def __init__(self, spec: CheckSpec, table: Table) -> None:
        self._arguments = parse_arguments(spec, Arguments)
        self._column = self._arguments.column
        dtype = demand("length", table, self._column, lambda d: is_text(d) or is_list(d), "a column of texts or lists")
        self._unit = "characters" if is_text(dtype) else "items"
        self.columns = (self._column,)
        self._tally = Tally(spec, self._column)

    def update(self, batch: pa.RecordBatch) -> None:
        lengths = self._lengths(batch)
        low, high = self._arguments.min_value, self._arguments.max_value
        wrong = pc.less(lengths, pa.scalar(low or 0, pa.int64()))
        if high is not None:
            wrong = pc.or_(wrong, pc.greater(lengths, pa.scalar(high, pa.int64())))
        self._tally.add(
            batch,
            examined=len(lengths) - lengths.null_count,
            failed=wrong,
            describe=lambda row: self._describe(lengths[row].as_py()),
        )

    def result(self) -> CheckResult:
        low, high = self._arguments.min_value, self._arguments.max_value
        what = "texts" if self._unit == "characters" else "lists"
        if low is None:
            return self._tally.result(f"{what} have more than {high:,} {self._unit}")
        if high is None:
            return self._tally.result(f"{what} have fewer than {low:,} {self._unit}")
        return self._tally.result(f"{what} have not {low:,} to {high:,} {self._unit}")

    def _lengths(self, batch: pa.RecordBatch) -> pa.Array[Any]:
        if self._unit == "characters":
            return pc.utf8_length(texts(batch, self._column)).cast(pa.int64())
        items: pa.Int32Array = pc.list_value_length(cells(batch, self._column))
        return items.cast(pa.int64())

    def _describe(self, length: int) -> tuple[str, str]:
        low = self._arguments.min_value
        short = low is not None and length < low
        bound = f"fewer than {low:,}" if short else f"more than {self._arguments.max_value:,}"
        return f"{length:,} {self._unit}", bound
