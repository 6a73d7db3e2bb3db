"""Fingerprints: what decides, without looking at the data again, whether something changed.

A row's fingerprint is 64 bits of xxh3 over the cells that a pass declares as inputs; a media cell counts as its
SHA-256. A fragment's (`mmreg.registry.snapshot`) is over the files that hold those columns, so that planning reads
only what moved.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pyarrow as pa
import xxhash
from numpy.typing import NDArray

from mmreg.schemas.arrow import media_kind
from mmreg.schemas.cells import Column

_NULL = b"\xff"


def light_columns(schema: pa.Schema, columns: Iterable[str]) -> list[str]:
    """What to read of ``columns`` to fingerprint them: of a media cell its digest alone."""
    return [f"{name}.sha256" if media_kind(schema.field(name).type) else name for name in columns]


def row_fingerprints(batch: pa.RecordBatch | pa.Table, columns: Sequence[str]) -> NDArray[np.uint64]:
    """One fingerprint a row over ``columns`` (as named by `light_columns`), in their order."""
    cells = [_cells(batch.column(name)) for name in columns]
    out = np.empty(batch.num_rows, np.uint64)
    if len(cells) == 1:
        out[:] = [xxhash.xxh3_64_intdigest(cell) for cell in cells[0]]
        return out
    for index, row in enumerate(zip(*cells, strict=True)):
        digest = xxhash.xxh3_64()
        for cell in row:
            digest.update(len(cell).to_bytes(8, "little"))
            digest.update(cell)
        out[index] = digest.intdigest()
    return out


def _cells(column: Column) -> list[bytes]:
    kind = column.type.value_type if pa.types.is_list(column.type) else None
    if kind is not None and media_kind(kind):
        lists = column.to_pylist()
        return [_NULL if cell is None else b"\x01" + b"".join(_digest_of(part) for part in cell) for cell in lists]
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        column = column.cast(pa.large_binary())
    if (
        pa.types.is_binary(column.type)
        or pa.types.is_large_binary(column.type)
        or pa.types.is_fixed_size_binary(column.type)
    ):
        return [_NULL if cell is None else b"\x01" + cell for cell in column.to_pylist()]
    return [_NULL if cell is None else b"\x01" + repr(cell).encode() for cell in column.to_pylist()]


def _digest_of(cell: dict[str, bytes] | None) -> bytes:
    return _NULL * 32 if cell is None else cell["sha256"]
