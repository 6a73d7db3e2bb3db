from __future__ import annotations

import json
import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mmreg.validators.columns.histograms import histogram
from mmreg.validators.columns.spread import Spread

numbers = st.lists(st.floats(allow_nan=False) | st.sampled_from([0.0, -0.0, 1.0, 2.5]))


def spread(values: list[float], limit: int = 65_536, shift: int = 0) -> Spread:
    one = Spread(limit, shift)
    one.add(np.array(values, np.float64))
    return one


def seen(one: Spread) -> tuple[int, list[int], list[int]]:
    codes, counts = one.bins()
    return one.shift, codes.tolist(), counts.tolist()


@given(values=numbers)
def test_few_different_numbers_are_counted_as_they_are(values: list[float]) -> None:
    one = spread(values)
    assert len(one) == len(values)
    expected = {value: values.count(value) for value in values}
    assert dict(zip(one.values().tolist(), one.bins()[1].tolist(), strict=True)) == expected
    assert one.values().tolist() == sorted(expected)


@given(parts=st.lists(numbers, max_size=4), limit=st.integers(4, 9), shift=st.sampled_from([0, 47]))
def test_neither_order_nor_parts_show(parts: list[list[float]], limit: int, shift: int) -> None:
    whole = seen(spread([value for part in parts for value in part], limit, shift))
    stream = Spread(limit, shift)
    for part in reversed(parts):
        for value in part:
            stream.add(np.array([value]))
    merged = Spread(limit, shift)
    for part in parts:
        merged.merge(json.loads(json.dumps(spread(part, limit, shift).state())))
    assert seen(stream) == seen(merged) == whole


def test_many_different_numbers_take_bounded_memory_and_lie_in_narrow_bins() -> None:
    values = np.random.default_rng(0).normal(1e9, 1e3, 300_000)
    one = Spread()
    for part in np.array_split(values, 50):
        one.add(part)
    codes, counts = one.bins()
    assert len(codes) <= 65_536 and counts.sum() == len(values)
    at = np.searchsorted(one.values(), values, side="right") - 1
    assert np.abs(one.values()[at] - values).max() < 1.0
    assert counts.max() / len(values) < 1e-3


@given(values=numbers, others=numbers)
def test_histograms_have_round_edges_around_all_finite_numbers(values: list[float], others: list[float]) -> None:
    found = histogram("x", {"a": spread(values), "b": spread(others)})
    finite = [value for value in values + others if math.isfinite(value)]
    if not finite:
        assert found == ()
    for one in found:
        assert one.edges[0] <= min(finite) <= max(finite) < one.edges[-1]
        assert len(one.edges) <= 25
        assert sum(one.counts["a"]) == sum(math.isfinite(value) for value in values)
        assert all(len(counts) == len(one.edges) - 1 for counts in one.counts.values())


def test_histograms_of_scores_of_years_and_of_one_number() -> None:
    scores = histogram("score", {"now": spread([0.113, 0.2, 0.31, 0.9871])})[0]
    assert scores.edges[:3] == (0.1, 0.15, 0.2) and scores.edges[-1] == 1.0
    years = histogram("year", {"now": spread([1999.0, 2026.0])})[0]
    assert years.edges[0] == 1998.0 and years.edges[1] == 2000.0
    same = histogram("x", {"now": spread([7.0] * 5)})[0]
    assert sum(same.counts["now"]) == 5
