"""Splits: every row in one, whole groups together."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmreg.errors import UsageError
from mmreg.schemas.cells import Column, values


@dataclass(frozen=True)
class SplitParams:
    """``fractions`` maps each named split to its share; what is left is ``rest`` (by default ``train``)."""

    fractions: Mapping[str, float]
    group: str | None = None
    seed: int = 0
    rest: str = "train"

    @classmethod
    def parse(cls, params: Mapping[str, Any], where: str) -> SplitParams:
        known = {k: v for k, v in params.items() if k in ("group", "seed", "rest")}
        fractions = {k: v for k, v in params.items() if k not in known}
        for name, share in fractions.items():
            if not isinstance(share, int | float) or isinstance(share, bool) or not 0 < share < 1:
                raise UsageError(f"{where}: the share of split {name!r} must lie between 0 and 1, not {share!r}")
        if not fractions or math.fsum(fractions.values()) > 1:
            raise UsageError(
                f"{where}: give each split but the rest a share, together at most 1",
                hint="params: {test: 0.1}",
            )
        parsed = cls(fractions, known.get("group"), known.get("seed", 0), known.get("rest", "train"))
        if parsed.rest in fractions:
            raise UsageError(f"{where}: {parsed.rest!r} is what is left: it needs no share")
        return parsed

    @property
    def names(self) -> tuple[str, ...]:
        """The splits by number."""
        return (self.rest, *self.fractions)


def split_keys(sample_ids: list[bytes], groups: Column | None) -> list[bytes]:
    """By what each row finds its split: rows of one group share it, rows whose group is null stand for themselves."""
    if groups is None:
        return sample_ids
    return [s if g is None else b"g" + repr(g).encode() for g, s in zip(values(groups), sample_ids, strict=True)]


def splits(positions: NDArray[np.uint64], params: SplitParams) -> NDArray[np.int8]:
    """The number of each row's split, by the seeded hashes of its key."""
    place = positions.astype(np.float64) / 2.0**64
    numbers = np.zeros(len(positions), np.int8)
    edge = 0.0
    for number, share in enumerate(params.fractions.values(), start=1):
        numbers[(place >= edge) & (place < edge + share)] = number
        edge += share
    return numbers
