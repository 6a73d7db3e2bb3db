"""The stamp: 64 bits over all that can be seen of a record without reading its media."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable
from typing import Any

from xxhash import xxh3_64_hexdigest, xxh3_64_intdigest

from mmreg.sources.record import File

_pack = struct.Struct("<qq").pack
_ABSENT = _pack(-1, -1)
_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode


def stamp(files: Iterable[File | None], cells: bytes = b"") -> int:
    """Digest the sizes and modification times of ``files`` (None: it is not there) and the other cells."""
    for file in files:
        cells += _ABSENT if file is None else _pack(file.size, file.mtime_ns)
    return xxh3_64_intdigest(cells)


def canonical(value: Any) -> bytes:
    """The one spelling of a JSON value: sorted keys, no spaces, ASCII."""
    return _encode(value).encode()


def digest16(data: bytes) -> str:
    """Sixteen hexadecimal digits that name ``data`` within one source."""
    return xxh3_64_hexdigest(data)
