"""one_of: values come from a list."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from mmreg.errors import UsageError
from mmreg.schemas.check import CheckResult
from mmreg.schemas.check_spec import CheckSpec
from mmreg.schemas.declared import Declared
from mmreg.validators.arguments import Number, parse_arguments
from mmreg.validators.columns.kinds import comparable, demand, is_number, is_text
from mmreg.validators.row_check import RowCheck
from mmreg.validators.table import Table, cells
from mmreg.validators.tally import Tally, short


class Arguments(Declared):
    column: str
    values: tuple[str | bool | Number, ...] = Field(strict=False, min_length=1)


class OneOf(RowCheck):
    """Every value is one of the list; null is not examined.

    Numbers are compared in the column's own precision: a float32 cell that was written as 0.1 is one of ``[0.1]``.
    NaN is none of them.
    """

    def __init__(self, spec: CheckSpec, table: Table) -> None:
        arguments = parse_arguments(spec, Arguments)
        self._column = arguments.column
        dtype = demand("one_of", table, self._column, _plain, "a column of texts, numbers or truths")
        self._values = _alike(pa.array([_cell(value, dtype, self._column) for value in arguments.values], dtype))
        self._told = f"values are not one of {len(arguments.values):,}"
        if len(arguments.values) <= 5:
            self._told = f"values are not one of {', '.join(short(value) for value in arguments.values)}"
        self.columns = (self._column,)
        self._tally = Tally(spec, self._column)

    def update(self, batch: pa.RecordBatch) -> None:
        found = cells(batch, self._column)
        other = pc.and_(pc.is_valid(found), pc.invert(pc.is_in(_alike(found), value_set=self._values)))
        self._tally.add(
            batch,
            examined=len(found) - found.null_count,
            failed=other,
            describe=lambda row: (short(found[row].as_py()), "not in the list"),
        )

    def result(self) -> CheckResult:
        return self._tally.result(self._told)


def _plain(dtype: pa.DataType) -> bool:
    return is_text(dtype) or is_number(dtype) or pa.types.is_boolean(dtype)


def _alike(column: pa.Array[Any]) -> pa.Array[Any]:
    """-0.0 as 0.0: the two are equal, and `is_in` tells them apart."""
    if not pa.types.is_floating(column.type):
        return column
    floats = comparable(column)
    zero: pa.Scalar[Any] = pa.scalar(0.0, floats.type)
    return pc.add(floats, zero)


def _cell(value: str | bool | int | float, dtype: pa.DataType, column: str) -> Any:
    """``value`` as the column would have it; `UsageError` where the column can have no such value."""
    kind = (
        str if is_text(dtype) else bool if pa.types.is_boolean(dtype) else int if pa.types.is_integer(dtype) else float
    )
    whole = kind is float and isinstance(value, int) and not isinstance(value, bool)
    if type(value) is not kind and not whole:
        raise UsageError(f"one_of: values: {short(value)} is no value of {column}, which is {dtype}")
    cell = kind(value)
    try:
        pa.scalar(cell, dtype)
    except (pa.ArrowInvalid, OverflowError):
        raise UsageError(f"one_of: values: {short(value)} is out of the range of {column}, which is {dtype}") from None
    return cell
