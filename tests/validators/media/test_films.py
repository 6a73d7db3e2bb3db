"""video_decodes, video_duration, video_frames: on films of every container that a lake lets in."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmreg.errors import MissingExtra, UsageError
from mmreg.schemas.check import CheckResult
from mmreg.validators.media.film_look import Films

Film = Callable[..., bytes]
Judge = Callable[..., CheckResult]
Column = Callable[..., Any]
FORMS = [("mp4", "mpeg4"), ("mp4", "libx264"), ("matroska", "libx264"), ("webm", "libvpx"), ("avi", "mpeg4")]


@pytest.fixture(scope="session")
def told(judge: Judge, column: Column) -> Callable[..., CheckResult]:
    def told(*films: bytes | None, check: str = "video_decodes", **arguments: Any) -> CheckResult:
        return judge({"film": column(films, "video")}, check=check, column="film", **arguments)

    return told


@pytest.mark.parametrize(("container", "codec"), FORMS)
def test_whole_films_decode_and_halves_do_not(told: Any, film: Film, container: str, codec: str) -> None:
    whole = film(40, container=container, codec=codec)
    assert told(whole).message == "0 of 1 videos do not decode"
    for left in (len(whole) * 3 // 4, len(whole) // 2, 40):
        result = told(whole, whole[:left])
        assert (result.status, result.failed) == ("failed", 1), left
        assert result.examples[0]["value"] == f"<video, {left:,} bytes>"


@pytest.mark.parametrize(("container", "codec"), FORMS)
def test_frames_and_seconds_are_those_that_decode(told: Any, film: Film, container: str, codec: str) -> None:
    data = film(30, 10, container, codec)
    assert told(data, check="video_frames", min_value=30, max_value=30).numbers == {"min": 30, "max": 30}
    result = told(data, check="video_duration", min_value=2.9, max_value=3.1)
    assert result.status == "passed"
    assert result.numbers["max"] == pytest.approx(3)


def test_what_is_missing_is_said(told: Any, film: Film) -> None:
    avi, mkv = film(40, container="avi"), film(40, container="matroska", codec="libx264")
    result = told(avi[: len(avi) // 2], mkv[: len(mkv) * 3 // 4], b"", b"#EXTM3U\nhttp://nowhere.example/a.ts\n")
    assert result.failed == 4
    reasons = [example["reason"] for example in result.examples]
    assert reasons[0].endswith(" of 40 frames are there")
    assert reasons[1] == "2.9 of 4.0 seconds are there"
    assert reasons[2:] == ["Invalid data found when processing input"] * 2


def test_parts_of_pictures_that_are_missing(told: Any, film: Film) -> None:
    data = bytearray(film(40))
    middle = len(data) // 2
    data[middle : middle + 300] = bytes(300)
    result = told(bytes(data))
    assert (result.failed, result.examples[0]["reason"].startswith("parts of ")) == (1, True)


def test_missing_bytes_fail_and_null_is_not_examined(judge: Judge, column: Column, film: Film) -> None:
    cells = column([None, {"uri": "gone.mp4"}, film()], "video")
    result = judge({"film": cells}, check="video_decodes", column="film")
    assert (result.examined, result.failed) == (2, 1)
    assert (result.examples[0]["value"], result.examples[0]["reason"]) == ("<video>", "its bytes are missing")


def test_films_outside_the_bounds(told: Any, film: Film) -> None:
    films = [film(5), film(20), film(40), None, b"nonsense"]
    result = told(*films, check="video_frames", min_value=10, max_value=30, max_failure_rate=0.1)
    assert (result.status, result.examined, result.failed) == ("failed", 3, 2)
    assert [(example["value"], example["reason"]) for example in result.examples] == [
        ("5 frames", "below 10 frames"), ("40 frames", "above 30 frames"),
    ]  # fmt: skip
    assert result.message == (
        "2 of 3 videos have too few or too many frames (66.7%, 10% allowed); 1 more do not decode "
        "(video_decodes says why)"
    )
    assert told(*films, check="video_duration", max_value=3).examples[0]["value"] == "4 seconds"


def test_work_is_bounded(film: Film) -> None:
    films = Films(most_frames=30)
    assert films.look(film(20)).defect is None
    assert films.look(film(40)).defect == ("frame_limit", "31 frames with 126,976 pixels were decoded")


def test_pictures_of_too_many_pixels_are_not_decoded(film: Film) -> None:
    films = Films(max_pixels=100_000)
    assert films.look(film()).defect is None
    assert films.look(film(2, side=320)).defect == (
        "pixel_limit", "320 x 320 = 102,400 pixels, the limit is 100,000",
    )  # fmt: skip


@given(data=st.data())
@settings(max_examples=25)
def test_damage_never_breaks_the_check(told: Any, film: Film, data: st.DataObject) -> None:
    container, codec = data.draw(st.sampled_from(FORMS))
    damaged = bytearray(film(6, container=container, codec=codec))
    for _ in range(data.draw(st.integers(1, 6))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    result = told(bytes(damaged[: data.draw(st.integers(0, len(damaged)))]))
    assert result.examined == 1


def test_senseless_arguments_are_refused(told: Any, judge: Judge, column: Column) -> None:
    with pytest.raises(UsageError, match="needs 'min_value', 'max_value' or both"):
        told(b"", check="video_frames")
    with pytest.raises(UsageError, match="video_duration: image is image, not a column of videos"):
        judge({"image": column([b""])}, check="video_duration", column="image", min_value=1)


def test_the_extra_is_named(told: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(MissingExtra, match="video"):
        told(b"")
