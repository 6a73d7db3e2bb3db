"""How measured numbers are spread: counts between fixed edges, so that what was seen of parts adds up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mmreg.schemas.check import Histogram


class Spread:
    """Counts of numbers between ``edges``, ascending; what lies beyond is counted with the nearest, NaN not at all."""

    def __init__(self, title: str, edges: Sequence[float]) -> None:
        self._title, self._edges = title, np.array(edges)
        self._counts = np.zeros(len(edges) - 1, np.int64)
        self._low, self._high = float("inf"), float("-inf")

    def add(self, values: Sequence[float]) -> None:
        known = np.array(values, np.float64)
        known = known[~np.isnan(known)]
        if len(known):
            self._low, self._high = min(self._low, float(known.min())), max(self._high, float(known.max()))
            self._counts += np.histogram(np.clip(known, self._edges[0], self._edges[-1]), self._edges)[0]

    def state(self) -> dict[str, Any]:
        """JSON; nothing where nothing was seen, as it has no infinity."""
        seen = {"low": self._low, "high": self._high} if self._counts.any() else {}
        return {"counts": self._counts.tolist(), **seen}

    def merge(self, state: Mapping[str, Any]) -> None:
        if "low" in state:
            self._low, self._high = min(self._low, state["low"]), max(self._high, state["high"])
            self._counts += np.array(state["counts"], np.int64)

    def numbers(self) -> dict[str, float]:
        return {"min": self._low, "max": self._high} if self._counts.any() else {}

    def histograms(self) -> tuple[Histogram, ...]:
        """One, from the first to the last edge that anything lies between; none where nothing was seen."""
        seen = np.flatnonzero(self._counts)
        if not len(seen):
            return ()
        first, last = int(seen[0]), int(seen[-1])
        counts = tuple(self._counts[first : last + 1].tolist())
        return (Histogram(self._title, {"values": counts}, tuple(self._edges[first : last + 2].tolist())),)
