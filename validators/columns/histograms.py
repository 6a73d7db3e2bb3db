"""Histograms to look at: few bins, between round numbers."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from math import floor, isfinite, log10

import numpy as np

from mmreg.schemas.check import Histogram
from mmreg.validators.columns.spread import Spread

_BINS = 20


def histogram(title: str, series: Mapping[str, Spread]) -> tuple[Histogram, ...]:
    """How the numbers of each are spread, in the same bins; none where there are no finite numbers.

    Edges are round, so that they do not tell the smallest and the largest cell. Infinite numbers are left out.
    """
    finite = [values[np.isfinite(values)] for values in (spread.values() for spread in series.values())]
    there = np.concatenate(finite)
    if not len(there):
        return ()
    edges = _edges(float(there.min()), float(there.max()))
    if edges is None:
        return ()
    counts = {}
    for name, spread in series.items():
        values, rows = spread.values(), spread.bins()[1]
        known = np.isfinite(values)
        binned = np.histogram(values[known], bins=np.array(edges), weights=rows[known])[0]
        counts[name] = tuple(int(count) for count in binned)
    return (Histogram(title, counts, edges),)


def _edges(low: float, high: float) -> tuple[float, ...] | None:
    """Round numbers from ``low`` or less to more than ``high``; None where floats are too coarse or small for that."""
    wide = (high - low) / _BINS or abs(low) / _BINS or 1 / _BINS
    if not isfinite(wide) or wide < 1e-300:
        return None
    power = 10.0 ** floor(log10(wide))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= wide)
    digits = max(0, -floor(log10(power)))
    first = floor(low / step)
    edges = tuple(round((first + i) * step, digits) for i in range(floor(high / step) - first + 2))
    rising = all(before < after for before, after in pairwise(edges))
    return edges if rising and edges[0] <= low and high < edges[-1] else None
