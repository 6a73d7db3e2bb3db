from __future__ import annotations

import math
from collections.abc import Callable

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmreg.errors import UsageError
from mmreg.schemas.check import CheckResult

Judge = Callable[..., CheckResult]
INF, NAN = math.inf, math.nan


@pytest.mark.parametrize("kind", [pa.float16(), pa.float32(), pa.float64()])
def test_numbers(judge: Judge, kind: pa.DataType) -> None:
    result = judge({"x": pa.array([1.0, NAN, None, -INF], kind)}, check="finite", column="x")
    assert (result.status, result.examined, result.failed) == ("failed", 3, 2)
    assert [(one["value"], one["reason"]) for one in result.examples] == [("nan", "not a number"), ("-inf", "infinite")]


@pytest.mark.parametrize("kind", [pa.float16(), pa.float32()])
def test_embeddings(judge: Judge, kind: pa.DataType) -> None:
    column = pa.array([[1.0, 2.0], None, [0.0, NAN], [None, 1.0]], pa.list_(kind, 2))
    result = judge({"x": column}, cuts=[1, 3], check="finite", column="x")
    assert (result.examined, result.failed) == (3, 1)
    assert result.examples[0]["value"] == "nan as number 2 of 2"


def test_lists_within_lists(judge: Judge) -> None:
    column = pa.array([[[1.0], None, [2.0, INF]], [[]], [], None], pa.list_(pa.list_(pa.float64())))
    result = judge({"x": column}, check="finite", column="x")
    assert (result.examined, result.failed, result.examples[0]["value"]) == (3, 1, "inf as number 4 of 4")


def test_integers_are_always_finite_and_so_refused(judge: Judge) -> None:
    with pytest.raises(UsageError, match="finite: x is int64, not a column of floating-point numbers"):
        judge({"x": pa.array([1])}, check="finite", column="x")


@given(
    rows=st.lists(st.none() | st.lists(st.none() | st.floats(width=32), max_size=3)),
    cuts=st.lists(st.integers(0, 99)),
    parts=st.booleans(),
)
def test_as_plain_python_counts(
    judge: Judge, rows: list[list[float | None] | None], cuts: list[int], parts: bool
) -> None:
    column = {"x": pa.array(rows, pa.list_(pa.float32()))}
    result = judge(column, cuts, check="finite", column="x", parts=parts)
    bad = [row is not None and any(n is not None and not math.isfinite(n) for n in row) for row in rows]
    assert (result.examined, result.failed) == (sum(row is not None for row in rows), sum(bad))
