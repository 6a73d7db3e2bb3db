"""unique: no value, or combination of values, comes twice."""

from __future__ import annotations

from functools import reduce
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field, model_validator

from mmreg.errors import UsageError
from mmreg.schemas.check import CheckResult
from mmreg.schemas.check_spec import CheckSpec
from mmreg.schemas.declared import Declared
from mmreg.validators.arguments import parse_arguments
from mmreg.validators.columns.digests import DigestSet, digests_of
from mmreg.validators.table import Table, cells
from mmreg.validators.tally import Tally, short


class Arguments(Declared):
    column: str | None = None
    columns: tuple[str, ...] | None = Field(None, strict=False, min_length=1)

    @model_validator(mode="after")
    def _one(self) -> Arguments:
        if (self.column is None) == (self.columns is None):
            raise ValueError("needs either 'column' or 'columns'")
        if len(set(self.paths)) < len(self.paths):
            raise ValueError("'columns' names a column twice")
        return self

    @property
    def paths(self) -> tuple[str, ...]:
        return self.columns if self.columns is not None else (self.column or "",)


class Unique:
    """No two rows have the same value in the column, or the same values in all the columns.

    A row with a null among them is not examined; NaN equals NaN; media are compared by their SHA-256. Rows
    that repeat an earlier one count as failures, its first appearance does not. Values are remembered as
    128-bit BLAKE2b digests, 16 bytes a distinct value (see `DigestSet`); no two are known to collide.
    """

    media = False

    def __init__(self, spec: CheckSpec, table: Table) -> None:
        paths = parse_arguments(spec, Arguments).paths
        self.columns = tuple(map(table.key, paths))
        for path in self.columns:
            _check_plain(path, table.type(path))
        self._seen = DigestSet()
        self._tally = Tally(spec, ", ".join(paths))

    def update(self, batch: pa.RecordBatch) -> None:
        columns = [cells(batch, path) for path in self.columns]
        complete = reduce(pc.and_, [pc.is_valid(column) for column in columns])
        repeated = np.zeros(batch.num_rows, dtype=np.bool_)
        repeated[complete.to_numpy(zero_copy_only=False)] = self._seen.add(
            digests_of([column.filter(complete) for column in columns])
        )
        self._tally.add(
            batch,
            examined=complete.true_count,
            failed=pa.array(repeated),
            describe=lambda row: (_value(columns, row), "repeats an earlier row"),
        )

    def result(self) -> CheckResult:
        return self._tally.result("values repeat an earlier one")


def _check_plain(path: str, dtype: pa.DataType) -> None:
    if pa.types.is_nested(dtype):
        fields = dtype.fields if isinstance(dtype, pa.StructType) else []
        hint = f"columns: [{', '.join(f'{path}.{field.name}' for field in fields)}]" if fields else None
        raise UsageError(f"unique: {path} is {dtype}; only single values can be compared", hint=hint)


def _value(columns: list[pa.Array[Any]], row: int) -> str:
    return ", ".join(short(column[row].as_py()) for column in columns)
