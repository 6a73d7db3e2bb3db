"""Who a sample is: 16 bytes of BLAKE2b over its declared identity."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mmreg.schemas.arrow import media_kind
from mmreg.schemas.cells import Column, child, values, whole


def sample_ids(batch: pa.RecordBatch, identity: Sequence[str]) -> pa.Array[Any]:
    """The ``sample_id`` of each row of ``batch`` (declared columns and ``_source``).

    ``source`` in ``identity`` stands for the row's address within its source and its content: every declared
    cell, media by their digests.
    """
    names = []
    for name in identity:
        names += ["_source.uri", *content_columns(batch.schema)] if name == "source" else [name]
    cells = [canonical_cells(batch, name) for name in names]
    ids = [hashlib.blake2b(b"".join(map(_framed, row)), digest_size=16).digest() for row in zip(*cells, strict=True)]
    return pa.array(ids, pa.binary(16))


def fixed_width(ids: Column) -> NDArray[np.void]:
    """Sample ids as a numpy array of 16 raw bytes each, which keep their zeros."""
    piece = whole(ids)
    data: Any = piece.buffers()[1]
    cells: NDArray[np.void] = np.frombuffer(data if data is not None else b"", dtype="V16")
    return cells[piece.offset : piece.offset + len(piece)].copy()


def content_columns(schema: pa.Schema) -> list[str]:
    """The declared columns of a root: what its source says, not where it stood, nor what mmreg knows of it."""
    return [name for name in schema.names if not name.startswith("_") and name != "sample_id"]


def canonical_cells(batch: pa.RecordBatch | pa.Table, name: str) -> list[bytes]:
    """Each cell of a column as bytes that are equal exactly where the cells are; media count by their digests."""
    if name == "_source.uri":
        return [uri.encode() for uri in values(child(batch.column("_source"), "uri"))]
    column = batch.column(name)
    if media_kind(column.type):
        # Only the digests: turning the bytes into Python objects would cost more than hashing them did.
        valid, digests = values(column.is_valid()), values(child(column, "sha256"))
        return [_canonical({"sha256": d} if v else None) for d, v in zip(digests, valid, strict=True)]
    return [_canonical(cell) for cell in values(column)]


def _canonical(cell: Any) -> bytes:
    match cell:
        case None:
            return b"n"
        case str():
            return b"s" + cell.encode()
        case bytes():
            return b"b" + cell
        case list():
            return b"l" + b"".join(_framed(_canonical(part)) for part in cell)
        case {"sha256": digest}:
            return b"m" + (digest or b"")
        case dict():
            return b"d" + b"".join(_framed(_canonical(part)) for part in cell.values())
    return b"v" + repr(cell).encode()


def _framed(cell: bytes) -> bytes:
    return len(cell).to_bytes(8, "little") + cell
