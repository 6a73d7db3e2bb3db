"""How far two distributions are apart, and how far chance alone takes them."""

from __future__ import annotations

from math import log, sqrt

import numpy as np
from numpy.typing import NDArray

from mmreg.validators.columns.spread import Spread

Counts = NDArray[np.int64]
_Z95 = 1.6448536269514722
"""The 0.95-quantile of the normal distribution."""


def psi(before: Counts, now: Counts) -> float:
    """The population stability index of counts in the same bins: the sum of (a - e) ln(a / e) over their shares.

    As N. Siddiqi (Credit Risk Scorecards, 2006) has it; it is J. Jeffreys' divergence (1946). A bin that only one of
    the two has counts there as half a row, as the logarithm of nothing is infinite.
    """
    there = (before > 0) | (now > 0)
    e = np.maximum(before[there], 0.5) / before.sum()
    a = np.maximum(now[there], 0.5) / now.sum()
    return float(np.sum((a - e) * np.log(a / e)))


def psi_by_chance(before: int, now: int, bins: int) -> float:
    """What the index of two samples of one distribution stays below in 95 of 100 cases.

    It is spread as (1/n + 1/m) times chi-squared with one degree of freedom less than there are bins (B. Yurdakul and
    J. Naranjo, Statistical properties of the population stability index, 2020), here by the approximation of E. B.
    Wilson and M. M. Hilferty (1931).
    """
    free = max(1, bins - 1)
    chi_squared = free * (1 - 2 / (9 * free) + _Z95 * sqrt(2 / (9 * free))) ** 3
    return float((1 / before + 1 / now) * chi_squared)


def ks(before: Spread, now: Spread) -> float:
    """The two-sample statistic of Kolmogorov and Smirnov: the largest distance of the distribution functions.

    Exact where neither has more different numbers than bins, else less than the share of the fullest bin too small.
    """
    shift = max(before.shift, now.shift)
    (codes, counts), (others, other) = before.bins(shift), now.bins(shift)
    every = np.union1d(codes, others)
    return float(np.abs(_below(every, codes, counts) - _below(every, others, other)).max())


def ks_by_chance(before: int, now: int) -> float:
    """What the statistic of two samples of one distribution stays below in 95 of 100 cases (N. Smirnov, 1948)."""
    return sqrt(-log(0.05 / 2) / 2) * sqrt((before + now) / (before * now))


def in_deciles(before: Spread, now: Spread) -> tuple[Counts, Counts]:
    """Both counted in bins between the deciles of ``before``, and in one below and one above all its numbers."""
    shift = max(before.shift, now.shift)
    (codes, counts), (others, other) = before.bins(shift), now.bins(shift)
    upto = np.cumsum(counts)
    edges = codes  # of no numbers no deciles
    if len(codes):
        nth = -(-np.arange(1, 11) * upto[-1] // 10)
        edges = np.unique(np.concatenate([codes[:1] - 1, codes[np.searchsorted(upto, nth)]]))
    size = len(edges) + 1
    return _in(edges, codes, counts, size), _in(edges, others, other, size)


def _below(at: Counts, codes: Counts, counts: Counts) -> NDArray[np.float64]:
    upto = np.concatenate([[0], np.cumsum(counts)])
    share: NDArray[np.float64] = upto[np.searchsorted(codes, at, side="right")] / upto[-1]
    return share


def _in(edges: Counts, codes: Counts, counts: Counts, size: int) -> Counts:
    """Counts of the bins that end with each edge, and of the one after the last."""
    return np.bincount(np.searchsorted(edges, codes), weights=counts, minlength=size).astype(np.int64)
