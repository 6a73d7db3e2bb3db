"""not_null: every row has a value."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from mmreg.schemas.check import CheckResult
from mmreg.schemas.check_spec import CheckSpec
from mmreg.schemas.declared import Declared
from mmreg.validators.arguments import parse_arguments
from mmreg.validators.row_check import RowCheck
from mmreg.validators.table import Table, cells
from mmreg.validators.tally import Tally


class Arguments(Declared):
    column: str


class NotNull(RowCheck):
    """Every row has a value in the column; NaN and empty text are values."""

    def __init__(self, spec: CheckSpec, table: Table) -> None:
        column = parse_arguments(spec, Arguments).column
        self._read = table.key(column)
        self.columns = (self._read,)
        self._tally = Tally(spec, column)

    def update(self, batch: pa.RecordBatch) -> None:
        null = pc.is_null(cells(batch, self._read))
        self._tally.add(batch, examined=batch.num_rows, failed=null, describe=lambda _: ("null", "null"))

    def result(self) -> CheckResult:
        return self._tally.result("values are null")
