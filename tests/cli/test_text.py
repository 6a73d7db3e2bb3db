from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmreg.cli.text import clean, clip, duration, moment, plural, size, width

ANY_TEXT = st.text(st.characters(categories=None, exclude_categories=()), max_size=40)
REORDERING = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}


@pytest.mark.parametrize(
    ("hostile", "spelled"),
    [
        ("\x1b[2J\x1b]0;title\x07", r"\x1b[2J\x1b]0;title\x07"),
        ("\x9b31m", r"\x9b31m"),
        ("one\ntwo\r\tthree", r"one\ntwo\r\tthree"),
        ("abc\u202edcba", r"abc\u202edcba"),
        ("a\u2066b\u2069", r"a\u2066b\u2069"),
        ("\ud800", r"\ud800"),
        ("\U000e0041", r"\U000e0041"),
        ("\x7f", r"\x7f"),
    ],
)
def test_what_steers_a_terminal_is_spelled_out(hostile: str, spelled: str) -> None:
    assert clean(hostile) == spelled


@pytest.mark.parametrize("text", ["plain", "Ünïcode", "画像とテキスト", "👩‍👩‍👧", "می‌خواهم", "a\u0301"])
def test_what_people_write_stays(text: str) -> None:
    assert clean(text) == text


@given(ANY_TEXT)
def test_clean_text_has_no_control_character_and_can_be_encoded(text: str) -> None:
    cleaned = clean(text)
    cleaned.encode("utf-8")
    assert not [c for c in cleaned if unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp")]
    assert not [c for c in cleaned if unicodedata.bidirectional(c) in REORDERING]
    assert clean(cleaned) == cleaned


@given(ANY_TEXT, st.integers(1, 50))
def test_clip_keeps_to_its_limit_and_leaves_short_text_alone(text: str, limit: int) -> None:
    clipped = clip(text, limit)
    assert len(clipped) <= limit
    assert clipped == text if len(text) <= limit else clipped == text[: limit - 1] + "…"


def test_width_counts_terminal_cells() -> None:
    assert [width(text) for text in ("abc", "画像", "a\u0301", "é", "ｆ")] == [3, 4, 1, 1, 2]


def test_numbers_as_people_say_them() -> None:
    assert [size(n) for n in (0, 999, 1000, 12_400, 999_949, 999_950, 3_100_000_000, 10**16)] == [
        "0 B", "999 B", "1.0 kB", "12.4 kB", "999.9 kB", "1.0 MB", "3.1 GB", "10.0 PB",
    ]  # fmt: skip
    assert [plural(n, "row") for n in (0, 1, 8101)] == ["0 rows", "1 row", "8,101 rows"]
    assert moment("2026-11-22T03:15:01.123456+00:00") == "2026-11-22 03:15:01"


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "0 s"), (42.4, "42 s"), (99.4, "99 s"), (99.5, "2 min"), (5940, "99 min"), (6000, "1 h 40 min"),
     (7200, "2 h"), (86400, "24 h"), (172800, "2 d"), (187200, "2 d 4 h")],
)  # fmt: skip
def test_durations_as_a_person_says_them(seconds: float, said: str) -> None:
    assert duration(seconds) == said
