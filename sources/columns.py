"""Declared columns: each checks a source's value and turns accepted values into one Arrow array.

A value is a JSON value, or, where a column holds media or text from a file, a `File` or bytes. ``accept``
answers what the array will be built from, or raises `Refused`; ``weight`` says about how many bytes it holds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any, Protocol

import numpy as np
import pyarrow as pa

from mmreg.schemas.arrow import MEDIA_KINDS, MediaKind, arrow_type
from mmreg.schemas.declaration import ColumnSpec, Limits
from mmreg.sources.media import Cell, media_array, media_cell
from mmreg.sources.plain import acceptor, wrong_type
from mmreg.sources.record import Refused


class Column(Protocol):
    """One declared column. Null is accepted as None before ``accept`` is asked."""

    def accept(self, value: Any) -> Any: ...
    def weight(self, accepted: Any) -> int: ...
    def array(self, accepted: Sequence[Any]) -> pa.Array[Any]: ...


def open_column(spec: ColumnSpec, limits: Limits) -> Column:
    """Return what checks and builds a column of ``spec``."""
    if spec.type in MEDIA_KINDS:
        return _Media(spec.type, limits, inline=spec.storage == "inline")
    if spec.type == "list":
        assert spec.items is not None
        item = spec.model_copy(update={"type": spec.items, "items": None, "nullable": False})
        return _List(spec.items, open_column(item, limits), arrow_type(item))
    if spec.type == "embedding":
        return _Embedding(spec)
    return _Plain(spec, limits)


def media_columns(columns: Mapping[str, ColumnSpec]) -> tuple[str, ...]:
    """The names of those declared columns that hold media, alone or in lists."""
    return tuple(name for name, column in columns.items() if column.type in MEDIA_KINDS or column.items in MEDIA_KINDS)


class _Media:
    def __init__(self, kind: MediaKind, limits: Limits, *, inline: bool) -> None:
        self._kind, self._limits, self._inline = kind, limits, inline

    def accept(self, value: Any) -> Cell:
        return media_cell(value, self._kind, self._limits, inline=self._inline)

    def weight(self, accepted: Cell) -> int:
        return len(accepted[0] or b"")

    def array(self, accepted: Sequence[Cell | None]) -> pa.Array[Any]:
        return media_array(accepted, self._kind)


class _Plain:
    def __init__(self, spec: ColumnSpec, limits: Limits) -> None:
        self.accept, self._type = acceptor(spec, limits.max_text), arrow_type(spec)

    def weight(self, accepted: Any) -> int:
        if isinstance(accepted, str):
            return len(accepted)
        if isinstance(accepted, dict):
            accepted = list(accepted.values())
        return sum(map(self.weight, accepted)) if isinstance(accepted, list) else 8

    def array(self, accepted: Sequence[Any]) -> pa.Array[Any]:
        return pa.array(accepted, self._type)


class _List:
    def __init__(self, items: str, item: Column, dtype: pa.DataType) -> None:
        self._items, self._item, self._type = items, item, dtype

    def accept(self, value: Any) -> list[Any]:
        if not isinstance(value, list | tuple):
            raise wrong_type(f"a list of {self._items}", value)
        if any(one is None for one in value):
            raise Refused("null_value", f"null inside a list of {self._items}")
        return [self._item.accept(one) for one in value]

    def weight(self, accepted: list[Any]) -> int:
        return sum(map(self._item.weight, accepted))

    def array(self, accepted: Sequence[list[Any] | None]) -> pa.Array[Any]:
        values = self._item.array([one for many in accepted for one in many or ()])
        offsets = [0, *accumulate(len(many or ()) for many in accepted)]
        absent = pa.array([many is None for many in accepted], pa.bool_())
        starts = pa.array(offsets, pa.int32())
        return pa.ListArray.from_arrays(starts, values, type=pa.list_(self._type), mask=absent)


class _Embedding:
    def __init__(self, spec: ColumnSpec) -> None:
        assert spec.dim is not None
        self._dim, self._dtype = spec.dim, np.dtype(spec.dtype)

    def accept(self, value: Any) -> np.ndarray[Any, np.dtype[Any]]:
        if not isinstance(value, list | np.ndarray):
            raise wrong_type(f"a list of {self._dim} numbers", value)
        try:
            numbers = np.asarray(value)
        except ValueError:  # lists of unequal length inside the list
            numbers = np.empty(0)
        if numbers.shape != (self._dim,) or numbers.dtype.kind not in "fiu":
            raise Refused("wrong_type", f"the embedding is not a list of {self._dim} numbers")
        with np.errstate(over="ignore"):
            vector = numbers.astype(self._dtype)
        if not np.isfinite(vector).all():
            raise Refused("wrong_type", f"the embedding has values that are not finite in {self._dtype}")
        return vector

    def weight(self, accepted: np.ndarray[Any, np.dtype[Any]]) -> int:
        return int(accepted.nbytes)

    def array(self, accepted: Sequence[np.ndarray[Any, np.dtype[Any]] | None]) -> pa.Array[Any]:
        zeros = np.zeros(self._dim, self._dtype)
        rows = [zeros if vector is None else vector for vector in accepted]
        values: pa.Array[Any] = pa.array(np.concatenate(rows) if rows else np.empty(0, self._dtype))
        absent = pa.array([vector is None for vector in accepted], pa.bool_())
        return pa.FixedSizeListArray.from_arrays(values, self._dim, mask=absent)
