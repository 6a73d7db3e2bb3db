"""What counts as an image everywhere, and Pillow made to say no to half of one."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from PIL import ImageFile

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")
"""What counts as an image. Pillow by itself would also run interpreters: EPS, WMF and the like."""

MOST_PIXELS = 178_956_970
"""Pixels above which Pillow itself refuses an image."""


@contextmanager
def strict() -> Iterator[None]:
    """Pillow without its lenient mode, which other code may have switched on, and without its warnings.

    Both are settings of the process: enter this around a batch, not in its threads.
    """
    lenient = ImageFile.LOAD_TRUNCATED_IMAGES
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    try:
        with warnings.catch_warnings(action="ignore"):
            yield
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = lenient
