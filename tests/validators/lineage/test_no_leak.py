"""Rows that the evaluation set has, too: by sample, by media, by words."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from hashlib import sha256
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmreg.errors import NotFound, UsageError
from mmreg.schemas.arrow import media_type
from mmreg.schemas.check import CheckResult
from mmreg.validators.lineage.keys import Index, normalised

Compare = Callable[..., CheckResult]
WORDS = st.lists(st.sampled_from(["a dog", "A  dog!", "cat", "", "?", None, "Ｃａｔ", "a-dog", "dog a"]), max_size=12)


def said(texts: list[str | None]) -> dict[str, Any]:
    return {"text": pa.array(texts, pa.string())}


def plain(text: str | None) -> str:
    """The words of a text, said again."""
    letters = unicodedata.normalize("NFKC", text or "").casefold()
    return " ".join("".join(c if c.isalnum() else " " for c in letters).split())


@given(WORDS, WORDS, st.integers(0, 12))
def test_words_are_found_whichever_side_is_smaller(
    compare: Compare, here: list[str | None], there: list[str | None], cut: int
) -> None:
    result = compare(said(here), said(there), cut, check="lineage.no_leak", by="text", column="text", examples=100)
    known = {plain(text) for text in there} - {""}
    expected = [row for row, text in enumerate(here) if plain(text) in known]
    assert result.examined == sum(bool(plain(text)) for text in here)
    assert result.failed == len(expected)
    assert [int(e["sample_id"], 16) for e in result.examples] == expected
    for one in result.examples:
        row, reason = int(one["sample_id"], 16), one["reason"]
        other = int(reason.split()[2], 16) - 1000
        assert plain(there[other]) == plain(here[row])
        assert reason.endswith(" of there@v1")


@given(st.lists(st.integers(0, 30), unique=True), st.lists(st.integers(0, 30), unique=True))
def test_samples_are_found_by_their_ids(compare: Compare, here: list[int], there: list[int]) -> None:
    result = compare({"sample_id": here}, {"sample_id": there}, check="lineage.no_leak", by="sample_id")
    assert (result.examined, result.failed) == (len(here), len(set(here) & set(there)))


def media(*contents: bytes | None) -> dict[str, Any]:
    cells = [None if c is None else {"sha256": sha256(c).digest(), "format": "png"} for c in contents]
    return {"image": pa.array(cells, media_type("image"))}


@pytest.mark.parametrize("others", [(), (b"x", b"y", b"z")], ids=["fewer there", "more there"])
def test_media_are_found_by_their_digests(compare: Compare, others: tuple[bytes, ...]) -> None:
    here, there = media(b"1", None, b"2", b"2"), media(*others, b"2", None)
    result = compare(here, there, check="lineage.no_leak", by="media", column="image")
    assert (result.status, result.examined, result.failed) == ("failed", 3, 2)
    assert result.message == "2 of 3 rows are in there@v1 too, by the SHA-256 of image (66.7%)"
    assert result.numbers == {"evaluation_rows": len(others) + 2}


def test_a_share_may_be_tolerated(compare: Compare) -> None:
    check = {"check": "lineage.no_leak", "by": "text", "column": "text", "max_failure_rate": 0.5}
    assert compare(said(["a", "b"]), said(["b"]), **check).status == "passed"


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"by": "text"}, "need 'column'"),
        ({"by": "sample_id", "column": "text"}, "has none"),
        ({"by": "media", "column": "text"}, "is string, no media"),
        ({"by": "sound", "column": "text"}, "by: "),
    ],
)
def test_what_makes_no_sense_is_refused(compare: Compare, wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        compare(said(["a"]), said(["a"]), check="lineage.no_leak", **wrong)


def test_an_index_finds_keys_whose_high_words_agree() -> None:
    index = Index(np.array([[7, 7, 7, 1], [3, 1, 3, 9]], np.uint64))
    asked = np.array([[7, 7, 7, 1, 0, 9], [3, 1, 2, 9, 9, 9]], np.uint64)
    assert index.find(asked).tolist() == [0, 1, -1, 3, -1, -1]


def test_normalising_keeps_words_of_every_script() -> None:
    assert normalised("  Ein_HUND, zwei\tHünde!") == "ein hund zwei hünde"
    assert normalised("犬が、走る。") == "犬が 走る"


def test_a_split_of_a_real_version_and_its_pictures(project: Any, answer: Any) -> None:
    made = project(6)
    made.apply()
    found = answer(made, "train", check="lineage.no_leak", evaluation="splits", split="test", by="sample_id")
    with made.open() as registry:
        assert found.failed == len(registry.open_version("splits", "test")) < found.examined == 4
    assert "rows are in splits@v1 (test) too, by the sample_id" in found.message
    with pytest.raises(NotFound, match="has no split 'tset'"):
        answer(made, "train", check="lineage.no_leak", evaluation="splits", split="tset", by="sample_id")
    found = answer(made, "train", check="lineage.no_leak", evaluation="pairs", by="media", column="image")
    assert (found.failed, found.examined) == (4, 4)
