from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmreg.errors import UsageError
from mmreg.schemas.check import CheckResult

Judge = Callable[..., CheckResult]


def test_characters_are_code_points(judge: Judge) -> None:
    texts = {"x": pa.array(["", "äöü", "犬🐕", None])}
    result = judge(texts, check="length", column="x", min_value=1, max_value=2)
    assert (result.status, result.examined, result.failed) == ("failed", 3, 2)
    assert result.message == "2 of 3 texts have not 1 to 2 characters (66.7%)"
    assert [(one["value"], one["reason"]) for one in result.examples] == [
        ("0 characters", "fewer than 1"),
        ("3 characters", "more than 2"),
    ]


@pytest.mark.parametrize("kind", [pa.list_(pa.int64()), pa.large_list(pa.int64())])
def test_items_of_lists(judge: Judge, kind: pa.DataType) -> None:
    lists = {"x": pa.array([[], [1, None], [1, 2, 3], None], kind)}
    result = judge(lists, check="length", column="x", max_value=2)
    assert (result.examined, result.failed, result.message) == (3, 1, "1 of 3 lists have more than 2 items (33.3%)")
    assert judge(lists, check="length", column="x", min_value=1).message.startswith("1 of 3 lists have fewer than 1")


def test_embeddings_are_lists_too(judge: Judge) -> None:
    column = pa.array([[1.0, 2.0], None], pa.list_(pa.float32(), 2))
    assert judge({"x": column}, check="length", column="x", min_value=2, max_value=2).status == "passed"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "length: needs 'min_value', 'max_value' or both"),
        ({"min_value": 3, "max_value": 2}, "length: min_value 3 is above max_value 2"),
        ({"min_value": -1}, "length: min_value: .* greater than or equal to 0"),
        ({"min_value": 1.5}, "length: min_value: .* valid integer"),
    ],
)
def test_wrong_bounds(judge: Judge, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        judge({"x": pa.array(["a"])}, check="length", column="x", **arguments)


def test_numbers_have_no_length(judge: Judge) -> None:
    with pytest.raises(UsageError, match="length: x is int64, not a column of texts or lists"):
        judge({"x": pa.array([1])}, check="length", column="x", min_value=1)


@given(texts=st.lists(st.none() | st.text(max_size=5)), low=st.integers(0, 3), more=st.integers(0, 3))
def test_as_python_counts(judge: Judge, texts: list[str | None], low: int, more: int) -> None:
    result = judge({"x": pa.array(texts, pa.string())}, check="length", column="x", min_value=low, max_value=low + more)
    there = [text for text in texts if text is not None]
    assert result.failed == sum(not low <= len(text) <= low + more for text in there)
