from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ks_2samp

from mmreg.errors import NotFound, UsageError
from mmreg.schemas.check import CheckResult

Judge = Callable[..., CheckResult]
World = Callable[..., Any]


def normal(mean: float, rows: int = 2_000, seed: int = 0) -> pa.Array:
    return pa.array(np.random.default_rng(seed).normal(mean, 1, rows), pa.float32())


@pytest.fixture
def drift(judge: Judge, world: World) -> Callable[..., CheckResult]:
    """``drift(before, now)``: a column against the same one of the promoted version."""

    def drift(before: pa.Array | None, now: pa.Array, cuts: tuple[int, ...] = (), **declared: Any) -> CheckResult:
        around = world({"pairs@v1": {"x": before}} if before is not None else {}, promoted="pairs@v1")
        return judge({"x": now}, cuts, check="drift", column="x", world=around, **declared)

    return drift


@pytest.mark.parametrize(("measure", "most"), [("psi", "0.25"), ("ks", "0.1")])
def test_the_same_distribution_passes_and_a_shifted_one_fails(drift: Judge, measure: str, most: str) -> None:
    same = drift(normal(0), normal(0, seed=1), measure=measure)
    assert (same.status, same.column) == ("passed", "x")
    assert same.message.startswith(f"{measure.upper()} 0.0") and f"pairs@v1, at most {most}" in same.message
    other = drift(normal(0), normal(1), measure=measure)
    assert (other.status, other.examined, other.failed) == ("failed", 1, 1)
    assert other.numbers[measure] > float(most) > other.numbers["by_chance"]


def test_the_bound_can_be_declared(drift: Judge) -> None:
    assert drift(normal(0), normal(1), max_value=5).status == "passed"
    assert drift(normal(0), normal(0.3), max_value=0.02).status == "failed"


def test_a_histogram_shows_both(drift: Judge) -> None:
    drawn = drift(normal(0), normal(1, 500)).histograms[0]
    assert {name: sum(counts) for name, counts in drawn.counts.items()} == {"pairs@v1": 2_000, "now": 500}
    assert len(drawn.edges) == len(drawn.counts["now"]) + 1 and not drawn.cells


def test_categories_beyond_the_twenty_most_frequent_are_one(drift: Judge) -> None:
    before = pa.array([f"c{i % 40:02}" for i in range(4_000)] + ["c00"])
    passed = drift(before, before)
    assert (passed.status, passed.numbers["psi"]) == ("passed", 0.0)
    assert passed.histograms[0].labels == (*(f"c{i:02}" for i in range(20)), "(other)", "(null)")
    assert passed.histograms[0].cells
    assert drift(before, pa.array([f"c{i % 20:02}" for i in range(4_000)])).status == "failed"
    assert drift(before, pa.array(["new"] * 4_000)).numbers["psi"] > 2


def test_truths_and_nulls_are_categories(drift: Judge) -> None:
    before = pa.array([True, False] * 500)
    assert drift(before, pa.array([True, True, True, False] * 250)).numbers["psi"] == pytest.approx(
        0.25 * np.log(1.5) - 0.25 * np.log(0.5)
    )
    gone = drift(before, pa.array([True, None] * 500))
    assert (gone.status, gone.numbers["null"], gone.numbers["null_before"]) == ("failed", 0.5, 0.0)


def test_null_and_nan_are_bins_of_psi_and_nothing_to_ks(drift: Judge) -> None:
    holes = pa.array([None if i % 2 else 0.1 * i for i in range(900)], pa.float64())
    nans = pa.array([float("nan") if i % 2 else 0.1 * i for i in range(900)], pa.float64())
    full = pa.array([0.1 * i for i in range(0, 900, 2)], pa.float64())
    assert drift(full, holes).status == drift(holes, nans).status == "failed"
    assert drift(full, holes, measure="ks").numbers["ks"] == drift(holes, nans, measure="ks").numbers["ks"] == 0.0
    assert drift(pa.nulls(100, pa.float64()), full).status == "failed"


