from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest

from mmreg.errors import NotFound, UsageError
from mmreg.schemas.check import CheckResult

Judge = Callable[..., CheckResult]
World = Callable[..., Any]


@pytest.mark.parametrize(
    ("before", "now", "bounds", "status", "message"),
    [
        (100, 95, {"max_drop": 0.05}, "passed", "95 rows, 5% fewer than pairs@v1 with 100"),
        (100, 94, {"max_drop": 0.05}, "failed", "94 rows, 6% fewer than pairs@v1 with 100: at most 5% may go"),
        (100, 150, {"max_drop": 0.05}, "passed", "150 rows, 50% more than pairs@v1 with 100"),
        (100, 150, {"max_growth": 0.4}, "failed", "150 rows, 50% more than pairs@v1 with 100: at most 40% may come"),
        (2, 5, {"max_growth": 1.5}, "passed", "5 rows, 150% more than pairs@v1 with 2"),
        (3, 3, {"max_drop": 0, "max_growth": 0}, "passed", "3 rows, as many as pairs@v1 with 3"),
        (3, 0, {"max_drop": 0.99}, "failed", "0 rows, 100% fewer than pairs@v1 with 3: at most 99% may go"),
        (0, 0, {"max_growth": 0}, "passed", "0 rows, as many as pairs@v1 with 0"),
    ],
)
def test_against_the_promoted_version(
    judge: Judge, world: World, before: int, now: int, bounds: dict[str, float], status: str, message: str
) -> None:
    around = world({"pairs@v1": {"x": pa.nulls(before)}}, promoted="pairs@v1")
    result = judge({"x": pa.nulls(now)}, check="row_count_change", world=around, **bounds)
    assert (result.status, result.message) == (status, message)
    assert (result.numbers["rows"], result.numbers["before"]) == (now, before)


def test_growth_from_nothing_is_growth(judge: Judge, world: World) -> None:
    around = world({"pairs@v1": {"x": pa.nulls(0)}}, promoted="pairs@v1")
    result = judge({"x": pa.nulls(9)}, check="row_count_change", world=around, max_growth=0.5)
    assert (result.status, result.numbers["change"]) == ("failed", 1.0)


def test_before_the_first_promotion_there_is_nothing_to_compare_with(judge: Judge, world: World) -> None:
    result = judge({"x": pa.nulls(9)}, check="row_count_change", world=world({}), max_drop=0.1)
    assert (result.status, result.examined) == ("insufficient", 0)
    assert result.message == "9 rows, and no promoted version to compare with"


def test_against_a_version_that_is_named(judge: Judge, world: World) -> None:
    around = world({"pairs@v1": {"x": pa.nulls(9)}, "pool": {"x": pa.nulls(90)}}, promoted="pairs@v1")
    declared = {"check": "row_count_change", "max_drop": 0.5, "world": around}
    assert judge({"x": pa.nulls(9)}, **declared).status == "passed"
    assert judge({"x": pa.nulls(9)}, against="pool", **declared).status == "failed"
    with pytest.raises(NotFound, match="pol"):
        judge({"x": pa.nulls(9)}, against="pol", **declared)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "needs 'max_drop', 'max_growth' or both"),
        ({"max_drop": 1.5}, "max_drop: .* less than or equal to 1"),
        ({"max_growth": -0.1}, "max_growth: .* greater than or equal to 0"),
        ({"max_drop": 0.1, "sample": 5}, "a sample does not tell"),
        ({"max_drop": 0.1}, "asks the registry, and there is none here"),
    ],
)
def test_wrong_arguments(judge: Judge, arguments: dict[str, float], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        judge({"x": pa.nulls(1)}, check="row_count_change", **arguments)
