"""What one decode of a sound tells the checks."""

from __future__ import annotations

import importlib
import io
from dataclasses import dataclass
from math import log10
from typing import Any

import numpy as np

from mmreg.errors import MissingExtra
from mmreg.sources.audio import audio_facts
from mmreg.sources.record import Refused
from mmreg.validators.media.looks import Looks
from mmreg.validators.media.sound_ends import missing

MOST_SAMPLES = 1 << 31
"""Samples of all channels that are decoded of one sound: six hours of stereo at 48,000 a second."""
QUIETEST = -120.0
"""dBFS, below which nothing is told apart."""
_BLOCK = 1 << 19
"""Samples that are decoded at once, some 8 MB with what is computed of them."""
_FULL_8, _FULL_16 = 127 / 128, 32_767 / 32_768


@dataclass(frozen=True, slots=True)
class SoundLook:
    """``defect`` is None, or why the sound does not decode to its end: a code and the words for it.

    ``level`` is the root mean square in dBFS, ``clipped`` the share of samples at full scale.
    """

    seconds: float = 0.0
    level: float = QUIETEST
    clipped: float = 0.0
    defect: tuple[str, str] | None = None


class Sounds(Looks[SoundLook]):
    """One decode of each sound for all checks of a version, by libsndfile, block by block.

    ``most_samples``, of all channels, are decoded of one sound.
    """

    def __init__(self, most_samples: int = MOST_SAMPLES) -> None:
        super().__init__()
        self._most_samples = most_samples
        try:
            self._soundfile = importlib.import_module("soundfile")  # it has no type hints
        except ImportError as error:
            raise MissingExtra("checks of sounds", extra="audio") from error

    def look(self, data: bytes) -> SoundLook:
        try:
            form = audio_facts(io.BytesIO(data))[0]
        except Refused as refused:
            return SoundLook(defect=(refused.reason, refused.detail))
        if (told := missing(data, form)) is not None:
            return SoundLook(defect=("truncated", told))
        try:
            with self._soundfile.SoundFile(io.BytesIO(data)) as sound:
                return _heard(sound, self._most_samples // sound.channels)
        except self._soundfile.LibsndfileError as error:
            return SoundLook(defect=("unreadable", str(error.error_string)))
        except (RuntimeError, ValueError, OSError) as error:
            return SoundLook(defect=("unreadable", f"{type(error).__name__}: {error}"))


def _heard(sound: Any, most: int) -> SoundLook:
    channels = sound.channels
    full = _FULL_8 if sound.subtype in ("PCM_U8", "PCM_S8") else _FULL_16
    frames, squares, clipped = 0, 0.0, 0
    if sound.frames > most:
        return _too_long(most, channels)
    while len(block := sound.read(max(1, _BLOCK // channels), dtype="float32", always_2d=True)):
        frames += len(block)
        if frames > most:
            return _too_long(most, channels)
        squares += float(np.square(block, dtype=np.float64).sum())
        clipped += int(np.count_nonzero(np.abs(block) >= full))
    if not frames:
        return SoundLook(defect=("unreadable", "no sample can be decoded"))
    if frames < sound.frames:
        return SoundLook(defect=("truncated", f"{frames:,} of {sound.frames:,} samples are there"))
    if not np.isfinite(squares):
        return SoundLook(defect=("unreadable", "has samples that are no numbers"))
    mean = squares / (frames * channels)
    level = max(QUIETEST, 10 * log10(mean)) if mean else QUIETEST
    return SoundLook(frames / sound.samplerate, level, clipped / (frames * channels))


def _too_long(most: int, channels: int) -> SoundLook:
    return SoundLook(defect=("sound_limit", f"more than {most:,} samples in {channels} channels"))
