"""Kinds of columns, and the error where a check is asked of one of another kind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from mmreg.errors import UsageError
from mmreg.validators.table import Table, cells


def is_text(dtype: pa.DataType) -> bool:
    return pa.types.is_string(dtype) or pa.types.is_large_string(dtype)


def is_number(dtype: pa.DataType) -> bool:
    return pa.types.is_integer(dtype) or pa.types.is_floating(dtype)


def is_list(dtype: pa.DataType) -> bool:
    return pa.types.is_list(dtype) or pa.types.is_large_list(dtype) or pa.types.is_fixed_size_list(dtype)


def demand(
    check: str, table: Table, column: str, fits: Callable[[pa.DataType], bool], what: str, hint: str | None = None
) -> pa.DataType:
    """The type of ``column``; `UsageError` where it is not ``what``: "a column of texts"."""
    dtype = table.type(column)
    if not fits(dtype):
        raise UsageError(f"{check}: {column} is {dtype}, not {what}", hint=hint)
    return dtype


def texts(batch: pa.RecordBatch, column: str) -> pa.StringArray:
    """The cells of a column of texts, which may be large strings as well."""
    return cast(pa.StringArray, cells(batch, column))


def different(column: pa.StringArray) -> tuple[pa.StringArray, NDArray[np.int64]]:
    """The different texts, and which of them each row has, -1 where it is null."""
    indexed: Any = pc.dictionary_encode(column)
    rows: NDArray[np.int64] = indexed.indices.fill_null(-1).to_numpy().astype(np.int64)
    return cast(pa.StringArray, indexed.dictionary), rows


def comparable(numbers: pa.Array[Any]) -> pa.Array[Any]:
    """Half floats as floats, which is exact: Arrow cannot compare them."""
    return numbers.cast(pa.float32()) if pa.types.is_float16(numbers.type) else numbers


def double(numbers: pa.Array[Any]) -> pa.Array[Any]:
    """Numbers as 64-bit floats, the nearest where integers are beyond 2**53."""
    return pc.cast(comparable(numbers), pa.float64(), safe=False)
