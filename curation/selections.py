"""The built-in selections, pure: from the rows of a root to which of them a derived dataset keeps.

`filter` keeps rows that fulfil a predicate, then as many as ``sample`` says; `split` keeps all and gives each a
split, whole groups together. Both decide by a seeded hash of the row's own identity, never by its position, so that
appended rows move no other row.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import xxhash
from numpy.typing import NDArray

from mmreg.errors import UsageError
from mmreg.registry.selection import Selection
from mmreg.schemas.cells import Column, values
from mmreg.schemas.declaration import SampleSpec

SELECTIONS = ("filter", "split")


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


def sample_rows(
    row_ids: NDArray[np.uint64], sample_ids: list[bytes], sample: SampleSpec, like: int | None
) -> NDArray[np.uint64]:
    """The ``row_ids`` drawn by ``sample``, ascending; ``like`` is the size of the dataset that it names."""
    wanted = sample.rows if sample.rows is not None else like
    if wanted is None:
        assert sample.fraction is not None
        wanted = round(sample.fraction * len(row_ids))
    order = np.argsort(_hashes(sample_ids, sample.seed), kind="stable")
    return np.sort(row_ids[order[:wanted]])


def split_rows(
    row_ids: NDArray[np.uint64], sample_ids: list[bytes], groups: Column | None, params: SplitParams
) -> Selection:
    """Each row with its split. Rows of one group share it; rows whose group is null stand for themselves."""
    keys = sample_ids
    if groups is not None:
        keys = [s if g is None else b"g" + repr(g).encode() for g, s in zip(values(groups), sample_ids, strict=True)]
    position = _hashes(keys, params.seed).astype(np.float64) / 2.0**64
    names = (params.rest, *params.fractions)
    splits = np.zeros(len(row_ids), np.int8)
    edge = 0.0
    for number, share in enumerate(params.fractions.values(), start=1):
        splits[(position >= edge) & (position < edge + share)] = number
        edge += share
    order = np.argsort(row_ids)
    return Selection(row_ids[order], splits[order], names)


def _hashes(keys: list[bytes], seed: int) -> NDArray[np.uint64]:
    return np.array([xxhash.xxh3_64_intdigest(key, seed=seed) for key in keys], np.uint64)
