"""Media cells: bytes or a reference, their digest, and what their header says."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from typing import Any, BinaryIO

import pyarrow as pa

from mmreg.schemas.arrow import MediaKind, media_type
from mmreg.schemas.declaration import Limits
from mmreg.sources.audio import audio_facts, video_facts
from mmreg.sources.files import check_size, open_file, read_whole
from mmreg.sources.image import image_facts
from mmreg.sources.record import File, Refused

Cell = tuple[Any, ...]
"""The fields of `media_type` in order: bytes, uri, offset, length, sha256, format, facts."""


def media_cell(media: object, kind: MediaKind, limits: Limits, *, inline: bool) -> Cell:
    """Build the cell of a file, or of bytes that a source brought along. Raises `Refused`."""
    if isinstance(media, bytes):
        return _carried(media, kind, limits, inline=inline)
    if isinstance(media, File):
        return _read(media, kind, limits) if inline else _refer(media, kind, limits)
    raise Refused("wrong_type", f"{kind}: a path is text, this is {type(media).__name__}")


def media_array(cells: Sequence[Cell | None], kind: MediaKind) -> pa.Array[Any]:
    """Turn cells into one struct array, column by column."""
    dtype = media_type(kind)
    arrays = [
        pa.array([None if cell is None else cell[index] for cell in cells], field.type)
        for index, field in enumerate(dtype)
    ]
    absent = pa.array([cell is None for cell in cells], pa.bool_())
    return pa.StructArray.from_arrays(arrays, fields=list(dtype), mask=absent)


def _carried(data: bytes, kind: MediaKind, limits: Limits, *, inline: bool) -> Cell:
    if not inline:
        raise Refused("wrong_type", f"{kind}: bytes cannot be kept by reference, only files can")
    if len(data) > limits.max_bytes:
        raise Refused("too_large", f"{len(data):,} bytes, the limit is {limits.max_bytes:,}")
    return _inline(data, kind, limits)


def _read(file: File, kind: MediaKind, limits: Limits) -> Cell:
    return _inline(read_whole(file, limits.max_bytes), kind, limits)


def _inline(data: bytes, kind: MediaKind, limits: Limits) -> Cell:
    facts = _facts(io.BytesIO(data), kind, limits)
    return data, None, None, len(data), hashlib.sha256(data).digest(), *facts


def _refer(file: File, kind: MediaKind, limits: Limits) -> Cell:
    check_size(file, limits.max_bytes)
    with open(open_file(file), "rb") as stream:
        facts = _facts(stream, kind, limits)
        stream.seek(0)
        digest = hashlib.file_digest(stream, "sha256").digest()
        return None, file.uri, 0, stream.tell(), digest, *facts


def _facts(stream: BinaryIO, kind: MediaKind, limits: Limits) -> tuple[Any, ...]:
    if kind == "image":
        return image_facts(stream, limits)
    return audio_facts(stream) if kind == "audio" else video_facts(stream)
