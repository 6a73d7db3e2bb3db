"""Whether the files that media cells refer to are still there: what was seen of them is worth nothing otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any

import pyarrow as pa

from mmreg.registry.part import Part
from mmreg.registry.validation.pieces import Piece
from mmreg.registry.validation.reading import read_pieces
from mmreg.schemas.arrow import media_kind
from mmreg.schemas.cells import values
from mmreg.sources.files import Root
from mmreg.sources.record import Refused


def without_files(part: Part, pieces: Sequence[Piece], columns: Sequence[str]) -> set[Piece]:
    """Those of ``pieces`` in which a cell of ``columns`` refers to a file that is gone, or shorter than it says.

    Opens no file. Of lists of media, whose references cannot be read alone, all pieces count as such.
    """
    schema = part.table.schema
    there = [schema.field(name) for name in columns if name in schema.names]
    if part.media_root is None:  # then there are no references, or nobody could read them
        return set()
    if any(isinstance(field.type, pa.ListType) and media_kind(field.type.value_type) for field in there):
        return set(pieces)
    media = [field.name for field in there if media_kind(field.type)]
    read = [f"{name}.{field}" for name in media for field in ("uri", "offset", "length")]
    root = Root(part.media_root)
    found: set[Piece] = set()
    for _, some in groupby(pieces if media else (), key=lambda piece: piece.sparse):
        for piece, batch in read_pieces(part, list(some), read, media=False):
            if piece not in found and not all(_are_there(root, batch, name) for name in media):
                found.add(piece)
    return found


def _are_there(root: Root, batch: pa.RecordBatch, column: str) -> bool:
    cells: list[Sequence[Any]] = [values(batch.column(f"{column}.{field}")) for field in ("uri", "offset", "length")]
    try:
        return all(
            uri is None or root.locate(uri).size >= (offset or 0) + (length or 0)
            for uri, offset, length in zip(*cells, strict=True)
        )
    except Refused:
        return False
