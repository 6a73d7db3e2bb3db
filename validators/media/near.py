"""Which rows have a picture that is nearly one of an earlier row: by 64-bit perceptual hashes, all held in memory."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mmreg.validators.media.hamming import Indexes, near_pairs

Hashes = NDArray[np.uint64]


@dataclass(frozen=True)
class Near:
    """For each row: ``of`` is the earliest row that it is near to, itself where there is none; ``bits`` differ."""

    of: Indexes
    bits: NDArray[np.uint8]


def nearest_earlier(hashes: Hashes, groups: NDArray[np.int64] | None, distance: int) -> Near:
    """Rows whose hashes differ in at most ``distance`` bits; with ``groups`` only rows of different ones.

    Of two groups the lower number is earlier, else the lower row. Memory: some 60 bytes a row, and what
    `mmreg.validators.media.hamming` needs.
    """
    order = np.arange(len(hashes)) if groups is None else np.argsort(groups, kind="stable")
    different, first, number = np.unique(hashes[order], return_index=True, return_inverse=True)
    best = first.copy()
    for a, b in near_pairs(different, distance, _asking(groups, order, number)):
        np.minimum.at(best, a, first[b])
        np.minimum.at(best, b, first[a])
    place = best[number]
    rows = np.arange(len(order))
    earlier = place < rows if groups is None else groups[order][place] < groups[order][rows]
    of = np.empty_like(order)
    of[order] = order[np.where(earlier, place, rows)]
    return Near(of, np.bitwise_count(hashes ^ hashes[of]))


def _asking(groups: NDArray[np.int64] | None, order: Indexes, number: Indexes) -> NDArray[np.bool_] | None:
    """Which different hashes are looked up: all, but those of the first group alone, as they find no earlier one."""
    if groups is None or not len(order):
        return None
    later = np.zeros(int(number.max()) + 1, np.bool_)
    later[number[groups[order] > groups[order[0]]]] = True
    return later