@pytest.mark.parametrize(
    ("before", "now", "message"),
    [
        (normal(0, 29), normal(5), "2,000 values against 29 of pairs@v1: too few to say"),
        (normal(0), normal(5, 29), "29 values against 2,000 of pairs@v1: too few to say"),
        (normal(0), normal(0, 0), "0 values against 2,000 of pairs@v1: too few to say"),
        (pa.array(["text"] * 99), normal(0), "pairs@v1 has no such column to compare with"),
        (pa.array(map(str, range(70_000))), pa.array(["1"] * 99), "more than 65,536 different values"),
        (pa.array(["1"] * 99), pa.array(map(str, range(70_000))), "more than 65,536 different values"),
    ],
)
def test_what_says_too_little(drift: Judge, before: pa.Array, now: pa.Array, message: str) -> None:
    result = drift(before, now)
    assert (result.status, result.failed) == ("insufficient", 0)
    assert result.message.startswith(message)


@pytest.mark.parametrize("measure", ["psi", "ks"])
def test_what_chance_may_have_done_is_insufficient(drift: Judge, measure: str) -> None:
    result = drift(normal(0, 60), normal(0.2, 60, seed=3), measure=measure, max_value=0.01)
    assert result.numbers[measure] > 0.01
    assert (result.status, result.failed) == ("insufficient", 0)
    assert "but chance alone brings up to" in result.message
    assert drift(normal(0, 60), normal(3, 60), measure=measure, max_value=0.01).status == "failed"


def test_nothing_promoted_and_no_such_version(judge: Judge, world: World) -> None:
    declared = {"check": "drift", "column": "x", "world": world({})}
    assert judge({"x": normal(0)}, **declared).message == "no promoted version to compare with"
    with pytest.raises(NotFound, match="pairs@v7"):
        judge({"x": normal(0)}, against="pairs@v7", **declared)


@pytest.mark.parametrize(
    ("column", "arguments", "message"),
    [
        (pa.array(["a"]), {"measure": "ks"}, "x is string, not a column of numbers, which KS compares"),
        (pa.array([b"a"]), {}, "x is binary, not a column of numbers, texts or truths"),
        (pa.array([1]), {"measure": "js"}, "measure: Input should be 'psi' or 'ks'"),
        (pa.array([1]), {"max_value": 0}, "max_value: .* greater than 0"),
        (pa.array([1]), {"sample": 9}, "a sample does not tell"),
        (pa.array([1]), {}, "asks the registry, and there is none here"),
    ],
)
def test_wrong_arguments(judge: Judge, column: pa.Array, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        judge({"x": column}, check="drift", column="x", **arguments)


values = st.lists(st.none() | st.integers(-5, 5).map(float) | st.floats(width=32), min_size=30, max_size=60)


@settings(max_examples=30)
@given(before=values, now=values, cuts=st.tuples(st.integers(0, 99), st.integers(0, 99)))
def test_ks_is_what_scipy_says_however_batches_are_cut(
    judge: Judge, world: World, before: list[float | None], now: list[float | None], cuts: tuple[int, int]
) -> None:
    around = world({"pairs@v1": {"x": pa.array(before, pa.float32())}}, promoted="pairs@v1")
    column = {"x": pa.array(now, pa.float32())}
    result = judge(column, cuts, check="drift", column="x", measure="ks", world=around)
    assert result == judge(column, check="drift", column="x", measure="ks", world=around)
    there = [[n for n in rows if n is not None and n == n] for rows in (before, now)]
    if min(map(len, there)) < 30:
        assert result.status == "insufficient"
    else:
        assert result.numbers["ks"] == pytest.approx(ks_2samp(*there, method="asymp").statistic, abs=1e-12)


@settings(max_examples=30)
@given(
    before=st.lists(st.sampled_from(["a", "b", None]), min_size=30), now=st.lists(st.sampled_from("abc"), min_size=30)
)
def test_psi_of_categories_by_its_formula(judge: Judge, world: World, before: list[str | None], now: list[str]) -> None:
    around = world({"pairs@v1": {"x": pa.array(before, pa.string())}}, promoted="pairs@v1")
    result = judge({"x": pa.array(now)}, check="drift", column="x", world=around)
    expected = 0.0
    for name in ("a", "b", "c", None):
        # "c" is in `other`, which has no rows before.
        e, a = (max(rows.count(name), 0.5) / len(rows) for rows in (before, now))
        if name in before or name in now:
            expected += (a - e) * np.log(a / e)
    assert result.numbers["psi"] == pytest.approx(expected)
