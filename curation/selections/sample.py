"""A seeded sample."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mmreg.curation.selections.hashing import first_by_hash
from mmreg.schemas.declaration import SampleSpec


def sampled(positions: NDArray[np.uint64], sample: SampleSpec, like: int | None = None) -> NDArray[np.bool_]:
    """Which rows are drawn, by the seeded hashes of who they are; ``like`` is the size of the dataset it names.

    A share is drawn row by row: about that many, and an appended row moves no other. A number is drawn exactly, by the
    smallest hashes: an appended row takes the place of at most one.
    """
    wanted = sample.rows if sample.rows is not None else like
    if wanted is not None:
        return first_by_hash(positions, wanted)
    assert sample.fraction is not None
    drawn: NDArray[np.bool_] = positions.astype(np.float64) < sample.fraction * 2.0**64
    return drawn if sample.fraction < 1 else np.ones(len(positions), bool)
