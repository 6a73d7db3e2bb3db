"""finite: no NaN and no infinity."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from mmreg.schemas.check import CheckResult
from mmreg.schemas.check_spec import CheckSpec
from mmreg.schemas.declared import Declared
from mmreg.validators.arguments import parse_arguments
from mmreg.validators.columns.kinds import comparable, demand, is_list
from mmreg.validators.row_check import RowCheck
from mmreg.validators.table import Table, cells
from mmreg.validators.tally import Tally


class Arguments(Declared):
    column: str


class Finite(RowCheck):
    """No number is NaN or infinite, neither in a column of numbers nor in one of lists or embeddings.

    Null is not examined, nor are nulls in a list; an empty list is fine.
    """

    def __init__(self, spec: CheckSpec, table: Table) -> None:
        self._column = parse_arguments(spec, Arguments).column
        demand("finite", table, self._column, _of_floats, "a column of floating-point numbers, or of lists of them")
        self.columns = (self._column,)
        self._tally = Tally(spec, self._column)

    def update(self, batch: pa.RecordBatch) -> None:
        column = cells(batch, self._column)
        self._tally.add(
            batch,
            examined=len(column) - column.null_count,
            failed=pa.array(_not_finite(column)),
            describe=lambda row: _describe(column[row].as_py()),
        )

    def result(self) -> CheckResult:
        return self._tally.result("values are or hold NaN or infinity")


def _of_floats(dtype: Any) -> bool:
    return pa.types.is_floating(dtype) or (is_list(dtype) and _of_floats(dtype.value_type))


def _not_finite(column: pa.Array[Any]) -> NDArray[np.bool_]:
    if not is_list(column.type):
        finite: pa.Array[Any] = pc.is_finite(comparable(column)).fill_null(True)
        return ~finite.to_numpy(zero_copy_only=False)
    rows = np.zeros(len(column), dtype=np.bool_)
    rows[pc.list_parent_indices(column).to_numpy()[_not_finite(pc.list_flatten(column))]] = True
    return rows


def _describe(value: Any) -> tuple[str, str]:
    numbers = list(_numbers(value))
    at, number = next((i, n) for i, n in enumerate(numbers) if n is not None and not math.isfinite(n))
    where = f" as number {at + 1:,} of {len(numbers):,}" if isinstance(value, list) else ""
    return f"{number}{where}", "not a number" if math.isnan(number) else "infinite"


def _numbers(value: Any) -> Iterator[float | None]:
    if not isinstance(value, list):
        yield value
        return
    for item in value:
        yield from _numbers(item)
