"""What the cells of a column are to Great Expectations on pandas: of which kind, and which of them are missing."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Bools = NDArray[np.bool_]
Kind = Literal["integer", "number", "text", "truth", "time", "other"]


def kind_of(dtype: pa.DataType) -> Kind:
    """`other` is all that pandas keeps as Python objects, or in a way of its own."""
    types = pa.types
    if types.is_integer(dtype) and not types.is_uint64(dtype):
        return "integer"
    if types.is_float32(dtype) or types.is_float64(dtype):
        return "number"
    if types.is_string(dtype) or types.is_large_string(dtype):
        return "text"
    if types.is_boolean(dtype):
        return "truth"
    return "time" if types.is_timestamp(dtype) else "other"


def missing(cells: pa.Array[Any]) -> Bools:
    """True where pandas has no value: null, or NaN."""
    absent: pa.Array[Any] = pc.is_null(cells, nan_is_null=pa.types.is_floating(cells.type))
    found: Bools = absent.to_numpy(zero_copy_only=False)
    return found


def present(cells: pa.Array[Any], absent: Bools) -> pa.Array[Any]:
    """The cells which are not missing."""
    return cells.filter(pa.array(~absent))


def numbers(cells: pa.Array[Any]) -> NDArray[Any]:
    """Numbers, booleans or times, none of them missing, as numpy compares them; times as integers."""
    if pa.types.is_timestamp(cells.type):
        cells = cells.cast(pa.int64())
    found: NDArray[Any] = cells.to_numpy(zero_copy_only=False)
    return found


def without_nan(cells: pa.Array[Any]) -> pa.Array[Any]:
    """NaN as null: to pandas they are the same."""
    if not pa.types.is_floating(cells.type):
        return cells
    found: pa.Array[Any] = pc.if_else(pc.is_nan(cells), pa.scalar(None, cells.type), cells)
    return found


def plain(cells: pa.Array[Any]) -> list[Any]:
    """The cells as Python values, None where they are missing."""
    return without_nan(cells).to_pylist()
