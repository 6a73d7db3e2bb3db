"""Fingerprints: what decides, without looking at the data again, whether something changed.

A row's fingerprint is 64 bits of xxh3 over the cells that a pass declares as inputs; a media cell counts as its
SHA-256. A fragment's (`mmreg.registry.snapshot`) is over the files that hold those columns, so that planning reads
only what moved.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import xxhash
from numpy.typing import NDArray

from mmreg.schemas.arrow import media_kind
from mmreg.schemas.cells import Column, values


def light_columns(schema: pa.Schema, columns: Iterable[str]) -> list[str]:
    """What to read of ``columns`` to fingerprint them: of a media cell its digest alone."""
    return [f"{name}.sha256" if media_kind(schema.field(name).type) else name for name in columns]


def row_fingerprints(batch: pa.RecordBatch | pa.Table, columns: Sequence[str]) -> NDArray[np.uint64]:
    """One fingerprint a row over ``columns`` (as named by `light_columns`), in their order."""
    cells = [_cell_fingerprints(batch.column(name)) for name in columns]
    if len(cells) == 1:
        return cells[0]
    data, width = np.column_stack(cells).astype("<u8").tobytes(), 8 * len(cells)
    return _digests([data[start : start + width] for start in range(0, len(data), width)])


def _cell_fingerprints(column: Column) -> NDArray[np.uint64]:
    """A null is 0."""
    cells = _cells(column)
    if not column.null_count:
        return _digests(cells)
    prints = _digests([b"" if cell is None else cell for cell in cells])
    prints[column.is_null().to_numpy(zero_copy_only=False)] = 0
    return prints


def _digests(cells: list[bytes]) -> NDArray[np.uint64]:
    return np.fromiter(map(xxhash.xxh3_64_intdigest, cells), np.uint64, len(cells))


def _cells(column: Column) -> list[Any]:
    """Each cell as bytes, None for null."""
    dtype = column.type
    if pa.types.is_string(dtype) or pa.types.is_large_string(dtype):
        return values(column.cast(pa.binary() if pa.types.is_string(dtype) else pa.large_binary()))
    if pa.types.is_binary(dtype) or pa.types.is_large_binary(dtype) or pa.types.is_fixed_size_binary(dtype):
        return values(column)
    if pa.types.is_list(dtype) and media_kind(dtype.value_type):
        return [None if cell is None else b"".join(map(_digest_of, cell)) for cell in values(column)]
    return [None if cell is None else repr(cell).encode() for cell in values(column)]


def _digest_of(cell: dict[str, bytes] | None) -> bytes:
    return b"\xff" * 32 if cell is None else cell["sha256"]
