"""audio_decodes, audio_duration, not_silent, not_clipped: on sounds of every format that a lake lets in."""

from __future__ import annotations

import io
import math
import struct
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from mmreg.errors import MissingExtra, UsageError
from mmreg.schemas.check import CheckResult
from mmreg.validators.media.sound_look import Sounds

Judge = Callable[..., CheckResult]
Sound = Callable[..., bytes]
Column = Callable[..., Any]
FORMS = [("WAV", "PCM_16"), ("WAV", "FLOAT"), ("WAV", "PCM_U8"), ("FLAC", "PCM_16"), ("OGG", "VORBIS"),
         ("OGG", "OPUS"), ("MP3", "MPEG_LAYER_III")]  # fmt: skip


@pytest.fixture(scope="session")
def told(judge: Judge, column: Column) -> Callable[..., CheckResult]:
    def told(*sounds: bytes | None, check: str = "audio_decodes", **arguments: Any) -> CheckResult:
        return judge({"sound": column(sounds, "audio")}, check=check, column="sound", **arguments)

    return told


@pytest.mark.parametrize(("form", "subtype"), FORMS)
def test_whole_sounds_decode_and_cut_ones_do_not(told: Any, sound: Sound, form: str, subtype: str) -> None:
    whole = sound(3, form=form, subtype=subtype)
    assert told(whole).message == "0 of 1 sounds do not decode"
    for left in (len(whole) - 500, len(whole) * 3 // 4, len(whole) // 2):
        result = told(whole, whole[:left])
        assert (result.status, result.failed) == ("failed", 1), left
        assert result.examples[0]["value"] == f"<audio, {left:,} bytes>"
        assert "0x" not in result.examples[0]["reason"]


@pytest.mark.parametrize(("form", "subtype"), FORMS)
def test_length_and_level_are_those_of_the_samples(told: Any, sound: Sound, form: str, subtype: str) -> None:
    data = sound(2, 0.5, form, subtype, channels=2)
    duration = told(data, check="audio_duration", min_value=1.9, max_value=2.1)
    assert duration.status == "passed"
    assert duration.numbers["max"] == pytest.approx(2, abs=0.08)
    level = told(data, check="not_silent")
    assert level.numbers["max"] == pytest.approx(20 * math.log10(0.5) - 3.01, abs=0.6)
    assert told(data, check="not_clipped", max_share=0).status == "passed"


def test_what_is_no_sound_says_so(told: Any) -> None:
    result = told(b"", b"hello", b"RIFF\0\0\0\0WAVE", b"fLaC" + bytes(60), b"OggS" + bytes(60), b"ID3" + bytes(60))
    assert (result.examined, result.failed) == (6, 6)
    assert [example["reason"] for example in result.examples[:3]] == [
        "the file is empty", "not WAV, FLAC, OGG or MP3", "its header ends before any sound",
    ]  # fmt: skip


def test_other_parsers_of_the_library_are_not_reached(told: Any) -> None:
    file = io.BytesIO()
    soundfile.write(file, np.zeros(100), 8000, format="AIFF")
    assert told(file.getvalue()).examples[0]["reason"] == "not WAV, FLAC, OGG or MP3"


def test_missing_bytes_fail_and_null_is_not_examined(told: Any, judge: Judge, column: Column, sound: Sound) -> None:
    cells = column([None, {"uri": "gone.wav"}, sound()], "audio")
    result = judge({"sound": cells}, check="audio_decodes", column="sound")
    assert (result.examined, result.failed) == (2, 1)
    assert (result.examples[0]["value"], result.examples[0]["reason"]) == ("<audio>", "its bytes are missing")


def test_samples_that_are_no_numbers(told: Any) -> None:
    file = io.BytesIO()
    soundfile.write(file, np.array([0.1, float("nan"), 0.2]), 8000, format="WAV", subtype="FLOAT")
    assert told(file.getvalue()).examples[0]["reason"] == "has samples that are no numbers"


def test_a_wav_out_of_a_pipe_knows_no_length(told: Any, sound: Sound) -> None:
    data = bytearray(sound())
    at = data.index(b"data") + 4
    data[at : at + 4] = b"\xff\xff\xff\xff"
    assert told(bytes(data)).status == "passed"


def test_a_sound_beyond_the_limit_is_not_decoded(sound: Sound) -> None:
    sounds = Sounds(most_samples=30_000)
    assert sounds.look(sound(1)).defect is None
    assert sounds.look(sound(2)).defect == ("sound_limit", "more than 30,000 samples in 1 channels")
    assert sounds.look(sound(1, channels=2)).defect == ("sound_limit", "more than 15,000 samples in 2 channels")


def test_durations_outside_the_bounds(told: Any, sound: Sound) -> None:
    sounds = [sound(0.5), sound(1), sound(3), None, b"nonsense"]
    result = told(*sounds, check="audio_duration", min_value=0.8, max_value=2)
    assert (result.status, result.examined, result.failed) == ("failed", 3, 2)
    assert [(example["value"], example["reason"]) for example in result.examples] == [
        ("0.5 seconds", "below 0.8 seconds"), ("3 seconds", "above 2 seconds"),
    ]  # fmt: skip
    assert result.message == (
        "2 of 3 sounds are too short or too long (66.7%); 1 more do not decode (audio_decodes says why)"
    )
    assert result.numbers == {"min": 0.5, "max": 3.0}
    assert sum(result.histograms[0].counts["values"]) == 3


def test_nothing_that_decodes_is_no_pass(told: Any) -> None:
    result = told(b"nonsense", None, check="not_silent")
    assert (result.status, result.examined) == ("insufficient", 0)
    assert result.message == "none of 1 decodes (audio_decodes says why)"
    assert told(None, check="not_silent").status == "passed"


def test_silence_is_below_a_level(told: Any, sound: Sound) -> None:
    sounds = [sound(level=0), sound(level=0.0005), sound(level=0.1)]
    result = told(*sounds, check="not_silent")
    assert [example["value"] for example in result.examples] == ["-120.0 dBFS", "-69.0 dBFS"]
    assert result.examples[0]["reason"] == "silent: not above -60 dBFS"
    assert told(*sounds, check="not_silent", min_value=-90).failed == 1


def test_clipping_is_a_share_of_the_samples(told: Any, sound: Sound) -> None:
    sounds = [sound(level=0.99), sound(level=1.2), sound(level=1.2, subtype="PCM_U8")]
    result = told(*sounds, check="not_clipped")
    assert (result.failed, result.examples[0]["reason"]) == (2, "clipped: more than 0.100% of its samples")
    assert result.numbers["max"] == pytest.approx(1 - 2 / math.pi * math.asin(1 / 1.2), abs=0.02)
    assert told(*sounds, check="not_clipped", max_share=0.5).status == "passed"


@given(level=st.floats(0.001, 1), seconds=st.floats(0.05, 0.5))
@settings(max_examples=25)
def test_the_level_is_by_its_definition(told: Any, sound: Sound, level: float, seconds: float) -> None:
    data = sound(seconds, level, subtype="FLOAT")
    samples, rate = soundfile.read(io.BytesIO(data))
    result = told(data, check="not_silent")
    assert result.numbers["max"] == pytest.approx(10 * math.log10(np.mean(samples**2)), abs=1e-6)
    assert told(data, check="audio_duration", min_value=0).numbers["max"] == len(samples) / rate


@given(data=st.data())
@settings(max_examples=60)
def test_damage_never_breaks_the_check(told: Any, sound: Sound, data: st.DataObject) -> None:
    form, subtype = data.draw(st.sampled_from(FORMS[:4]))
    damaged = bytearray(sound(0.2, form=form, subtype=subtype))
    for _ in range(data.draw(st.integers(1, 6))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    result = told(bytes(damaged[: data.draw(st.integers(0, len(damaged)))]))
    assert result.examined == 1


@pytest.mark.parametrize(
    ("declared", "said"),
    [
        ({"check": "audio_duration"}, "needs 'min_value', 'max_value' or both"),
        ({"check": "audio_duration", "min_value": 3, "max_value": 2}, "min_value 3 is above max_value 2"),
        ({"check": "not_silent", "min_value": 3}, "less than or equal to 0"),
        ({"check": "not_silent", "min_value": -200}, "greater than or equal to -120"),
        ({"check": "not_clipped", "max_share": 1}, "less than 1"),
        ({"check": "audio_decodes", "max_share": 1}, "unknown argument of audio_decodes 'max_share'"),
    ],
)
def test_senseless_arguments_are_refused(told: Any, declared: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        told(b"", **declared)


def test_other_columns_are_refused(judge: Judge, column: Column) -> None:
    with pytest.raises(UsageError, match="not_silent: image is image, not a column of sounds"):
        judge({"image": column([b""])}, check="not_silent", column="image")


def test_the_extra_is_named(told: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "soundfile", None)
    with pytest.raises(MissingExtra, match="audio"):
        told(b"")


def test_mp3_with_a_tag_before_it(told: Any, sound: Sound) -> None:
    tag = b"ID3\x04\0\0" + struct.pack(">I", 10) + bytes(10)
    data = tag + sound(2, form="MP3")
    assert told(data).status == "passed"
    assert told(data[:-800]).failed == 1
