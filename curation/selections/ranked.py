"""Top and band: rows by the rank of a value among all that have one.

Ranks ascend by value; of equal values the one with the smaller sample id ranks higher. So every row has a rank
of its own, exactly as many are kept as were asked for, and which of equals are kept depends on who they are alone.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmreg.schemas.declaration import BandSpec, TopSpec


def top(values: NDArray[Any], ties: NDArray[np.uint64], spec: TopSpec) -> NDArray[np.bool_]:
    """The rows with the highest values: ``rows`` of them, or ``fraction`` of all, rounded half to even."""
    wanted = spec.rows if spec.rows is not None else round((spec.fraction or 0) * len(values))
    return _ranks(values, ties) >= len(values) - wanted


def band(values: NDArray[Any], ties: NDArray[np.uint64], spec: BandSpec) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """The rows below the band, and those above. Bands that meet at a quantile share no row and leave none out."""
    ranks = _ranks(values, ties)
    return ranks < round(spec.low * len(values)), ranks >= round(spec.high * len(values))


def _ranks(values: NDArray[Any], ties: NDArray[np.uint64]) -> NDArray[np.int64]:
    ranks = np.empty(len(values), np.int64)
    ranks[np.lexsort((~ties, values))] = np.arange(len(values))
    return ranks
