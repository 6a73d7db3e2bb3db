"""The bytes behind media cells: inline as they are, by reference read from where they lie."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mmreg.errors import StorageError
from mmreg.schemas.arrow import media_kind
from mmreg.schemas.cells import child, values
from mmreg.sources.files import Root, open_file
from mmreg.sources.record import Refused


def with_bytes(batch: pa.RecordBatch, media_root: str | None, *, tolerant: bool = False) -> pa.RecordBatch:
    """``batch`` with the bytes of every media cell filled in, also of those in lists.

    Raises `StorageError` where a reference cannot be read, naming its uri; a ``tolerant`` reader gets such a cell
    without bytes instead, for that row to fail alone.
    """
    arrays = []
    for field, column in zip(batch.schema, batch.columns, strict=True):
        if media_kind(field.type):
            column = _filled(column, media_root, tolerant)
        elif isinstance(column, pa.ListArray) and media_kind(column.type.value_type):
            column = _filled_lists(column, media_root, tolerant)
        arrays.append(column)
    return pa.RecordBatch.from_arrays(arrays, schema=batch.schema)


def _filled_lists(column: pa.ListArray[Any], media_root: str | None, tolerant: bool) -> pa.Array[Any]:
    lengths = pc.fill_null(pc.list_value_length(column), 0).to_numpy()
    starts = pa.array(np.concatenate([[0], np.cumsum(lengths)]), pa.int32())
    items = _filled(column.flatten(), media_root, tolerant)
    filled: pa.Array[Any] = pa.ListArray.from_arrays(starts, items, type=column.type, mask=column.is_null())
    return filled


def _filled(column: pa.Array[Any], media_root: str | None, tolerant: bool) -> pa.Array[Any]:
    if child(column, "uri").null_count == len(column):
        return column
    cells: list[dict[str, Any] | None] = values(column)
    for cell in cells:
        if cell is not None and cell["bytes"] is None and cell["uri"] is not None:
            try:
                cell["bytes"] = _read(cell["uri"], cell["offset"], cell["length"], media_root)
            except StorageError:
                if not tolerant:
                    raise
    filled: pa.Array[Any] = pa.array(cells, column.type)
    return filled


def _read(uri: str, offset: int | None, length: int | None, media_root: str | None) -> bytes:
    if "://" in uri:
        raise StorageError(f"{uri}: media by remote reference cannot be read yet", hint="storage: inline")
    if media_root is None:
        raise StorageError(
            f"{uri}: nobody says where this reference starts from",
            hint="run inside the project that declares its source",
        )
    try:
        # Looked for anew as when it came in: a link or a pipe may be in its place by now, and a cell that somebody
        # else wrote may say anything.
        with open(open_file(Root(media_root).locate(uri)), "rb") as file:
            file.seek(offset or 0)
            return file.read(length if length is not None else -1)
    except (Refused, OSError, ValueError) as error:
        told = error.detail if isinstance(error, Refused) else f"{uri}: {error}"
        raise StorageError(f"{told} (below {media_root})", hint="put the file back, or mmreg apply") from None
