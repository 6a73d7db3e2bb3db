"""Sounds that are small as files and last for days, or say so: the work is bounded, and so is the memory."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile

LOOK = """
    from mmreg.validators.media.sound_look import Sounds
    sounds, data = Sounds(), open(sys.argv[1], "rb").read()
    sounds.look(open(sys.argv[2], "rb").read())
    BEGIN
    look = sounds.look(data)
    print(look.defect[0] if look.defect else f"{look.seconds:.0f} seconds")
"""


def silence(seconds: int, channels: int = 8, rate: int = 48_000) -> bytes:
    """A FLAC that is written second by second."""
    file = io.BytesIO()
    with soundfile.SoundFile(file, "w", rate, channels, format="FLAC") as sound:
        for _ in range(seconds):
            sound.write(np.zeros((rate, channels), np.int16))
    return file.getvalue()


def test_long_silence_is_decoded_in_bounded_memory(tmp_path: Path, peak: Callable[..., tuple[str, int]]) -> None:
    """A minute of eight channels is 88 MiB as float32, and some kilobytes as a file."""
    data = silence(60)
    assert len(data) < 300_000
    (tmp_path / "long.flac").write_bytes(data)
    (tmp_path / "short.flac").write_bytes(silence(1, 1))
    said, grown = peak(LOOK, tmp_path / "long.flac", tmp_path / "short.flac")
    assert said == "60 seconds"
    assert grown < 40, f"{grown} MiB"


def test_a_sound_that_claims_to_last_for_days_is_not_decoded(
    tmp_path: Path, peak: Callable[..., tuple[str, int]]
) -> None:
    data = bytearray(silence(1, 1))
    data[21] |= 0x0F
    data[22:26] = b"\xff" * 4  # 36 bits of samples in STREAMINFO
    (tmp_path / "days.flac").write_bytes(data)
    (tmp_path / "short.flac").write_bytes(silence(1, 1))
    said, grown = peak(LOOK, tmp_path / "days.flac", tmp_path / "short.flac", timeout_s=30)
    assert said == "sound_limit"
    assert grown < 20, f"{grown} MiB"
