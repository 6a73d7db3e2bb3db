"""Vectors with a large cosine."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

BLOCK_BYTES = 64 * 1024 * 1024
_PRODUCTS = 1 << 22
"""Cosines that are computed at a time: 16 MiB."""
_CANDIDATES = 1 << 14
"""Pairs that are computed again, in float64, at a time."""
_ROUNDING = 1e-12
"""So that equal vectors have a cosine of 1."""


class NearVectors:
    """Near are vectors of ``dimension`` numbers whose cosine is at least ``cosine``.

    All pairs are computed in float32; those within its error of the bound, or above, again in float64.
    """

    def __init__(self, cosine: float, dimension: int) -> None:
        self._cosine, self._dimension = cosine, dimension
        self.block_rows = max(1, BLOCK_BYTES // (4 * max(dimension, 1)))
        self._error = 2e-6 + 2.4e-7 * dimension

    def read(self, cells: pa.Array[Any]) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        there = np.asarray(cells.is_valid().to_numpy(zero_copy_only=False), bool)
        flat: Any = pc.list_flatten(cells.drop_null())
        numbers = flat.cast(pa.float32()).to_numpy(zero_copy_only=False)  # a null among them is NaN
        vectors = np.ascontiguousarray(numbers, np.float32).reshape(-1, self._dimension)
        right = np.isfinite(vectors).all(axis=1) & (vectors != 0).any(axis=1)
        given = there.copy()
        given[there] = right
        return vectors[right], given

    def nearest(self, here: NDArray[Any], there: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        places, near = np.full(len(here), -1, np.int64), np.full(len(here), -np.inf)
        ours, theirs = _unit(here), _unit(there)
        step = max(1, _PRODUCTS // len(there))
        for start in range(0, len(here), step):
            products = ours[start : start + step] @ theirs.T
            rows, columns = np.nonzero(products >= self._cosine - self._error)
            rows += start
            for first in range(0, len(rows), _CANDIDATES):
                pairs = slice(first, first + _CANDIDATES)
                self._keep(here, there, rows[pairs], columns[pairs], places, near)
        return places, near

    def said(self, nearness: float) -> str:
        return f"has a cosine of {nearness:.4f} with"

    def _keep(
        self,
        here: NDArray[Any],
        there: NDArray[Any],
        rows: NDArray[np.int64],
        columns: NDArray[np.int64],
        places: NDArray[np.int64],
        near: NDArray[np.float64],
    ) -> None:
        """Take note of the pairs that are near and nearer than what was known; the nearest of each row wins."""
        ours, theirs = here[rows].astype(np.float64), there[columns].astype(np.float64)
        lengths = np.sqrt(np.einsum("nd,nd->n", ours, ours) * np.einsum("nd,nd->n", theirs, theirs))
        cosines = np.einsum("nd,nd->n", ours, theirs) / lengths
        order = np.argsort(cosines, kind="stable")  # of several assignments to a place the last stays
        order = order[(cosines[order] >= self._cosine - _ROUNDING) & (cosines[order] > near[rows[order]])]
        places[rows[order]] = columns[order]
        near[rows[order]] = cosines[order]


def _unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    lengths = np.sqrt(np.einsum("nd,nd->n", vectors, vectors, dtype=np.float64))
    scaled: NDArray[np.float32] = (vectors / lengths[:, None]).astype(np.float32)
    return scaled
