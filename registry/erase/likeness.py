"""By what a sample is known again under another name: the SHA-256 of its media, or the digest of all its cells."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mmreg.registry.erase.tombstones import Forbidden
from mmreg.registry.identity import canonical_cells, fixed_width
from mmreg.schemas.arrow import media_kind
from mmreg.schemas.cells import child, values

SHORTEST = 12
"""Bytes of the shortest text, or of the shortest media, that is taken for its sample's own."""


def refused(rows: pa.RecordBatch, cells: Sequence[str], forbidden: Forbidden) -> NDArray[np.bool_]:
    """Which of ``rows`` are erased samples, or are like one in ``cells``, the columns that say what a sample is."""
    mask: NDArray[np.bool_] = np.isin(fixed_width(rows.column("sample_id")), forbidden.samples)
    if forbidden.media:
        for name in media_columns(rows.schema):
            for place, digests in enumerate(media_of(rows.column(name))):
                mask[place] |= not forbidden.media.isdisjoint(digests)
    if forbidden.contents:
        for place, digest in enumerate(contents(rows, cells)):
            mask[place] |= digest in forbidden.contents
    return mask


def media_columns(schema: pa.Schema) -> list[str]:
    """The columns of media, and of lists of them."""
    return [field.name for field in schema if media_kind(_element(field.type)) is not None]


def media_of(column: pa.Array[Any]) -> Iterator[tuple[bytes, ...]]:
    """For each cell the SHA-256 of its media."""
    if not isinstance(column, pa.ListArray):
        for digest in values(child(column, "sha256")):
            yield () if digest is None else (digest,)
        return
    for cell in values(column):
        yield tuple(media["sha256"] for media in cell or () if media is not None and media["sha256"] is not None)


def contents(rows: pa.RecordBatch | pa.Table, cells: Sequence[str]) -> list[bytes | None]:
    """A digest over ``cells`` of each row; None where it says too little to be known by that.

    Rows with media are known by these: their text may be anybody's.
    """
    if not cells or any(media_kind(_element(rows.schema.field(name).type)) for name in cells):
        return [None] * rows.num_rows
    parts = zip(*(canonical_cells(rows, name) for name in sorted(cells)), strict=True)
    return [_digest(row) if max(map(len, row)) > SHORTEST else None for row in parts]


def told_cells(schema: pa.Schema) -> list[str]:
    """The columns of a root's table that its source fills: they carry their declared type."""
    return [field.name for field in schema if b"mmreg.type" in (field.metadata or {})]


def _digest(cells: tuple[bytes, ...]) -> bytes:
    framed = b"".join(len(cell).to_bytes(8, "little") + cell for cell in cells)
    return hashlib.blake2b(framed, digest_size=16).digest()


def _element(dtype: pa.DataType) -> pa.DataType:
    return dtype.value_type if isinstance(dtype, pa.ListType) else dtype
