"""Hashes of 64 bits that differ in few of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mmreg.validators.media.hamming import BITS, near_pairs


class NearHashes:
    """Near are hashes that differ in at most ``distance`` bits."""

    block_rows = 1 << 20

    def __init__(self, distance: int) -> None:
        self._distance = distance

    def read(self, cells: pa.Array[Any]) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        hashes = cells.drop_null().to_numpy(zero_copy_only=False).view(np.uint64)
        return hashes, np.asarray(cells.is_valid().to_numpy(zero_copy_only=False), bool)

    def nearest(self, here: NDArray[Any], there: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        ours, back = np.unique(here, return_inverse=True)
        theirs, places = np.unique(there, return_index=True)
        both = np.union1d(ours, theirs)
        of_ours, of_theirs = np.searchsorted(both, ours), np.searchsorted(both, theirs)
        mine, yours = np.zeros(len(both), bool), np.zeros(len(both), bool)
        mine[of_ours], yours[of_theirs] = True, True
        distance = np.where(mine & yours, 0, BITS + 1)
        partner = np.arange(len(both))
        for a, b in near_pairs(both, self._distance, new=mine if len(ours) < len(theirs) else yours):
            for one, other in ((a, b), (b, a)):
                apart = mine[one] & yours[other]
                _nearer(both, distance, partner, one[apart], other[apart])
        found = np.full(len(both), -1, np.int64)
        near = distance <= self._distance
        at = np.full(len(both), -1, np.int64)
        at[of_theirs] = places
        found[near] = at[partner[near]]
        return found[of_ours][back], -distance[of_ours][back].astype(np.float64)

    def said(self, nearness: float) -> str:
        return f"differs in {-nearness:.0f} bits from"


def _nearer(
    hashes: NDArray[np.uint64],
    distance: NDArray[np.int64],
    partner: NDArray[np.int64],
    one: NDArray[np.int64],
    other: NDArray[np.int64],
) -> None:
    """Take note of the pairs that are nearer than what was known; the nearest of each hash wins."""
    apart = np.bitwise_count(hashes[one] ^ hashes[other]).astype(np.int64)
    order = np.argsort(-apart, kind="stable")  # of several assignments to a place the last stays
    order = order[apart[order] < distance[one[order]]]
    distance[one[order]] = apart[order]
    partner[one[order]] = other[order]
