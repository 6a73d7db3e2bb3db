"""A perceptual hash: 64 bits that stay (nearly) the same when an image is resized, re-encoded or brightened.

The DCT hash of C. Zauner, "Implementation and Benchmarking of Perceptual Image Hash Functions" (2010), in the
form that the Python package ImageHash made common: shrink the grey image to 32 x 32 by area, take the 8 x 8
lowest frequencies of its two-dimensional DCT-II, and set the bits of those above their median. Most
significant bit first, row by row, so ``hex`` reads like ImageHash's; the two differ in a few bits, because
ImageHash shrinks with another filter.

Shrinking and DCT are both linear, so one matrix a side does the two at once: (8, h) @ (h, w) @ (w, 8).
Nothing but numpy is needed, and every decoder that gives the same pixels gives the same bits.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

_CELLS, _LOW = 32, 8
_STRIP_PIXELS = 1 << 15
"""Rows are taken in strips of about this many pixels: a large image is never in float32 as a whole, and a product
stays so small that a BLAS does not start threads of its own, which cost many times what they win here."""


def phash(grey: NDArray[np.uint8]) -> int:
    """The hash of a grey image of shape (height, width), 0 <= hash < 2**64."""
    height, width = grey.shape
    down, across = _weights(height), _weights(width).T
    rows = max(_STRIP_PIXELS // width, 1)
    low = np.zeros((_LOW, _LOW))
    for top in range(0, height, rows):
        low += down[:, top : top + rows] @ (grey[top : top + rows].astype(np.float32) @ across)
    # Rounded (in grey levels), because where a frequency is absent, as in a blank image, only the noise of
    # floating point would decide its bit.
    levels = np.round(low, 2).ravel()
    return int.from_bytes(np.packbits(levels > np.median(levels)).tobytes(), "big")


def distance(a: int, b: int) -> int:
    """How many of the 64 bits differ. Up to about 8 usually means the same picture."""
    return (a ^ b).bit_count()


@lru_cache(maxsize=64)
def _weights(side: int) -> NDArray[np.float32]:
    """What each of ``side`` pixels adds to each of the 8 lowest frequencies; shape (8, side).

    A pixel may lie across the border of two of the 32 cells, so the cosine, which is constant within a cell,
    is integrated from one edge of the pixel to the other.
    """
    cells = np.arange(_CELLS)
    cosines = np.cos(np.pi / _CELLS * np.arange(_LOW)[:, None] * (cells + 0.5))
    integrals = np.concatenate([np.zeros((_LOW, 1)), np.cumsum(cosines, axis=1)], axis=1) / _CELLS
    edges = np.arange(side + 1) * (_CELLS / side)
    return np.stack([np.diff(np.interp(edges, np.arange(_CELLS + 1), row)) for row in integrals]).astype(np.float32)
