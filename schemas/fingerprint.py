"""Fingerprints: what decides, without looking at the data again, whether something changed.

A row's fingerprint is 64 bits over the cells that a pass declares as inputs; a media cell counts as its SHA-256. What
a pass has made of a row has 16 bits of such a fingerprint. A fragment's (`mmreg.registry.snapshot`) is over the files
that hold those columns, so that planning reads only what moved.

Numbers count by their value, whatever their width; they are mixed many at a time, for there may be 10^8 of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import xxhash
from numpy.typing import NDArray

from mmreg.schemas.arrow import media_kind
from mmreg.schemas.cells import Column, values

Prints: TypeAlias = NDArray[np.uint64]


LIGHT_ROWS = 8192
LIST_ROWS = 16
"""Rows that are read together, and those with lists of media."""


def light_columns(schema: pa.Schema, columns: Iterable[str]) -> list[str]:
    """What to read of ``columns`` to fingerprint them: of a media cell its digest alone."""
    return [f"{name}.sha256" if media_kind(schema.field(name).type) else name for name in columns]


def light_rows(schema: pa.Schema, columns: Iterable[str]) -> int:
    """How many rows to read together of what `light_columns` names: few where those hold lists of media.

    Lance cannot read one field of such cells: with their digests come their bytes, and nobody knows how many.
    """
    heavy = any(is_media_list(schema.field(name).type) for name in columns if name in schema.names)
    return LIST_ROWS if heavy else LIGHT_ROWS


def is_media_list(dtype: pa.DataType) -> bool:
    return isinstance(dtype, pa.ListType) and media_kind(dtype.value_type) is not None


def row_fingerprints(rows: pa.RecordBatch | pa.Table, columns: Sequence[str]) -> Prints:
    """One fingerprint a row over ``columns`` (as named by `light_columns`), in their order."""
    return _in_order([cell_fingerprints(_column(rows, name)) for name in columns])


def output_prints(rows: pa.RecordBatch | pa.Table, columns: Sequence[str]) -> NDArray[np.uint16]:
    """16 bits a row over what a pass has made of it, whatever order the ``columns`` come in and are called."""
    total = np.zeros(rows.num_rows, np.uint64)
    for name in columns:
        total += cell_fingerprints(_column(rows, name))
    return _mixed(total).astype(np.uint16)


def cell_fingerprints(column: Column) -> Prints:
    """One fingerprint a cell; a null is 0."""
    if isinstance(column, pa.ChunkedArray):
        return np.concatenate([np.zeros(0, np.uint64), *map(cell_fingerprints, column.chunks)])
    if not column.null_count:
        return _digests(column)
    prints = np.zeros(len(column), np.uint64)
    prints[column.is_valid().to_numpy(zero_copy_only=False)] = _digests(column.drop_null())
    return prints


def _column(rows: pa.RecordBatch | pa.Table, name: str) -> Column:
    if name in rows.schema.names:
        return rows.column(name)
    outer, *fields = name.split(".")
    found: Column = pc.struct_field(rows.column(outer), fields)
    return found  # null also where a struct around it is


def _digests(cells: pa.Array[Any]) -> Prints:
    """Of cells none of which is null."""
    dtype = cells.type
    if pa.types.is_dictionary(dtype):
        decoded: Any = cells
        return cell_fingerprints(decoded.dictionary_decode())
    if pa.types.is_string(dtype) or pa.types.is_large_string(dtype):
        return _of_bytes(values(cells.cast(pa.binary() if pa.types.is_string(dtype) else pa.large_binary())))
    if pa.types.is_binary(dtype) or pa.types.is_large_binary(dtype) or pa.types.is_fixed_size_binary(dtype):
        return _of_bytes(values(cells))
    if isinstance(dtype, pa.StructType):
        fields: Any = cells
        return _in_order([cell_fingerprints(field) for field in fields.flatten()])
    if isinstance(dtype, pa.ListType | pa.LargeListType) and media_kind(dtype.value_type):
        return _of_bytes([b"".join(map(_digest_of, cell)) for cell in values(cells)])
    if isinstance(dtype, pa.FixedSizeListType) and _is_number(dtype.value_type):
        return _vectors(cells)
    if isinstance(dtype, pa.ListType | pa.LargeListType | pa.FixedSizeListType):
        return _lists(cells)
    if _is_number(dtype):
        return _mixed(_bits(cells))
    if pa.types.is_temporal(dtype):
        return _mixed(_bits(cells.view(pa.int64() if dtype.bit_width == 64 else pa.int32())))
    return _of_bytes([repr(cell).encode() for cell in values(cells)])


def _of_bytes(cells: Sequence[bytes | memoryview]) -> Prints:
    return np.fromiter(map(xxhash.xxh3_64_intdigest, cells), np.uint64, len(cells))


def _digest_of(cell: dict[str, bytes] | None) -> bytes:
    return b"\xff" * 32 if cell is None else cell["sha256"]


def _is_number(dtype: pa.DataType) -> bool:
    return pa.types.is_integer(dtype) or pa.types.is_floating(dtype) or pa.types.is_boolean(dtype)


def _bits(numbers: pa.Array[Any]) -> Prints:
    """64 bits of each number, the same for the same value in a wider type."""
    found = numbers.to_numpy(zero_copy_only=False)
    wide = np.float64 if found.dtype.kind == "f" else np.uint64 if found.dtype.kind == "u" else np.int64
    return np.ascontiguousarray(found, wide).view(np.uint64)


def _vectors(cells: pa.Array[Any]) -> Prints:
    """Of lists of equally many numbers, as embeddings are: these are many bytes, so each goes through xxh3."""
    flat: Any = pc.list_flatten(cells)
    numbers = flat.fill_null(0) if flat.null_count else flat
    data = np.ascontiguousarray(numbers.to_numpy(zero_copy_only=False)).view(np.uint8).data
    width = len(data) // max(len(cells), 1)
    return _of_bytes([data[place * width : (place + 1) * width] for place in range(len(cells))])


def _lists(cells: pa.Array[Any]) -> Prints:
    items: Any = pc.list_flatten(cells)
    lengths = pc.list_value_length(cells).to_numpy(zero_copy_only=False).astype(np.int64)
    ends = np.cumsum(lengths)
    places = np.arange(len(items)) - np.repeat(ends - lengths, lengths)
    mixed = _mixed(cell_fingerprints(items) ^ _mixed(places.astype(np.uint64)))
    sums = np.concatenate([np.zeros(1, np.uint64), np.cumsum(mixed, dtype=np.uint64)])
    return _mixed(sums[ends] - sums[ends - lengths] + lengths.astype(np.uint64))


def _in_order(parts: Sequence[Prints]) -> Prints:
    """One for several, of which the first alone stays as it is."""
    whole = parts[0]
    for part in parts[1:]:
        whole = _mixed(whole * _ODD + part)
    return whole


_ODD = np.uint64(0x9E3779B97F4A7C15)


def _mixed(numbers: Prints) -> Prints:
    """A bijection of 64 bits after which every bit depends on every one before (the finisher of SplitMix64)."""
    mixed = numbers + _ODD
    mixed ^= mixed >> np.uint64(30)
    mixed *= np.uint64(0xBF58476D1CE4E5B9)
    mixed ^= mixed >> np.uint64(27)
    mixed *= np.uint64(0x94D049BB133111EB)
    mixed ^= mixed >> np.uint64(31)
    return mixed


NOTHING = int(_mixed(np.zeros(1, np.uint64)).astype(np.uint16)[0])
"""The `output_prints` of a row in which a pass has written nothing."""
