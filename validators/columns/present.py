"""present: a column is there, and of its type."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import pyarrow as pa

from mmreg.errors import UsageError
from mmreg.schemas.arrow import arrow_type
from mmreg.schemas.check import CheckResult
from mmreg.schemas.check_spec import CheckSpec
from mmreg.schemas.declaration import ColumnSpec
from mmreg.schemas.declared import Declared
from mmreg.validators.arguments import parse_arguments
from mmreg.validators.columns.kinds import is_list
from mmreg.validators.table import Table, cells
from mmreg.validators.tally import verdict
from mmreg.validators.unknown import unknown

_DECLARED = ("text", "string", "int", "float", "bool", "timestamp", "messages", "preference", "image", "audio", "video")
_ARROW = (
    *("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
    *("float16", "float32", "float64", "binary", "large_binary", "large_string"),
)
_TYPES: Mapping[str, pa.DataType] = {
    **{name: arrow_type(ColumnSpec.model_validate({"type": name})) for name in _DECLARED},
    "ref": arrow_type(ColumnSpec(type="ref", dataset="any")),
    **{name: getattr(pa, name)() for name in _ARROW},
}
"""By name, the declared ones first: what people know a type as."""


class Arguments(Declared):
    column: str
    type: str | None = None
    nullable: bool = True


class Present:
    """The column is there, of that type where one is given, and with nullable false no row lacks a value in it.

    ``type`` is one of those that columns are declared with (``list<image>`` for a list of images), or Arrow's name of
    one (``float32``). A column that is not there is a failure, where other checks refuse to begin.
    """

    version: ClassVar[str] = "1"
    media = False

    def __init__(self, spec: CheckSpec, table: Table) -> None:
        self._spec, self._arguments = spec, parse_arguments(spec, Arguments)
        self._check_type()
        self._wrong = self._defect(table)
        self._read = "" if self._wrong or self._arguments.nullable else table.key(self._arguments.column)
        self.columns = (self._read,) if self._read else ()
        self._nulls = 0

    def update(self, batch: pa.RecordBatch) -> None:
        if self._read:
            self._nulls += cells(batch, self._read).null_count

    def state(self) -> Mapping[str, Any]:
        return {"nulls": self._nulls}

    def merge(self, state: Mapping[str, Any]) -> None:
        self._nulls += state["nulls"]

    def result(self) -> CheckResult:
        column = self._arguments.column
        wrong = self._wrong or (f"{column} is null in {self._nulls:,} rows" if self._nulls else None)
        return verdict(self._spec, column, 1, int(wrong is not None), wrong or f"{column} is there")

    def _check_type(self) -> None:
        wanted = self._arguments.type
        inner = wanted.removeprefix("list<").removesuffix(">") if wanted else None
        if inner not in (None, "embedding", "list", *_TYPES):
            raise unknown("type", str(wanted), (*_TYPES, "embedding", "list", "list<text>"))

    def _defect(self, table: Table) -> str | None:
        try:
            dtype = table.type(self._arguments.column)
        except UsageError as error:
            return error.message
        wanted = self._arguments.type
        if wanted is None or wanted in _names(dtype):
            return None
        return f"{self._arguments.column} is {_names(dtype)[0]}, not {wanted}"


def _names(dtype: Any) -> list[str]:
    """All that a type is called, the name that people know first."""
    names = [name for name, named in _TYPES.items() if dtype == named]
    if pa.types.is_fixed_size_list(dtype) and pa.types.is_floating(dtype.value_type):
        names.append("embedding")
    if is_list(dtype):
        names += [f"list<{inner}>" for inner in _names(dtype.value_type)] + ["list"]
    return names or [str(dtype)]
