"""Arrow columns of a stranger's file as the values that declared columns check, and its media leaves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from mmreg.errors import UsageError
from mmreg.schemas.declaration import ColumnSpec
from mmreg.sources.record import Refused

_MOST_NAMES = 20
"""Columns of a file that a message lists."""


def check_schema(dataset: str, file: str, schema: pa.Schema, columns: Mapping[str, ColumnSpec]) -> None:
    """Refuse a declaration by which every row of ``file`` would be rejected. Raises `UsageError`."""
    for key, column in columns.items():
        field = column.field or key
        if field not in schema.names:
            if column.nullable:
                continue
            raise UsageError(
                f"dataset {dataset}: {file} has no column {field!r}; it has {_shown(schema.names)}",
                hint=f"give datasets.{dataset}.columns.{key} the right `field:`, or `nullable: true`",
            )
        dtype = schema.field(field).type
        if column.storage == "reference" and (pa.types.is_binary(dtype) or pa.types.is_large_binary(dtype)):
            raise UsageError(
                f"dataset {dataset}: {file} holds the bytes of {field!r}, which cannot be kept by reference",
                hint=f"declare `storage: inline` under datasets.{dataset}.columns.{key}",
            )


def dictionary_leaves(file: pq.ParquetFile, group: int, fields: set[str]) -> list[str]:
    """The leaves below ``fields`` whose values stand in a dictionary, in one row group that can be read.

    Read as dictionaries they take the memory that the file has for them. Spelled out, a value of a megabyte that four
    thousand rows point to is four gigabytes, from a file of a few hundred bytes.
    """
    metadata = file.metadata.row_group(group)
    leaves = [file.schema.column(index) for index in range(metadata.num_columns)]
    return [
        leaf.path
        for index, leaf in enumerate(leaves)
        if leaf.path.partition(".")[0] in fields
        and leaf.physical_type == "BYTE_ARRAY"
        and metadata.column(index).has_dictionary_page
    ]


def _shown(names: list[str]) -> str:
    told = ", ".join(names[:_MOST_NAMES])
    return told if len(names) <= _MOST_NAMES else f"{told} and {len(names) - _MOST_NAMES:,} more"


def media_leaves(file: pq.ParquetFile, group: int, fields: set[str]) -> list[str]:
    """The leaves of media columns in a row group that hold paths, where a path may be needed.

    A struct of bytes and path needs none where the group's statistics say that no bytes are null.
    """
    metadata = file.metadata.row_group(group)
    leaves = {file.schema.column(index).path: index for index in range(metadata.num_columns)}

    def is_path(leaf: str) -> bool:
        return leaf.partition(".")[0] in fields and file.schema.column(leaves[leaf]).logical_type.type == "STRING"

    def has_bytes(leaf: str) -> bool:
        beside = leaves.get(leaf.removesuffix("path") + "bytes") if leaf.endswith(".path") else None
        statistics = None if beside is None else metadata.column(beside).statistics
        return statistics is not None and statistics.null_count == 0

    return [leaf for leaf in leaves if is_path(leaf) and not has_bytes(leaf)]


def media_value(value: Any) -> Any:
    """Bytes, or the path, of one media cell in any of the three spellings; lists one by one."""
    if isinstance(value, list):
        return [media_value(one) for one in value]
    if isinstance(value, dict):
        return value.get("path") if value.get("bytes") is None else value["bytes"]
    return value


def python_rows(batch: pa.RecordBatch, columns: Mapping[str, ColumnSpec]) -> Iterator[dict[str, Any]]:
    """Yield the rows of ``batch`` by declared column, null where it has none.

    A text that is not UTF-8, or a time that no calendar has, is a `Refused` in its place. Values are made as they are
    asked for: a dictionary may say with few bytes that every row is large.
    """
    names = set(batch.schema.names)
    values = [
        _values(batch.column(column.field or key), column) if (column.field or key) in names else None
        for key, column in columns.items()
    ]
    for _ in range(batch.num_rows):
        yield {key: next(many) if many else None for key, many in zip(columns, values, strict=True)}


def _values(array: pa.Array[Any], column: ColumnSpec) -> Iterator[Any]:
    if column.type == "embedding" and isinstance(array, pa.ListArray | pa.LargeListArray | pa.FixedSizeListArray):
        return map(_vector, array)
    if column.type == "timestamp" and (pa.types.is_timestamp(array.type) or pa.types.is_date(array.type)):
        array = pc.cast(array, pa.timestamp("us", tz="UTC"), safe=False)
    if column.type == "float" and pa.types.is_decimal(array.type):
        array = pc.cast(array, pa.float64())
    return map(_value, array)  # Parquet checks neither its text nor its times: each cell answers for itself


def _value(cell: pa.Scalar[Any]) -> Any:
    try:
        return cell.as_py()
    except UnicodeDecodeError as error:
        return Refused("not_utf8", f"not UTF-8 at byte {error.start} of the text")
    except (ValueError, OverflowError) as error:
        return Refused("wrong_type", str(error))


def _vector(cell: Any) -> Any:
    numbers = cell.values
    return None if numbers is None else numbers.to_numpy(zero_copy_only=False)
