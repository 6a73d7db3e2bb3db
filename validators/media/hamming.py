"""Which of many 64-bit hashes differ in few bits: exact, without comparing all with all.

Divide the 64 bits into ``b`` bands. Two hashes that differ in at most ``d`` bits agree in at least one band up to
``d // b`` bits. So each band gets a table from its value to the hashes that have it, every hash is looked up in it
with each set of ``d // b`` bits or fewer flipped, and what is found there is compared in full.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from math import comb

import numpy as np
from numpy.typing import NDArray

Indexes = NDArray[np.int64]

BITS = 64
MOST = 12
"""The largest distance that is looked for: the work grows several times with every two bits."""
_BANDS = range(3, 13)
"""Two bands would need tables of 2**32 entries."""
_CANDIDATES = 1 << 20
"""Pairs that are compared at a time: some 50 MB."""
_CANDIDATE, _LOOKUP, _STEP = 4, 2, 10_000
"""What a pair out of a table costs, looking up one hash, and a round of all of them; 1 is a pair of all with all."""


def near_pairs(
    hashes: NDArray[np.uint64], distance: int, new: NDArray[np.bool_] | None = None
) -> Iterator[tuple[Indexes, Indexes]]:
    """Pairs of places in ``hashes`` (all different) whose hashes differ in at most ``distance`` bits, in portions.

    With ``new`` only pairs of which one or both are new. Every such pair comes at least once. Memory: 32 bytes a
    hash, tables of at most 16 MiB and one portion.
    """
    if not 0 < distance <= MOST:
        return
    asking = np.arange(len(hashes)) if new is None else np.flatnonzero(new)
    bands = _cheapest(len(hashes), len(asking), distance)
    if bands is None:
        yield from _all_pairs(hashes, asking, distance)
        return
    for band in range(bands):
        yield from _band_pairs(hashes, asking, distance, bands, band, whole=new is None)


class Components:
    """Which of ``n`` things hang together, by the pairs that are joined."""

    def __init__(self, n: int) -> None:
        self._above = np.arange(n)

    def join(self, a: Indexes, b: Indexes) -> None:
        while len(a):
            a, b = self._roots(a), self._roots(b)
            apart = a != b
            a, b = a[apart], b[apart]
            np.minimum.at(self._above, np.maximum(a, b), np.minimum(a, b))

    def labels(self) -> Indexes:
        """For each thing the lowest number among those that it hangs together with."""
        return self._roots(np.arange(len(self._above)))

    def _roots(self, things: Indexes) -> Indexes:
        roots = self._above[things]
        while True:
            higher = self._above[roots]
            if np.array_equal(higher, roots):
                break
            roots = higher
        self._above[things] = roots
        return roots


def _cheapest(hashes: int, asking: int, distance: int) -> int | None:
    """The number of bands with the least work for hashes without a pattern; None: comparing all costs less."""
    least, bands = float(hashes * asking), None
    for number in _BANDS:
        width = -(-BITS // number)
        steps = number * sum(comb(width, flipped) for flipped in range(distance // number + 1))
        cost = steps * (_STEP + asking * (_LOOKUP + _CANDIDATE * hashes / 2**width)) + number * 2**width
        if cost < least:
            least, bands = cost, number
    return bands


def _all_pairs(hashes: NDArray[np.uint64], asking: Indexes, distance: int) -> Iterator[tuple[Indexes, Indexes]]:
    step = max(1, _CANDIDATES // max(1, len(hashes)))
    for start in range(0, len(asking), step):
        portion = asking[start : start + step]
        near = np.bitwise_count(hashes[portion, None] ^ hashes) <= distance
        near[np.arange(len(portion)), portion] = False
        first, second = np.nonzero(near)
        yield portion[first], second


def _band_pairs(
    hashes: NDArray[np.uint64], asking: Indexes, distance: int, bands: int, band: int, *, whole: bool
) -> Iterator[tuple[Indexes, Indexes]]:
    bits = range(band, BITS, bands)
    keys = _gathered(hashes, bits)
    order = np.argsort(keys, kind="stable")
    starts = np.zeros((1 << len(bits)) + 1, np.int32)
    np.cumsum(np.bincount(keys, minlength=1 << len(bits)), out=starts[1:])
    # In the order of their keys: neighbours then look near each other, in what the processor's cache holds.
    asking = asking[np.argsort(keys[asking], kind="stable")]
    asked = keys[asking]
    for flips in _flips(len(bits), distance // bands):
        lowest = flips & -flips
        # Of two hashes that ask for each other one is enough: the one whose lowest flipped bit is not set.
        half = np.flatnonzero(asked & lowest == 0) if whole and flips else slice(None)
        looked = asked[half] ^ flips
        first = starts[looked]
        counts = starts[looked + 1] - first
        found = np.flatnonzero(counts)
        for these, those in _spread(asking[half][found], first[found], counts[found]):
            others = order[those]
            near = np.bitwise_count(hashes[these] ^ hashes[others]) <= distance
            if not flips:
                near &= these != others
            yield these[near], others[near]


def _gathered(hashes: NDArray[np.uint64], bits: range) -> Indexes:
    """The given bits of every hash, side by side. Bits far apart make a band: near ones are often alike."""
    keys = np.zeros(len(hashes), np.int64)
    for place, bit in enumerate(bits):
        keys |= ((hashes >> np.uint64(bit)) & np.uint64(1)).astype(np.int64) << place
    return keys


def _flips(width: int, most: int) -> Iterator[int]:
    """Every set of at most ``most`` of ``width`` bits, the empty one first."""
    for number in range(most + 1):
        for bits in combinations(range(width), number):
            yield sum(1 << bit for bit in bits)


def _spread(rows: Indexes, first: NDArray[np.int32], counts: NDArray[np.int32]) -> Iterator[tuple[Indexes, Indexes]]:
    """Each row with each place of its range ``[first, first + count)``, about `_CANDIDATES` at a time."""
    ends = np.cumsum(counts, dtype=np.int64)
    start = 0
    while start < len(rows):
        before = int(ends[start - 1]) if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, before + _CANDIDATES, side="right")))
        number = counts[start:stop]
        within = np.arange(int(ends[stop - 1]) - before) - np.repeat(ends[start:stop] - number - before, number)
        yield np.repeat(rows[start:stop], number), np.repeat(first[start:stop], number) + within
        start = stop
