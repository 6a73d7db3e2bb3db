"""text_stats: counts by their definitions, in every script; empty is zero, null is an error."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmreg.curation.protocol import Recipe
from mmreg.curation.text_stats import TextStats
from mmreg.errors import UsageError

Answer = Callable[..., list[dict[str, Any]]]


def test_an_example(answer: Answer) -> None:
    [row] = answer("text_stats", text=["The cat, the hat: 12 Bären"])
    assert row == {
        "n_chars": 26,
        "n_words": 6,
        "alpha_ratio": pytest.approx(17 / 26),
        "digit_ratio": pytest.approx(2 / 26),
        "upper_ratio": pytest.approx(2 / 26),
        "non_ascii_ratio": pytest.approx(1 / 26),
        "unique_ratio": pytest.approx(5 / 6),
        "error": None,
    }


def test_scripts_without_capitals(answer: Answer) -> None:
    rows = answer("text_stats", text=["日本の猫", "قطة ٣", "a\u3000b"])
    assert [row["alpha_ratio"] for row in rows] == [1, pytest.approx(3 / 5), pytest.approx(2 / 3)]
    assert [row["digit_ratio"] for row in rows] == [0, pytest.approx(1 / 5), 0]
    assert [row["n_words"] for row in rows] == [1, 2, 2]


def test_empty_is_zero_and_null_is_an_error(answer: Answer) -> None:
    empty, null = answer("text_stats", text=["", None])
    assert empty.pop("error") is None
    assert set(empty.values()) == {0}
    assert null.pop("error") == "null_value: there is no text"
    assert set(null.values()) == {None}


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(max_size=40), max_size=8))
def test_counts_by_unicode(answer: Answer, texts: list[str]) -> None:
    for text, row in zip(texts, answer("text_stats", text=texts), strict=True):
        categories = [unicodedata.category(char) for char in text]
        whole = max(len(text), 1)
        assert row["n_chars"] == len(text)
        assert row["alpha_ratio"] == pytest.approx(sum(c[0] == "L" for c in categories) / whole, abs=1e-6)
        assert row["digit_ratio"] == pytest.approx(categories.count("Nd") / whole, abs=1e-6)
        assert row["non_ascii_ratio"] == pytest.approx(sum(char > "\x7f" for char in text) / whole, abs=1e-6)
        assert 0 <= row["unique_ratio"] <= 1
        assert row["n_words"] <= len(text)


def test_it_takes_no_params() -> None:
    with pytest.raises(UsageError, match="text_stats takes no params, so 'lang' means nothing"):
        TextStats(Recipe(params={"lang": "en"}))
