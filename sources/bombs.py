"""Pictures that ask more of a decoder than their pixels: refused by what their files say, before any is decoded.

A TIFF of 64 x 64 pixels may have tiles of 60,000 x 60,000, and lists of numbers as long as it likes. A JPEG of some
kilobytes may send its picture again a million times, and each time all of it is worked out anew.
"""

from __future__ import annotations

import re
import struct
from typing import BinaryIO

from mmreg.sources.record import Refused

MOST_SCANS = 100
"""Of one JPEG. Progressive ones have about ten."""
_MOST_NUMBERS = 1 << 20
"""In one field of a TIFF: a strip for each row of the largest picture, or small tiles of it, are fewer."""
_OPAQUE = (1, 2, 6, 7)
"""Field types whose values stay bytes."""
_TILE = (322, 323)
_NUMBERS = {1: "B", 3: "H", 4: "I"}
_MARKER = re.compile(rb"\xff+([^\x00\xd0-\xd7\xff])")
_BASELINE = (0xC0, 0xC1, 0xC9)
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


def check_tiff(file: BinaryIO, max_pixels: int) -> None:
    """Look at the first directory of a TIFF. Raises `Refused`."""
    file.seek(0)
    start = file.read(8)
    order = "<" if start.startswith(b"II") else ">"
    file.seek(struct.unpack(f"{order}I", start[4:].ljust(4, b"\0"))[0])
    (fields,) = struct.unpack(f"{order}H", file.read(2).ljust(2, b"\0"))
    entries = file.read(12 * fields)
    tile = [1, 1]
    for tag, kind, count, value in struct.iter_unpack(f"{order}HHI4s", entries[: len(entries) // 12 * 12]):
        if kind not in _OPAQUE and count > _MOST_NUMBERS:
            raise Refused("not_an_image", f"broken header: the field {tag} has {count:,} numbers")
        if tag in _TILE:
            if kind not in _NUMBERS:
                raise Refused("not_an_image", f"broken header: the field {tag} is of type {kind}")
            (side,) = struct.unpack_from(f"{order}{_NUMBERS[kind]}", value)
            tile[tag - 322] = max(tile[tag - 322], side)
    if tile[0] * tile[1] > max_pixels:
        raise Refused("pixel_limit", f"tiles of {tile[0]} x {tile[1]} pixels, the limit is {max_pixels:,}")


def check_scans(data: bytes) -> None:
    """Count how often a JPEG sends its picture. Raises `Refused` above `MOST_SCANS`."""
    at, scans, components, progressive = 2, 0, 0, False
    while match := _MARKER.search(data, at):
        kind, at = match[1][0], match.end()
        if kind == 0xD9:
            return
        if kind in (0x01, 0xD8):  # these stand alone
            continue
        if kind in _FRAMES:
            components, progressive = data[at + 7] if len(data) > at + 7 else 0, kind not in _BASELINE
        elif kind == 0xDA:
            scans += 1
            if scans > MOST_SCANS:
                raise Refused("pixel_limit", f"sends its picture more than {MOST_SCANS} times")
            if not progressive and len(data) > at + 2 and data[at + 2] == components:
                return  # everything at once: a decoder looks no further
        at += max(int.from_bytes(data[at : at + 2], "big"), 2)
