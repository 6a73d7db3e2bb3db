"""Cells of Arrow columns as plain Python values, and the children of struct columns.

pyarrow's type stubs know an array by its value type, which a column read from a table does not tell; these few
functions are where that is settled.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import pyarrow as pa

Column: TypeAlias = "pa.Array[Any] | pa.ChunkedArray[Any]"


def values(column: Column) -> list[Any]:
    """Every cell as a Python value, None for null."""
    cells: list[Any] = column.to_pylist()
    return cells


def whole(column: Column) -> pa.Array[Any]:
    """The column in one piece."""
    piece: pa.Array[Any] = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    return piece


def child(column: Column, name: str) -> pa.Array[Any]:
    """One field of a struct column."""
    struct: Any = whole(column)
    field: pa.Array[Any] = struct.field(name)
    return field


def encodable(text: str) -> str:
    """``text`` as a column can hold it: half a character, which JSON can say and UTF-8 cannot, is a question mark."""
    return text if text.isascii() else text.encode(errors="replace").decode()
