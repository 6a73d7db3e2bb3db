"""Which rows are looked at where not all are: the same from version to version, as they go by their stable row ids."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_FIRST, _SECOND, _STEP = 0xBF58476D1CE4E5B9, 0x94D049BB133111EB, 0x9E3779B97F4A7C15


def halvings_for(wanted: int | None, rows: int) -> int:
    """How often ``rows`` are halved until a sample of fewer than twice the ``wanted`` rows is left, on average.

    0 where all of them are looked at. Powers of two keep samples of a growing dataset within each other.
    """
    return max(0, (rows // wanted).bit_length() - 1) if wanted else 0


def is_sampled(row_ids: NDArray[np.uint64], halvings: int) -> NDArray[np.bool_]:
    """Whether a hash of each id lies in the lowest 2**-halvings of all hashes."""
    if not halvings:
        return np.ones(len(row_ids), bool)
    chosen: NDArray[np.bool_] = _mixed(row_ids) >> np.uint64(64 - halvings) == 0
    return chosen


def _mixed(row_ids: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """A bijection of 64 bits in which neighbours are strangers: the finalizer of SplitMix64."""
    mixed = row_ids + np.uint64(_STEP)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(_FIRST)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(_SECOND)
    return mixed ^ (mixed >> np.uint64(31))
