"""What became of each row so far: kept, or dropped for the first reason that applied."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


class Fates:
    """``codes``: 0 for a row that is kept, n for one that was dropped for the n-th of ``reasons``."""

    def __init__(self, rows: int) -> None:
        self.codes = np.zeros(rows, np.int32)
        self.reasons: list[str] = []

    @property
    def kept(self) -> NDArray[np.bool_]:
        mask: NDArray[np.bool_] = self.codes == 0
        return mask

    def drop(self, rows: NDArray[np.bool_], reason: str) -> None:
        """Drop those of ``rows`` (a mask) that are still kept."""
        self.drop_each(rows.astype(np.int32), [reason])

    def drop_each(self, numbers: NDArray[Any], reasons: Sequence[str]) -> None:
        """Drop rows for different reasons: n stands for the n-th of ``reasons``, 0 for none."""
        dropped = (numbers > 0) & self.kept
        self.codes[dropped] = numbers[dropped] + len(self.reasons)
        self.reasons.extend(reasons)
