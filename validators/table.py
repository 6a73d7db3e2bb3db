"""What is checked: its columns, nested ones too, and which pass made them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.compute as pc

from mmreg.errors import UsageError
from mmreg.schemas.arrow import media_kind
from mmreg.validators.unknown import unknown
from mmreg.validators.world import World

Shared = TypeVar("Shared")


@dataclass(frozen=True)
class Table:
    """A version as checks know it. ``producers`` maps each derived column to the pass that makes it.

    ``former`` are those that their pass has made once and does no longer. ``ref`` names the version exactly; ``world``
    answers what its rows do not tell.
    """

    schema: pa.Schema
    producers: Mapping[str, str] = field(default_factory=dict)
    former: Collection[str] = ()
    dataset: str = ""
    ref: str = ""
    rows: int = 0
    world: World | None = None
    _shared: dict[type[Any], Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    def shared(self, kind: type[Shared]) -> Shared:
        """The one ``kind()`` of all checks of this version: what one of them had to decode serves the others."""
        if kind not in self._shared:
            self._shared[kind] = kind()
        one: Shared = self._shared[kind]
        return one

    def around(self, check: str) -> World:
        """What is known beside the rows. Raises `UsageError` where there is no registry to ask."""
        if self.world is None:
            raise UsageError(f"{check} asks the registry, and there is none here", hint="mmreg validate")
        return self.world

    def type(self, path: str) -> pa.DataType:
        """The type of a column, or of a field within one (``image.width``), or `UsageError`."""
        dtype: pa.DataType = pa.struct(list(self.schema))
        prefix = ""
        for part in [path] if path in self.schema.names else path.split("."):
            inner = dtype.fields if isinstance(dtype, pa.StructType) else []
            fields = {field.name: field.type for field in inner}
            if part not in fields:
                raise unknown("column", path, [prefix + name for name in fields if not name.startswith("_")])
            if part == "bytes" and media_kind(dtype):
                cell = prefix.removesuffix(".")
                raise UsageError(f"{path}: checks look at whole media cells", hint=f"{cell} or {cell}.sha256")
            dtype, prefix = fields[part], f"{prefix}{part}."
        return dtype

    def key(self, path: str) -> str:
        """What to read for ``path``: of media the digest, which is null and equal where the cell is."""
        return f"{path}.sha256" if media_kind(self.type(path)) else path


def cells(batch: pa.RecordBatch, path: str) -> pa.Array[Any]:
    """The cells of a column or field; null wherever a struct around the field is."""
    if path in batch.schema.names:
        return batch.column(path)
    column, *fields = path.split(".")
    found: pa.Array[Any] = pc.struct_field(batch.column(column), fields)
    return found
