"""A set of 128-bit digests, 16 bytes each."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Digests = NDArray[np.uint64]
"""Shape (2, n): the high and the low words of n digests."""


class DigestSet:
    """Remember digests, and say of new ones which were there before.

    They lie in sorted runs, each more than twice as long as the next, so that there are few runs and each
    digest is merged few times. Memory: 16 bytes a distinct digest, and some three times that for the moment
    in which the longest runs merge.
    """

    def __init__(self) -> None:
        self._runs: list[Digests] = []

    def add(self, digests: Digests) -> NDArray[np.bool_]:
        """Remember ``digests``; True for each that an earlier one equals, in this call or before it."""
        order = _order(digests)
        ordered = digests[:, order]
        known = np.zeros(len(order), dtype=np.bool_)
        known[1:] = (ordered[:, 1:] == ordered[:, :-1]).all(axis=0)
        for run in self._runs:
            known |= _contains(run, ordered)
        self._keep(ordered[:, ~known])
        repeated = np.empty_like(known)
        repeated[order] = known
        return repeated

    def _keep(self, run: Digests) -> None:
        while self._runs and self._runs[-1].shape[1] <= 2 * run.shape[1]:
            merged = np.concatenate([self._runs.pop(), run], axis=1)
            run = merged[:, _order(merged)]
        self._runs.append(run)


def _order(digests: Digests) -> NDArray[np.intp]:
    """Ascending; equal digests stay in the order they came."""
    return np.lexsort((digests[1], digests[0]))


def _contains(run: Digests, digests: Digests) -> NDArray[np.bool_]:
    found = np.zeros(digests.shape[1], dtype=np.bool_)
    if run.shape[1] == 0:
        return found
    at = np.searchsorted(run[0], digests[0])
    while True:  # one step, unless the high words of different digests agree
        inside = np.minimum(at, run.shape[1] - 1)
        same_high = (at < run.shape[1]) & (run[0, inside] == digests[0])
        found |= same_high & (run[1, inside] == digests[1])
        going = same_high & ~found
        if not going.any():
            return found
        at = at + going
