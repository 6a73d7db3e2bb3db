"""Sums of numbers without any rounding: the same whatever the order and however they are cut into batches."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

_UNIT = 1126
"""Every float is a whole multiple of 2**-1126: a mantissa of 53 bits times at least 2**-1126."""


class Moments:
    """How many numbers there were, their sum and the sum of their squares.

    Sums are integers of 2**-1126 (squares: of 2**-2252), so nothing is lost until somebody asks.
    """

    def __init__(self) -> None:
        self.count = 0
        self._total = self._squares = 0
        self._above = self._below = 0  # how many are inf and -inf

    def add(self, values: NDArray[Any]) -> None:
        """Count in numbers, none of them NaN. Integers are summed as they are and squared as floats."""
        self.count += len(values)
        if values.dtype.kind in "iu":
            self._total += _sum(values.astype(np.int64)) << _UNIT
            self._add_floats(values.astype(np.float64), total=False)
            return
        floats = values.astype(np.float64)
        finite = np.isfinite(floats)
        if not finite.all():
            self._above += int((floats == math.inf).sum())
            self._below += int((floats == -math.inf).sum())
            floats = floats[finite]
        self._add_floats(floats, total=True)

    def _add_floats(self, floats: NDArray[np.float64], *, total: bool) -> None:
        mantissas, exponents = np.frexp(floats)
        whole = (mantissas * 2.0**53).astype(np.int64)
        for exponent in np.unique(exponents).tolist():
            chosen = whole[exponents == exponent]
            shift = exponent - 53 + _UNIT
            if total:
                self._total += _sum(chosen) << shift
            high, low = chosen >> 26, chosen & (2**26 - 1)
            squares = (_sum(high * high) << 52) + (_sum(high * low) << 27) + _sum(low * low)
            self._squares += squares << 2 * shift

    def sum(self) -> float:
        """The sum, rounded once; NaN where both infinities are in it."""
        if self._above or self._below:
            return math.nan if self._above and self._below else math.inf if self._above else -math.inf
        return _divided(self._total, 1 << _UNIT)

    def whole_sum(self) -> int:
        """The sum of integers."""
        return self._total >> _UNIT

    def mean(self) -> float:
        """The mean, rounded once; NaN of no numbers."""
        if not self.count:
            return math.nan
        return self.sum() if self._above or self._below else _divided(self._total, self.count << _UNIT)

    def stdev(self) -> float:
        """The standard deviation of a sample (n - 1); NaN of fewer than two numbers."""
        if self.count < 2 or self._above or self._below:
            return math.nan
        spread = self.count * self._squares - self._total**2
        return math.sqrt(max(0.0, _divided(spread, self.count * (self.count - 1) << 2 * _UNIT)))

    def state(self) -> dict[str, Any]:
        return {
            "count": self.count,
            "total": hex(self._total),
            "squares": hex(self._squares),
            "above": self._above,
            "below": self._below,
        }

    def merge(self, state: Mapping[str, Any]) -> None:
        self.count += state["count"]
        self._total += int(state["total"], 16)
        self._squares += int(state["squares"], 16)
        self._above += state["above"]
        self._below += state["below"]


def _sum(whole: NDArray[np.int64]) -> int:
    """The exact sum of up to 2**31 integers of 64 bits."""
    return (int((whole >> 32).sum()) << 32) + int((whole & 0xFFFFFFFF).sum())


def _divided(dividend: int, divisor: int) -> float:
    try:
        return dividend / divisor
    except OverflowError:
        return math.inf if dividend > 0 else -math.inf
