"""How numbers are spread, in bounded memory and whatever the order in which they come."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

_SIGN = np.int64(0x7FFF_FFFF_FFFF_FFFF)


class Spread:
    """A histogram with at most ``limit`` bins, each as wide as one value while there are not more different ones.

    A bin holds the 64-bit floats that agree in all but their last ``shift`` bits, so that bins follow the precision of
    floats: narrow around zero, each within a few percent or far less of its values. ``shift`` grows until the bins are
    few enough. As coarser bins are unions of finer ones, it ends where it would if all numbers had come at once: the
    result does not depend on order, batches or merging.
    """

    def __init__(self, limit: int = 65_536, shift: int = 0) -> None:
        self._limit, self._shift = limit, shift
        self._codes = np.empty(0, np.int64)
        self._counts = np.empty(0, np.int64)
        self._waiting: list[NDArray[np.float64]] = []
        self._waits = 0

    def add(self, numbers: NDArray[np.float64]) -> None:
        """Count ``numbers``, none of which is NaN."""
        self._waiting.append(numbers)
        self._waits += len(numbers)
        if self._waits >= self._limit:
            self._fold()

    def __len__(self) -> int:
        """How many numbers there were."""
        return int(self._counts.sum()) + self._waits

    @property
    def shift(self) -> int:
        self._fold()
        return self._shift

    def bins(self, shift: int | None = None) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The codes of the bins, ascending, and how many numbers are in each; with coarser bins where asked."""
        self._fold()
        more = 0 if shift is None else shift - self._shift
        return _grouped(self._codes >> more, self._counts)

    def values(self) -> NDArray[np.float64]:
        """The smallest number that each bin can hold: the very numbers while ``shift`` is 0."""
        self._fold()
        return _numbers(self._codes << self._shift)

    def state(self) -> dict[str, Any]:
        self._fold()
        return {"shift": self._shift, "codes": self._codes.tolist(), "counts": self._counts.tolist()}

    def merge(self, state: Mapping[str, Any]) -> Self:
        """Count what another one has counted."""
        self._fold()
        codes, counts = np.array(state["codes"], np.int64), np.array(state["counts"], np.int64)
        shift = max(self._shift, state["shift"])
        own = self._codes >> (shift - self._shift)
        self._shift = shift
        self._take(np.concatenate([own, codes >> (shift - state["shift"])]), np.concatenate([self._counts, counts]))
        return self

    def _fold(self) -> None:
        if not self._waits:
            return
        codes = _codes(np.concatenate(self._waiting)) >> self._shift
        self._waiting, self._waits = [], 0
        self._take(np.concatenate([self._codes, codes]), np.concatenate([self._counts, np.ones_like(codes)]))

    def _take(self, codes: NDArray[np.int64], counts: NDArray[np.int64]) -> None:
        self._codes, self._counts = _grouped(codes, counts)
        while len(self._codes) > self._limit:
            self._shift += 1
            self._codes, self._counts = _grouped(self._codes >> 1, self._counts)


def _grouped(codes: NDArray[np.int64], counts: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    order = np.argsort(codes, kind="stable")
    codes, counts = codes[order], counts[order]
    first = np.flatnonzero(np.diff(codes, prepend=codes[:1] - 1)) if len(codes) else np.empty(0, np.intp)
    return codes[first], np.add.reduceat(counts, first) if len(first) else counts


def _codes(numbers: NDArray[np.float64]) -> NDArray[np.int64]:
    """Integers in the order of the numbers; -0.0 is 0.0."""
    bits = (numbers + 0.0).view(np.int64)
    return np.where(bits < 0, bits ^ _SIGN, bits)


def _numbers(codes: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.where(codes < 0, codes ^ _SIGN, codes).view(np.float64)
