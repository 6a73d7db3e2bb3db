"""paired: both sides of a pair are there."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pydantic import Field

from mmreg.errors import UsageError
from mmreg.schemas.check import CheckResult
from mmreg.schemas.check_spec import CheckSpec
from mmreg.schemas.declared import Declared
from mmreg.validators.arguments import parse_arguments
from mmreg.validators.columns.kinds import is_list, is_text, texts
from mmreg.validators.row_check import RowCheck
from mmreg.validators.table import Table, cells
from mmreg.validators.tally import Tally


class Arguments(Declared):
    columns: tuple[str, ...] = Field(strict=False, min_length=2)


class Paired(RowCheck):
    """Every row has something in each of the columns: no null, no blank text, no empty list.

    A text of nothing but white space is blank. Of media the cell counts, not whether its bytes can be had.
    """

    def __init__(self, spec: CheckSpec, table: Table) -> None:
        paths = parse_arguments(spec, Arguments).columns
        if len(set(paths)) < len(paths):
            raise UsageError("paired: 'columns' names a column twice")
        self._read = {path: table.key(path) for path in paths}
        self.columns = tuple(self._read.values())
        self._tally = Tally(spec, ", ".join(paths))

    def update(self, batch: pa.RecordBatch) -> None:
        missing = {path: _missing(batch, read) for path, read in self._read.items()}
        self._tally.add(
            batch,
            examined=batch.num_rows,
            failed=pa.array(np.logical_or.reduce(list(missing.values()))),
            describe=lambda row: ("", f"nothing in {', '.join(path for path in missing if missing[path][row])}"),
        )

    def result(self) -> CheckResult:
        return self._tally.result("rows lack a side of the pair")


def _missing(batch: pa.RecordBatch, path: str) -> NDArray[np.bool_]:
    column = cells(batch, path)
    there: pa.Array[Any] = pc.is_valid(column)
    if is_text(column.type):
        there = pc.match_substring_regex(texts(batch, path), pattern=r"[^\s\pZ]").fill_null(False)
    elif is_list(column.type):
        items: pa.Int32Array = pc.list_value_length(column)
        there = pc.greater(items, pa.scalar(0, pa.int32())).fill_null(False)
    return ~there.to_numpy(zero_copy_only=False)
