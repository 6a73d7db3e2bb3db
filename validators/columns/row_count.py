"""row_count: a version is as large as it should be."""

from __future__ import annotations

import pyarrow as pa
from pydantic import Field, model_validator

from mmreg.schemas.check import CheckResult
from mmreg.schemas.check_spec import CheckSpec
from mmreg.schemas.declared import Declared
from mmreg.validators.arguments import check_bounds, parse_arguments
from mmreg.validators.table import Table
from mmreg.validators.tally import verdict


class Arguments(Declared):
    min_value: int | None = Field(None, ge=0)
    max_value: int | None = Field(None, ge=0)

    @model_validator(mode="after")
    def _bounds(self) -> Arguments:
        check_bounds(self.min_value, self.max_value)
        return self


class RowCount:
    """The version has at least min_value and at most max_value rows."""

    columns: tuple[str, ...] = ()
    media = False

    def __init__(self, spec: CheckSpec, table: Table) -> None:
        self._spec, self._arguments = spec, parse_arguments(spec, Arguments)
        self._rows = table.rows

    def update(self, batch: pa.RecordBatch) -> None:
        """Reads nothing: the version knows how many rows it has."""

    def result(self) -> CheckResult:
        low, high = self._arguments.min_value, self._arguments.max_value
        message = f"{self._rows:,} rows"
        if low is not None and self._rows < low:
            message += f", fewer than {low:,}"
        elif high is not None and self._rows > high:
            message += f", more than {high:,}"
        else:
            return verdict(self._spec, None, 1, 0, message)
        return verdict(self._spec, None, 1, 1, message)
