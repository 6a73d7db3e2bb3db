"""What the first bytes of sound and film say: the format; rate and length of WAV and FLAC."""

from __future__ import annotations

import wave
from typing import BinaryIO

from mmreg.sources.record import Refused

AudioFacts = tuple[str, int | None, int | None, int | None]
"""Format, sample rate (Hz), channels, duration (ms)."""
VideoFacts = tuple[str, int | None, int | None, int | None, float | None]
"""Format, width, height, duration (ms), frames a second."""


def audio_facts(file: BinaryIO) -> AudioFacts:
    """Read the header of a sound. Raises `Refused` (``not_audio``)."""
    start = file.read(42)
    if start.startswith(b"RIFF") and start[8:12] == b"WAVE":
        return "wav", *_wave(file)
    if start.startswith(b"fLaC"):
        return "flac", *_flac(start)
    if start.startswith(b"OggS"):
        return "ogg", None, None, None
    if start.startswith(b"ID3") or _is_mpeg_frame(start):
        return "mp3", None, None, None
    raise Refused("not_audio", "not WAV, FLAC, OGG or MP3" if start else "the file is empty")


def video_facts(file: BinaryIO) -> VideoFacts:
    """Tell the container of a film. Raises `Refused` (``not_video``)."""
    start = file.read(64)
    if start[4:8] == b"ftyp":
        name = "mp4"
    elif start.startswith(b"\x1aE\xdf\xa3"):
        name = "webm" if b"webm" in start else "mkv"
    elif start.startswith(b"RIFF") and start[8:12] == b"AVI ":
        name = "avi"
    else:
        raise Refused("not_video", "not MP4, WEBM, MKV or AVI" if start else "the file is empty")
    return name, None, None, None, None


def _wave(file: BinaryIO) -> tuple[int | None, int | None, int | None]:
    file.seek(0)
    try:
        with wave.open(file, "rb") as sound:
            rate, channels, frames = sound.getframerate(), sound.getnchannels(), sound.getnframes()
    except (wave.Error, EOFError, RuntimeError):
        return None, None, None  # a codec that the standard library does not speak, or a cut header
    if rate >= 2**31 or channels >= 2**15:
        return None, None, None  # no sound has that: the header lies, and the columns could not hold it
    return rate, channels, frames * 1000 // rate if rate else None


def _flac(start: bytes) -> tuple[int | None, int | None, int | None]:
    if len(start) < 26:
        return None, None, None
    # STREAMINFO: 20 bits of rate, 3 of channels, 5 of depth, 36 of samples, from byte 18 on.
    packed = int.from_bytes(start[18:26], "big")
    rate, channels, samples = packed >> 44, (packed >> 41 & 7) + 1, packed & (1 << 36) - 1
    return rate, channels, samples * 1000 // rate if rate and samples else None


def _is_mpeg_frame(start: bytes) -> bool:
    # Eleven bits of sync, then a version, a layer and a bit rate that exist.
    return (
        len(start) > 2
        and start[0] == 0xFF
        and start[1] & 0xE0 == 0xE0
        and start[1] & 0x18 != 0x08
        and start[1] & 0x06 != 0
        and start[2] & 0xF0 != 0xF0
    )
