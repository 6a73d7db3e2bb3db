"""Against scipy, and plain Python where nothing ready-made computes it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2, ks_2samp, kstwobign

from mmreg.validators.columns.shift import in_deciles, ks, ks_by_chance, psi, psi_by_chance
from mmreg.validators.columns.spread import Spread

few = st.integers(-4, 4).map(float)
numbers = st.lists(few | st.floats(allow_nan=False), min_size=4, max_size=80)  # scipy divides by zero for fewer


def spread(values: list[float], limit: int = 65_536) -> Spread:
    one = Spread(limit)
    one.add(np.array(values, np.float64))
    return one


@given(before=numbers, now=numbers)
def test_ks_is_what_scipy_computes(before: list[float], now: list[float]) -> None:
    assert ks(spread(before), spread(now)) == pytest.approx(ks_2samp(before, now, method="asymp").statistic, abs=1e-12)


def test_ks_in_bins_is_at_most_the_fullest_bin_away() -> None:
    random = np.random.default_rng(1)
    before, now = random.normal(0, 1, 20_000), random.normal(0.05, 1.1, 15_000)
    exact = ks_2samp(before, now, method="asymp").statistic
    coarse, other = spread(before.tolist(), 500), spread(now.tolist(), 500)
    shift = max(coarse.shift, other.shift)
    fullest = max(one.bins(shift)[1].max() / len(one) for one in (coarse, other))
    assert exact - fullest <= ks(coarse, other) <= exact


def plain_psi(before: list[float], now: list[float]) -> float:
    ordered = sorted(before)
    deciles = [ordered[math.ceil(tenth * len(before) / 10) - 1] for tenth in range(1, 11)]
    total = 0.0
    lower = [-math.inf, *sorted({math.nextafter(ordered[0], -math.inf), *deciles})]
    for i, low in enumerate(lower):
        high = lower[i + 1] if i + 1 < len(lower) else math.inf
        inside = [sum(low < x <= high or (i == 0 and x == low) for x in rows) for rows in (before, now)]
        if any(inside):
            e, a = (max(count, 0.5) / len(rows) for count, rows in zip(inside, (before, now), strict=True))
            total += (a - e) * math.log(a / e)
    return total


finite = st.lists(few | st.floats(-1e9, 1e9), min_size=1, max_size=80)


@given(before=finite, now=finite)
def test_psi_is_what_its_formula_says(before: list[float], now: list[float]) -> None:
    assert psi(*in_deciles(spread(before), spread(now))) == pytest.approx(plain_psi(before, now), abs=1e-9)


def test_psi_of_one_value_that_became_another_is_large() -> None:
    for other in (4.0, 6.0):
        assert psi(*in_deciles(spread([5.0] * 100), spread([other] * 100))) > 5


@pytest.mark.parametrize("bins", [2, 5, 12, 23])
def test_the_approximation_of_chi_squared(bins: int) -> None:
    assert psi_by_chance(100, 50, bins) == pytest.approx(0.03 * chi2.ppf(0.95, bins - 1), rel=0.03)


def test_the_limit_of_smirnov() -> None:
    assert ks_by_chance(200, 300) == pytest.approx(kstwobign.ppf(0.95) * math.sqrt(1 / 200 + 1 / 300), rel=1e-3)


@pytest.mark.parametrize("measure", ["psi", "ks"])
def test_chance_alone_seldom_goes_beyond_what_is_said_of_it(measure: str) -> None:
    random = np.random.default_rng(7)
    beyond = 0
    for _ in range(300):
        before, now = (spread(random.normal(size=size).tolist()) for size in (400, 250))
        if measure == "ks":
            beyond += ks(before, now) > ks_by_chance(400, 250)
        else:
            beyond += psi(*in_deciles(before, now)) > psi_by_chance(400, 250, 10)
    assert 1 <= beyond <= 45
