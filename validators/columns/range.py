"""range: numbers stay within bounds."""

from __future__ import annotations

import math
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import model_validator

from mmreg.errors import UsageError
from mmreg.schemas.check import CheckResult
from mmreg.schemas.check_spec import CheckSpec
from mmreg.schemas.declared import Declared
from mmreg.validators.arguments import Number, check_bounds, parse_arguments
from mmreg.validators.row_check import RowCheck
from mmreg.validators.table import Table, cells
from mmreg.validators.tally import Tally, short


class Arguments(Declared):
    column: str
    min_value: Number | None = None
    max_value: Number | None = None

    @model_validator(mode="after")
    def _bounds(self) -> Arguments:
        check_bounds(self.min_value, self.max_value)
        return self


class Range(RowCheck):
    """Every number lies within the bounds, both included; NaN never does, null is not examined.

    Bounds are compared in the column's own precision: a float32 cell that was written as 0.1 fulfils
    ``max_value: 0.1``, and integers are compared exactly, also beyond 2**53.
    """

    def __init__(self, spec: CheckSpec, table: Table) -> None:
        self._arguments = parse_arguments(spec, Arguments)
        self._column = self._arguments.column
        dtype = table.type(self._column)
        if not (pa.types.is_integer(dtype) or pa.types.is_floating(dtype)):
            raise UsageError(f"range: {self._column} is {dtype}, not a column of numbers")
        self._low = _bound(self._arguments.min_value, dtype, lower=True)
        self._high = _bound(self._arguments.max_value, dtype, lower=False)
        self.columns = (self._column,)
        self._tally = Tally(spec, self._column)

    def update(self, batch: pa.RecordBatch) -> None:
        numbers = cells(batch, self._column)
        examined = len(numbers) - numbers.null_count
        if pa.types.is_float16(numbers.type):
            numbers = numbers.cast(pa.float32())  # exact; half floats have no comparison kernels
        self._tally.add(
            batch,
            examined=examined,
            failed=self._outside(numbers),
            describe=lambda row: self._describe(numbers[row].as_py()),
        )

    def result(self) -> CheckResult:
        low, high = self._arguments.min_value, self._arguments.max_value
        if low is None:
            return self._tally.result(f"values are above {high}")
        if high is None:
            return self._tally.result(f"values are below {low}")
        return self._tally.result(f"values are outside {low} to {high}")

    def _outside(self, numbers: pa.Array[Any]) -> pa.BooleanArray:
        outside = pc.is_nan(numbers)
        if self._low is not None:
            outside = pc.or_(outside, pc.less(numbers, self._low))
        if self._high is not None:
            outside = pc.or_(outside, pc.greater(numbers, self._high))
        return outside

    def _describe(self, number: int | float) -> tuple[str, str]:
        if math.isnan(number):
            return "nan", "not a number"
        if self._low is not None and number < self._low.as_py():
            return short(number), f"below {self._arguments.min_value}"
        return short(number), f"above {self._arguments.max_value}"


def _bound(value: int | float | None, dtype: pa.DataType, *, lower: bool) -> pa.Scalar[Any] | None:
    """A bound as a scalar to compare cells with; None where every value of the type fulfils it."""
    if value is None:
        return None
    if pa.types.is_floating(dtype):
        rounded = pa.scalar(float(value), pa.float64()).cast(dtype)
        return rounded.cast(pa.float32()) if pa.types.is_float16(dtype) else rounded
    whole = math.ceil(value) if lower else math.floor(value)
    smallest, largest = _limits(dtype)
    if whole > largest if lower else whole < smallest:
        raise UsageError(f"range: no {dtype} is {'at least' if lower else 'at most'} {value}")
    if whole < smallest if lower else whole > largest:
        return None
    return pa.scalar(whole, dtype)


def _limits(dtype: pa.DataType) -> tuple[int, int]:
    if pa.types.is_signed_integer(dtype):
        half = 2 ** (dtype.bit_width - 1)
        return -half, half - 1
    return 0, 2**dtype.bit_width - 1
