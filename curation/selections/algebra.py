"""Set algebra: rows by which other datasets have them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from mmreg.schemas.declaration import PassSpec

Masks = Mapping[str, NDArray[np.bool_]]
"""For each dataset that is named: which of the rows it has."""


def outside(spec: PassSpec, rows: int, within: Masks) -> list[tuple[str, NDArray[np.bool_]]]:
    """For each condition of ``spec`` on other datasets what it says, and which of the ``rows`` do not fulfil it."""
    found = [(f"all_of: not in {name}", ~within[name]) for name in spec.all_of]
    if spec.any_of:
        either = np.zeros(rows, bool)
        for name in spec.any_of:
            either |= within[name]
        found.append((f"any_of: in none of {', '.join(spec.any_of)}", ~either))
    return found + [(f"none_of: in {name}", within[name]) for name in spec.none_of]
