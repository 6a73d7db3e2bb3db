"""Sounds, films and vectors with defects at known places."""

from __future__ import annotations

import io
import wave
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

RATE = 8000
SOUNDS, FILMS, VECTORS, DIM = 60, 24, 200, 16
SOUND_DEFECTS = ("silent", "clipped", "truncated_sound", "short_sound")
FILM_DEFECTS = ("truncated_film", "short_film")
VECTOR_DEFECTS = ("zero_vector", "long_vector")

Record = Mapping[str, object]


def sounds(folder: Path) -> Iterator[tuple[Record, str | None]]:
    """Chords of two seconds as WAV; every second one of the first forty has a defect."""
    for index in range(SOUNDS):
        defect = SOUND_DEFECTS[index // 2 % 4] if index < 40 and index % 2 else None
        (folder / (name := f"{index:04d}.wav")).write_bytes(_sound(index, defect))
        yield {"name": name, "sound": name}, defect


def _sound(index: int, defect: str | None) -> bytes:
    seconds = 0.2 if defect == "short_sound" else 2.0
    at = np.arange(int(RATE * seconds)) / RATE
    chord = sum(np.sin(2 * np.pi * pitch * at) for pitch in (220 + index, 330 + 2 * index)) * 0.3
    if defect == "silent":
        chord = chord * 0.0001
    elif defect == "clipped":
        chord = np.clip(chord * 6, -1, 1)
    data = io.BytesIO()
    with wave.open(data, "wb") as out:
        out.setparams((1, 2, RATE, len(at), "NONE", ""))
        out.writeframes((chord * 32767).astype("<i2").tobytes())
    whole = data.getvalue()
    return whole[: len(whole) // 2] if defect == "truncated_sound" else whole


def films(folder: Path) -> Iterator[tuple[Record, str | None]]:
    """Films of two seconds; every third one has a defect."""
    for index in range(FILMS):
        defect = FILM_DEFECTS[index // 3 % 2] if index % 3 == 0 else None
        (folder / (name := f"{index:04d}.mp4")).write_bytes(_film(index, defect))
        yield {"name": name, "film": name}, defect


def _film(index: int, defect: str | None) -> bytes:
    import av

    data = io.BytesIO()
    with av.open(data, "w", format="mp4") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv420p"
        for number in range(3 if defect == "short_film" else 20):
            pixels = np.zeros((64, 64, 3), np.uint8)
            pixels[:, (number * 3 + index) % 64] = 255
            for packet in stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)
    whole = bytearray(data.getvalue())
    if defect == "truncated_film":
        start = whole.find(b"mdat")
        whole[start + 400 : start + 4000] = bytes(3600)[: len(whole[start + 400 : start + 4000])]
    return bytes(whole)


def vectors() -> Iterator[tuple[Record, str | None]]:
    """Vectors of length one; every tenth one has a defect."""
    draws = np.random.default_rng(7)
    for index in range(VECTORS):
        defect = VECTOR_DEFECTS[index // 10 % 2] if index % 10 == 0 else None
        vector = draws.normal(size=DIM)
        vector /= np.linalg.norm(vector)
        vector = vector * {"zero_vector": 0.0, "long_vector": 3.0}.get(defect or "", 1.0)
        yield {"name": f"{index:04d}", "vector": vector.round(6).tolist()}, defect
