"""Sounds and films that are really encoded, and columns of media cells."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

import av
import numpy as np
import pyarrow as pa
import pytest
import soundfile

from mmreg.schemas.arrow import MediaKind, media_type

RATE = 16_000


@pytest.fixture(scope="session")
def column() -> Callable[..., pa.Array[Any]]:
    """``column(cells, "audio")``: media cells of bytes, or of dicts with more than bytes; None for null."""

    def column(cells: Iterable[bytes | dict[str, Any] | None], kind: MediaKind = "image") -> pa.Array[Any]:
        made = [{"bytes": cell} if isinstance(cell, bytes) else cell for cell in cells]
        for cell in made:
            if cell is not None and cell.get("bytes") is not None:
                cell.setdefault("sha256", hashlib.sha256(cell["bytes"]).digest())
        return pa.array(made, media_type(kind))

    return column


@pytest.fixture(scope="session")
def sound() -> Callable[..., bytes]:
    """``sound(seconds, level, form, subtype)``: a sine of 440 Hz whose peak is ``level``; above 1 it is clipped."""

    @cache
    def sound(
        seconds: float = 1.0,
        level: float = 0.5,
        form: str = "WAV",
        subtype: str | None = None,
        channels: int = 1,
        rate: int = RATE,
    ) -> bytes:
        wave = level * np.sin(2 * np.pi * 440 * np.arange(int(seconds * rate)) / rate)
        file = io.BytesIO()
        samples = np.clip(wave, -1, 1)[:, None].repeat(channels, axis=1)
        soundfile.write(file, samples, rate, format=form, subtype=subtype)
        return file.getvalue()

    return sound


@pytest.fixture(scope="session")
def film() -> Callable[..., bytes]:
    """``film(frames, rate, container, codec)``: noise, so that each frame takes some bytes."""

    def film(frames: int = 20, rate: int = 10, container: str = "mp4", codec: str = "mpeg4", side: int = 64) -> bytes:
        noise = np.random.default_rng(7)
        file = io.BytesIO()
        with av.open(file, "w", format=container) as out:
            stream = out.add_stream(codec, rate=rate)
            stream.width, stream.height, stream.pix_fmt = side, side, "yuv420p"
            for _ in range(frames):
                pixels = noise.integers(0, 255, (side, side, 3), dtype=np.uint8)
                out.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
            out.mux(stream.encode())
        return file.getvalue()

    return film
