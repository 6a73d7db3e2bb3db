from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmreg.schemas.check import CheckResult

Judge = Callable[..., CheckResult]
NAN = float("nan")
FLOATS = {16: pa.float16(), 32: pa.float32(), 64: pa.float64()}


def test_bounds_are_included(judge: Judge) -> None:
    result = judge({"x": pa.array([1, 2, 3])}, check="range", column="x", min_value=1, max_value=3)
    assert (result.status, result.examined, result.message) == (
        "passed",
        3,
        "0 of 3 values are outside 1 to 3",
    )


def test_failures_say_on_which_side(judge: Judge) -> None:
    result = judge({"x": pa.array([0.5, -1.0, 9.0, NAN])}, check="range", column="x", min_value=0, max_value=1)
    assert (result.status, result.failed) == ("failed", 3)
    assert [(e["value"], e["reason"]) for e in result.examples] == [
        ("-1.0", "below 0"),
        ("9.0", "above 1"),
        ("nan", "not a number"),
    ]


@pytest.mark.parametrize("bounds", [{"min_value": 0}, {"max_value": 0}])
def test_nan_always_fails_and_null_is_not_examined(judge: Judge, bounds: dict[str, int]) -> None:
    result = judge({"x": pa.array([NAN, None, 0.0])}, check="range", column="x", **bounds)
    assert (result.examined, result.failed) == (2, 1)


def test_some_may_be_tolerated(judge: Judge) -> None:
    result = judge({"x": pa.array([1, 2])}, check="range", column="x", max_value=1, max_failure_rate=0.5)
    assert (result.status, result.message) == ("passed", "1 of 2 values are above 1 (50%, 50% allowed)")


def test_only_nulls_and_no_rows_pass_and_say_so(judge: Judge) -> None:
    nulls = judge({"x": pa.nulls(2, pa.float32())}, check="range", column="x", min_value=0)
    assert (nulls.status, nulls.examined, nulls.message) == (
        "passed",
        0,
        "nothing to examine: 2 rows, all null",
    )
    empty = judge({"x": pa.array([], pa.float32())}, check="range", column="x", min_value=0)
    assert (empty.status, empty.message) == ("passed", "no rows")


@pytest.mark.parametrize("bits", [16, 32, 64])
def test_a_bound_is_rounded_as_the_column_was(judge: Judge, bits: int) -> None:
    stored = pa.array(np.array([0.1, 0.7], f"float{bits}"))
    result = judge({"x": stored}, check="range", column="x", min_value=0.1, max_value=0.7)
    assert (result.status, result.examined) == ("passed", 2)


def test_integers_are_compared_exactly(judge: Judge) -> None:
    large = pa.array([2**53, 2**53 + 1], pa.int64())
    assert judge({"x": large}, check="range", column="x", min_value=2**53 + 1).failed == 1
    assert judge({"x": large}, check="range", column="x", max_value=2**53 + 0.0).failed == 1


def test_a_bound_beyond_the_type_asks_nothing(judge: Judge) -> None:
    result = judge({"x": pa.array([0, 255], pa.uint8())}, check="range", column="x", min_value=-5, max_value=1e30)
    assert (result.status, result.examined) == ("passed", 2)


def test_a_nested_number(judge: Judge) -> None:
    images = pa.array([{"width": 8}, None, {"width": 80}], pa.struct({"width": pa.int32()}))
    result = judge({"image": images}, check="range", column="image.width", min_value=64)
    assert (result.examined, result.failed, result.column) == (2, 1, "image.width")


@given(
    values=st.lists(st.none() | st.integers(-(2**63), 2**63 - 1) | st.integers(-3, 3)),
    bounds=st.tuples(st.integers(-3, 3) | st.floats(-3, 3), st.integers(-3, 3) | st.floats(-3, 3)),
)
def test_integers_as_plain_python_counts(judge: Judge, values: list[int | None], bounds: tuple[float, float]) -> None:
    low, high = sorted(bounds)
    result = judge({"x": pa.array(values, pa.int64())}, check="range", column="x", min_value=low, max_value=high)
    present = [value for value in values if value is not None]
    assert (result.examined, result.failed) == (
        len(present),
        sum(not low <= value <= high for value in present),
    )


@given(data=st.data(), bits=st.sampled_from([16, 32, 64]))
def test_floats_as_plain_python_counts(judge: Judge, data: st.DataObject, bits: int) -> None:
    number = st.floats(width=bits)
    values = data.draw(st.lists(st.none() | number))
    low, high = sorted(data.draw(st.tuples(*[st.floats(-10, 10, width=bits)] * 2)))
    result = judge({"x": pa.array(values, FLOATS[bits])}, check="range", column="x", min_value=low, max_value=high)
    present = [value for value in values if value is not None]
    outside = sum(math.isnan(value) or not low <= value <= high for value in present)
    assert (result.examined, result.failed) == (len(present), outside)
