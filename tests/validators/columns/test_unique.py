from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmreg.schemas.arrow import media_type
from mmreg.schemas.check import CheckResult

Judge = Callable[..., CheckResult]
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def test_different_values_pass(judge: Judge) -> None:
    result = judge({"x": pa.array(["a", "b", ""])}, check="unique", column="x")
    assert (result.status, result.examined, result.message) == (
        "passed",
        3,
        "0 of 3 values repeat an earlier one",
    )


def test_each_repetition_fails_but_not_the_first_appearance(judge: Judge) -> None:
    result = judge({"x": pa.array(["a", "b", "a", "a"])}, cuts=[1, 3], check="unique", column="x")
    assert (result.status, result.failed) == ("failed", 2)
    assert result.examples[0] == {
        "sample_id": f"{2:032x}",
        "value": "'a'",
        "reason": "repeats an earlier row",
    }


def test_some_may_be_tolerated(judge: Judge) -> None:
    result = judge({"x": pa.array([1, 1, 2, 3])}, check="unique", column="x", max_failure_rate=0.25)
    assert (result.status, result.failed) == ("passed", 1)


def test_nulls_are_not_examined(judge: Judge) -> None:
    result = judge({"x": pa.array([None, None, 1])}, check="unique", column="x")
    assert (result.status, result.examined) == ("passed", 1)
    pairs = {"x": pa.array([1, 1]), "y": pa.array([None, None], pa.string())}
    assert judge(pairs, check="unique", columns=["x", "y"]).examined == 0


def test_columns_are_compared_together(judge: Judge) -> None:
    columns = {"x": pa.array(["a", "a", "ab", "a"]), "y": pa.array(["b", "bc", "c", "b"])}
    result = judge(columns, check="unique", columns=["x", "y"])
    assert (result.failed, result.column, result.examples[0]["value"]) == (1, "x, y", "'a', 'b'")


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        ([float("nan"), float("nan")], pa.float32()),
        ([0.0, -0.0], pa.float64()),
        ([1.5, 1.5], pa.float16()),
        ([True, True], pa.bool_()),
        ([b"\xff\0", b"\xff\0"], pa.binary()),
        ([b"abcd", b"abcd"], pa.binary(4)),
        ([NOON, NOON], pa.timestamp("us", tz="Europe/Berlin")),
        ([Decimal("1.10"), Decimal("1.10")], pa.decimal128(5, 2)),
        (["a", "a"], pa.large_string()),
    ],
)
def test_equal_values_of_every_plain_type_repeat(judge: Judge, values: list[Any], dtype: pa.DataType) -> None:
    assert judge({"x": pa.array(values, dtype)}, check="unique", column="x").failed == 1


def test_media_are_compared_by_their_digest(judge: Judge) -> None:
    digests = [hashlib.sha256(data).digest() for data in (b"one", b"two", b"one")]
    images = pa.array([{"sha256": digest} for digest in digests], media_type("image"))
    result = judge({"image": images}, check="unique", column="image")
    assert (result.failed, result.column, result.examples[0]["value"]) == (1, "image", digests[0].hex())


def test_long_values_are_shown_short(judge: Judge) -> None:
    text = judge({"x": pa.array(["long " * 50] * 2)}, check="unique", column="x").examples[0]["value"]
    data = judge({"x": pa.array([b"\0" * 1000] * 2)}, check="unique", column="x").examples[0]["value"]
    assert (len(text), text[-1], data) == (60, "…", "<1,000 bytes>")


def test_no_rows_pass_and_say_so(judge: Judge) -> None:
    result = judge({"x": pa.array([], pa.string())}, check="unique", column="x")
    assert (result.status, result.examined, result.message) == ("passed", 0, "no rows")


@given(
    rows=st.lists(st.tuples(st.none() | st.integers(0, 3), st.none() | st.text("ab:", max_size=2))),
    cuts=st.lists(st.integers(0, 99)),
)
def test_as_plain_python_counts(judge: Judge, rows: list[tuple[int | None, str | None]], cuts: list[int]) -> None:
    columns = {
        "x": pa.array([x for x, _ in rows], pa.int64()),
        "y": pa.array([y for _, y in rows], pa.string()),
    }
    complete = [row for row in rows if None not in row]
    result = judge(columns, cuts, check="unique", columns=["x", "y"])
    assert (result.examined, result.failed) == (len(complete), len(complete) - len(set(complete)))


@given(values=st.lists(st.floats()))
def test_floats_are_equal_where_python_says_so(judge: Judge, values: list[float]) -> None:
    numbers = [value for value in values if value == value]
    result = judge({"x": pa.array(numbers, pa.float64())}, check="unique", column="x")
    assert result.failed == len(numbers) - len(set(numbers))
