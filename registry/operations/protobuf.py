"""Taking protobuf messages apart: how Lance writes what its Python interface does not tell."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def parts(message: bytes) -> Iterator[tuple[int, Any, bytes]]:
    """Number, value and encoding of each part of a message."""
    place = 0
    while place < len(message):
        start = place
        key, place = _read_varint(message, place)
        value: int | bytes
        if key & 7 == 0:
            value, place = _read_varint(message, place)
        else:
            length, place = _read_varint(message, place) if key & 7 == 2 else (8 if key & 7 == 1 else 4, place)
            value, place = message[place : place + length], place + length
        yield key >> 3, value, message[start:place]


def varint(number: int) -> bytes:
    """``number`` as protobuf writes it."""
    encoded = b""
    while number > 0x7F:
        encoded += bytes([number & 0x7F | 0x80])
        number >>= 7
    return encoded + bytes([number])


def _read_varint(message: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        value |= (message[place] & 0x7F) << shift
        shift, place = shift + 7, place + 1
        if message[place - 1] < 0x80:
            return value, place
