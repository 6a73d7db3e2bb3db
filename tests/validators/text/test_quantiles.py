from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmreg.errors import UsageError
from mmreg.schemas.check import CheckResult

Judge = Callable[..., CheckResult]
SCORES = {"score": pa.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0], pa.float32())}


def test_what_a_bound_on_a_quantile_says(judge: Judge) -> None:
    result = judge(SCORES, check="quantiles", column="score", at_least={0.1: 0.1, 0.5: 0.5}, at_most={0.9: 0.9})
    assert (result.status, result.examined, result.failed) == ("passed", 3, 0)
    assert result.message == "3 quantiles of 10 values are within bounds"
    assert result.numbers == {"below 0.1": 0.0, "below 0.5": 0.4, "above 0.9": 0.1}
    assert sum(result.histograms[0].counts["values"]) == 10


def test_what_is_broken_is_told(judge: Judge) -> None:
    result = judge(SCORES, check="quantiles", column="score", at_least={0.2: 0.3, 0.0: 0.1}, at_most={1.0: 0.8})
    assert (result.status, result.examined, result.failed) == ("failed", 3, 2)
    assert result.message == (
        "the 20% quantile is below 0.3: 20% of values are; the 100% quantile is above 0.8: 20% of values are, of 10"
    )


def test_shares_as_yaml_can_have_them_for_keys(judge: Judge) -> None:
    declared = [
        judge(SCORES, check="quantiles", column="score", at_least={key: 0.3}) for key in (0.1, "0.1", "10%", "10.0%")
    ]
    assert {result.message for result in declared} == {"the 10% quantile is below 0.3: 20% of values are, of 10"}


def test_nan_is_beyond_both_and_null_is_not_examined(judge: Judge) -> None:
    column = {"x": pa.array([0.5, float("nan"), None])}
    result = judge(column, check="quantiles", column="x", at_least={0.5: 0.0}, at_most={0.5: 1.0})
    assert result.numbers == {"below 0": 0.5, "above 1": 0.5}
    assert (result.status, result.failed) == ("failed", 1)


def test_no_values_say_nothing(judge: Judge) -> None:
    result = judge({"x": pa.array([None], pa.float64())}, check="quantiles", column="x", at_least={0.5: 1})
    assert (result.status, result.examined, result.histograms) == ("insufficient", 0, ())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "needs 'at_least', 'at_most' or both"),
        ({"at_least": {1.5: 0}}, "at_least: .* less than or equal to 1"),
        ({"at_least": {"a": 0}}, "at_least: 'a' is no share: write 5% or '0.05'"),
        ({"at_least": {"150%": 0}}, "at_least: .* less than or equal to 1"),
        ({"at_most": {0.5: float("nan")}}, "at_most: must be a finite number"),
        ({"at_least": {0.5: 0}, "sample": 9}, "a sample does not tell"),
    ],
)
def test_wrong_arguments(judge: Judge, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        judge(SCORES, check="quantiles", column="score", **arguments)


def test_texts_have_no_quantiles(judge: Judge) -> None:
    with pytest.raises(UsageError, match="quantiles: x is string, not a column of numbers"):
        judge({"x": pa.array(["a"])}, check="quantiles", column="x", at_least={0.5: 0})


number = st.integers(-3, 3).map(float) | st.floats(allow_nan=False, width=32)


@given(
    values=st.lists(number, min_size=1, max_size=60),
    quantile=st.sampled_from([0.0, 0.05, 0.07, 0.1, 0.29, 0.3, 0.5, 0.57, 0.95, 1.0]),
    bound=number.filter(np.isfinite),
    cuts=st.lists(st.integers(0, 99), max_size=3),
    parts=st.booleans(),
)
def test_as_numpy_computes(
    judge: Judge, values: list[float], quantile: float, bound: float, cuts: list[int], parts: bool
) -> None:
    column = {"x": pa.array(values, pa.float32())}
    result = judge(
        column, cuts, check="quantiles", column="x", at_least={quantile: bound}, at_most={quantile: bound}, parts=parts
    )
    expected = sorted(values)[max(1, -(-round(quantile * 100) * len(values) // 100)) - 1]
    assert expected == np.quantile(values, quantile, method="inverted_cdf") or quantile in (0.07, 0.29, 0.57)
    assert result.failed == (expected < bound) + (expected > bound)
    assert result == judge(column, check="quantiles", column="x", at_least={quantile: bound}, at_most={quantile: bound})
