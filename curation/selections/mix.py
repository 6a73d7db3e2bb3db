"""Mixtures: how many rows each dataset gives, and which."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from mmreg.curation.selections.hashing import first_by_hash


@dataclass(frozen=True)
class Share:
    """What one dataset brings to a mixture: its ``weight`` (of 1), the rows that it has, and those that it gives."""

    weight: float
    supply: int
    wanted: int
    rows: int


def shares(weights: Mapping[str, float], supply: Mapping[str, int], total: int | None) -> dict[str, Share]:
    """How many rows each dataset gives to a mixture of ``total`` rows, each row once.

    None: as many as can be had with exactly these weights, up to rounding. Where a dataset has fewer than its part
    of ``total``, it gives all that it has and the others give no more for it.
    """
    parts = {name: Fraction(str(weight)) for name, weight in weights.items()}
    whole = sum(parts.values())
    parts = {name: part / whole for name, part in parts.items()}
    if total is None:
        total = int(min(supply[name] / part for name, part in parts.items()))
    wanted = _rounded({name: part * total for name, part in parts.items()}, total)
    return {
        name: Share(float(part), supply[name], wanted[name], min(wanted[name], supply[name]))
        for name, part in parts.items()
    }


def drawn(part: NDArray[np.int64], positions: NDArray[np.uint64], counts: list[int]) -> NDArray[np.bool_]:
    """Which rows are drawn: of each dataset, as ``part`` numbers them, the ``counts`` with the smallest hashes."""
    chosen = np.zeros(len(part), bool)
    for number, count in enumerate(counts):
        own = np.flatnonzero(part == number)
        chosen[own[first_by_hash(positions[own], count)]] = True
    return chosen


def _rounded(quotas: Mapping[str, Fraction], total: int) -> dict[str, int]:
    """Whole numbers that add up to ``total``: the largest remainders are rounded up, the first of equal ones first."""
    counts = {name: int(quota) for name, quota in quotas.items()}
    by_remainder = sorted(quotas, key=lambda name: counts[name] - quotas[name])
    for name in by_remainder[: total - sum(counts.values())]:
        counts[name] += 1
    return counts
