"""How sharp a grey image is: the variance of its Laplacian, low where it is blurred or empty.

The Laplacian is the four neighbours minus four times the pixel, on 0..255, over the pixels that have four
neighbours. Its sums are exact, so the number does not depend on the libraries that are installed.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

_STRIP_PIXELS = 1 << 18
"""The Laplacian is taken in strips of about this many pixels, which stay in the processor's cache."""

Squares = Callable[[NDArray[np.uint8]], tuple[float, float, int]]
"""From grey rows: sum of the Laplacian, sum of its squares, how many pixels; the outermost are left out."""


def variance(grey: NDArray[np.uint8], laplacian: Squares) -> float:
    """The variance over an image of shape (height, width); 0 where no pixel has four neighbours."""
    height, width = grey.shape
    if height < 3 or width < 3:
        return 0.0
    rows = max(_STRIP_PIXELS // width, 1)
    strips = [laplacian(grey[top : top + rows + 2]) for top in range(0, height - 2, rows)]
    total, squares, count = (sum(column) for column in zip(*strips, strict=True))
    return float(squares / count - (total / count) ** 2)


def fastest_laplacian() -> Squares:
    """By OpenCV where the extra 'cv' is installed, else by numpy."""
    try:
        import cv2
    except ImportError:
        return _by_numpy

    def by_cv2(grey: NDArray[np.uint8]) -> tuple[float, float, int]:
        inner = cv2.Laplacian(grey, cv2.CV_16S)[1:-1, 1:-1]
        return cv2.sumElems(inner)[0], cv2.norm(inner, cv2.NORM_L2SQR), inner.size

    return by_cv2


def _by_numpy(grey: NDArray[np.uint8]) -> tuple[float, float, int]:
    wide = grey.astype(np.int16)
    inner = wide[:-2, 1:-1] + wide[2:, 1:-1]
    inner += wide[1:-1, :-2]
    inner += wide[1:-1, 2:]
    inner -= wide[1:-1, 1:-1] << 2
    return int(inner.sum(dtype=np.int64)), int(np.square(inner, dtype=np.int32).sum(dtype=np.int64)), inner.size
