"""Whether a sound is all there, by what its file says of itself: decoders take what is left of one for the whole."""

from __future__ import annotations

import struct

_XING_AT = (13, 21, 36)
"""Where an MP3's first frame keeps its Xing header: after 4 bytes and what its version and channels take."""
_FRAMES, _BYTES = 1, 2


def missing(data: bytes, form: str) -> str | None:
    """What is not there of a sound of the format ``form``, in words; None where nothing is known to be missing."""
    match form:
        case "wav":
            return _wav(data)
        case "ogg":
            return _ogg(data)
        case "mp3":
            return _mp3(data)
    return None  # FLAC's decoder knows by itself


def _wav(data: bytes) -> str | None:
    at = 12
    while at + 8 <= len(data):
        name, size = struct.unpack_from("<4sI", data, at)
        there = len(data) - at - 8
        if name == b"data":
            # Who writes into a pipe cannot know the size, and says none or the largest.
            open_end = size in (0, 0xFFFFFFFF)
            return None if open_end or size <= there else f"{there:,} of {size:,} bytes of sound are there"
        at += 8 + size + size % 2
    return "its header ends before any sound"


def _ogg(data: bytes) -> str | None:
    """Walk its pages: each begins where the one before ends, and the last one says that it is."""
    at, ended = 0, False
    while at < len(data):
        if data[at : at + 4] != b"OggS" or at + 27 > len(data):
            return f"damaged or cut at byte {at:,} of {len(data):,}"
        table = data[at + 27 : at + 27 + data[at + 26]]
        end = at + 27 + data[at + 26] + sum(table)
        if end > len(data):
            return f"cut within its last page, {end - len(data):,} bytes are missing"
        ended = bool(data[at + 5] & 4)
        at = end
    return None if ended else "its last page is missing"


def _mp3(data: bytes) -> str | None:
    """Compare with the length that encoders of variable bit rate write into the first frame."""
    start = 0
    if data.startswith(b"ID3") and len(data) > 10:
        start = 10 + sum((byte & 0x7F) << 7 * (3 - place) for place, byte in enumerate(data[6:10]))
    for at in _XING_AT:
        at += start
        if data[at : at + 4] in (b"Xing", b"Info") and len(data) >= at + 16:
            flags = int.from_bytes(data[at + 4 : at + 8], "big")
            if not flags & _BYTES:
                return None
            place = at + 8 + 4 * (flags & _FRAMES)
            size = int.from_bytes(data[place : place + 4], "big")
            there = len(data) - start
            return None if there >= size else f"{there:,} of {size:,} bytes are there"
    return None
