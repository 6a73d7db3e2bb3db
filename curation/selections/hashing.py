"""Where a row falls: a seeded hash of its identity."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xxhash
from numpy.typing import NDArray


def hashes(keys: Sequence[bytes], seed: int = 0) -> NDArray[np.uint64]:
    """64 bits for each key."""
    return np.fromiter((xxhash.xxh3_64_intdigest(key, seed=seed) for key in keys), np.uint64, len(keys))


def first_by_hash(positions: NDArray[np.uint64], count: int) -> NDArray[np.bool_]:
    """The ``count`` rows with the smallest hashes, as a mask: an appended row takes the place of at most one."""
    chosen = np.zeros(len(positions), bool)
    chosen[np.argsort(positions, kind="stable")[:count]] = True
    return chosen
