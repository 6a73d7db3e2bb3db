from __future__ import annotations

import re
from collections.abc import Callable

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmreg.errors import UsageError
from mmreg.schemas.check import CheckResult

Judge = Callable[..., CheckResult]


def test_found_anywhere_unless_all_is_asked(judge: Judge) -> None:
    texts = {"x": pa.array(["ab12", "12", "", None])}
    result = judge(texts, check="matches", column="x", pattern="[0-9]+")
    assert (result.status, result.examined, result.failed) == ("failed", 3, 1)
    assert result.message == "1 of 3 texts do not contain '[0-9]+' (33.3%)"
    result = judge(texts, check="matches", column="x", pattern="[0-9]+", full_match=True)
    assert (result.failed, result.examples[0]["value"]) == (2, "'ab12'")


def test_all_means_all_of_each_alternative_and_of_each_line(judge: Judge) -> None:
    texts = {"x": pa.array(["a", "b", "ab", "a\n", "b\nb"])}
    assert judge(texts, check="matches", column="x", pattern="a|b", full_match=True).failed == 3


@pytest.mark.parametrize("pattern", ["(?<=a)b", "(", r"(a)\1"])
def test_what_re2_refuses_is_told(judge: Judge, pattern: str) -> None:
    with pytest.raises(UsageError, match="matches: pattern: ") as caught:
        judge({"x": pa.array(["a"])}, check="matches", column="x", pattern=pattern)
    assert "RE2" in (caught.value.hint or "")


def test_only_texts(judge: Judge) -> None:
    with pytest.raises(UsageError, match="matches: x is int64, not a column of texts"):
        judge({"x": pa.array([1])}, check="matches", column="x", pattern="1")


@given(texts=st.lists(st.none() | st.text("ab\n", max_size=5)), cuts=st.lists(st.integers(0, 99)), full=st.booleans())
@pytest.mark.parametrize("pattern", ["ab", "^a*$", "a|b", "[^b]*", "(ab)+", ""])
def test_as_python_finds(judge: Judge, pattern: str, texts: list[str | None], cuts: list[int], full: bool) -> None:
    pattern = f"(?:{pattern})"
    result = judge(
        {"x": pa.array(texts, pa.string())}, cuts, check="matches", column="x", pattern=pattern, full_match=full
    )
    there = [text for text in texts if text is not None]
    # Python's $ is before a last line feed, too; RE2's is not.
    python = re.compile(pattern.replace("$", r"\Z"))
    find = python.fullmatch if full else python.search
    assert (result.examined, result.failed) == (len(there), sum(find(text) is None for text in there))
