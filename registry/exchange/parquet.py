"""The rows of a version as one Parquet file, for readers that do not know Lance."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmreg.errors import StorageError

if TYPE_CHECKING:
    import pyarrow as pa

    from mmreg.registry.read import Reader


SPLIT = "_split"
"""The column that says of which split a row is: no dataset has one of this name."""


@dataclass(frozen=True)
class Snapshot:
    """A file that was written, with the names of its columns."""

    path: Path
    sha256: str
    size_bytes: int
    columns: tuple[str, ...]


def write_rows(reader: Reader, beside: Path, splits: Iterable[str] = ()) -> Snapshot:
    """Write all rows of ``reader`` to a file beside ``beside``, named from it, batch by batch.

    Ids are hexadecimal text, media cells are their bytes, and what is nested otherwise is JSON: so any reader of
    Parquet understands it. Where the version has ``splits`` they come one after the other, and a column says which a
    row is of. Raises `StorageError`.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = beside.with_suffix(".parquet")
    scratch = path.with_name(f".{path.name}-{os.getpid()}")
    parts = [(name, reader.split(name)) for name in splits]
    known = [(field.name, _plain_type(field.type)) for field in reader.schema]
    schema = pa.schema([*known, *([(SPLIT, pa.string())] if parts else [])])
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with pq.ParquetWriter(scratch, schema) as writer:
            for split, part in parts or [("", reader)]:
                for batch in part.batches():
                    columns = [_plain(column, kind) for column, (_, kind) in zip(batch.columns, known, strict=True)]
                    columns += [pa.array([split] * len(batch), pa.string())] if parts else []
                    writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=schema))
        with scratch.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        scratch.replace(path)
    except OSError as error:
        raise StorageError(f"{path}: {error.strerror or error}") from error
    finally:
        with suppress(OSError):  # where there is nothing to remove, or no such folder
            scratch.unlink()
    return Snapshot(path, digest, path.stat().st_size, tuple(schema.names))


def _plain_type(dtype: pa.DataType) -> pa.DataType:
    import pyarrow as pa
    import pyarrow.types as types

    from mmreg.schemas.arrow import media_kind

    if media_kind(dtype):
        return pa.binary()
    if types.is_fixed_size_list(dtype):
        return pa.list_(pa.float32() if types.is_float16(dtype.value_type) else dtype.value_type)
    if types.is_binary(dtype) or types.is_fixed_size_binary(dtype) or types.is_nested(dtype):
        return pa.string()
    return dtype


def _plain(column: pa.Array[Any], dtype: pa.DataType) -> pa.Array[Any]:
    import pyarrow as pa
    import pyarrow.types as types

    from mmreg.schemas.arrow import media_kind

    if column.type.equals(dtype):
        return column
    if media_kind(column.type):
        return pa.array((cell and cell["bytes"] for cell in column.to_pylist()), dtype)
    if types.is_list(dtype):
        return column.cast(dtype)
    return pa.array(_texts(column), dtype)


def _texts(column: pa.Array[Any]) -> Iterator[str | None]:
    for cell in column.to_pylist():
        if cell is None:
            yield None
        else:
            yield cell.hex() if isinstance(cell, bytes) else json.dumps(cell, ensure_ascii=False, default=_other)


def _other(value: object) -> str:
    if isinstance(value, bytes):
        return value.hex()
    return value.isoformat() if isinstance(value, datetime) else str(value)
