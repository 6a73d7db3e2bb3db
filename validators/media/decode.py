"""One decode of an image: what its header says and its grey pixels, or its colours on white.

JPEG is decoded by simplejpeg where the extra 'cv' is installed; all else, and all without it, by Pillow. Both
read JPEG through libjpeg-turbo and give the same pixels; a file in which simplejpeg sees anything odd goes to
Pillow, so one judge decides what is whole. An image is whole when every pixel decodes: one cut short is
refused, not filled up with grey.

Grey is the luma of ITU-R BT.601 (in a JPEG its own Y channel) in 0..255. Transparent pixels lie on white.
16-bit grey keeps its high byte. Of an animation the first frame counts. Pixels are taken as stored: the
orientation in EXIF is not applied.
"""

from __future__ import annotations

import importlib
import io
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile, UnidentifiedImageError

from mmreg.errors import UsageError
from mmreg.sources.image import refuse_bomb
from mmreg.sources.record import Refused
from mmreg.validators.media.pictures import FORMATS, MOST_PIXELS

MAX_PIXELS = 64_000_000
MAX_SIDE = 65_535
"""Pixels on the longer side: as many as a JPEG can have."""
_LARGE = 16_000_000
_one_large = threading.Lock()
"""Images of more than `_LARGE` pixels are decoded one at a time: 64 million with alpha take 350 MB."""
_STRIP_PIXELS = 1 << 20
"""Larger images become grey by strips of rows, so there is no third and fourth copy of all their pixels."""


@dataclass(frozen=True)
class Picture:
    """A decoded image: ``mode`` is Pillow's name of its pixels as stored, ``grey`` is (height, width)."""

    width: int
    height: int
    mode: str
    grey: NDArray[np.uint8]


class Undecodable(Exception):
    """One image cannot be used; ``str()`` is the reason for its row, '<code>: <detail>'.

    It never leaves a pass, which answers with an error row, or a check, which counts it. Codes: ``null_value``,
    ``pixel_limit``, ``not_an_image``, ``unreadable``.
    """

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code, self.detail = code, detail


Decoder = Callable[[bytes | None, int], Picture]


def check_limit(max_pixels: int) -> None:
    """Raise `UsageError` for a limit that cannot be kept."""
    if not 0 < max_pixels <= MOST_PIXELS:
        raise UsageError(
            f"'max_pixels' is {max_pixels:,}; it must be 1 to {MOST_PIXELS:,}",
            hint=f"max_pixels: {MAX_PIXELS}",
        )


def fastest() -> Decoder:
    """The fastest decoder whose libraries are installed: ``decode(data, max_pixels)``."""
    try:
        simplejpeg = importlib.import_module("simplejpeg")  # it has no type hints
    except ImportError:
        return grey_by_pillow
    return lambda data, max_pixels: _grey_by_simplejpeg(simplejpeg, data, max_pixels)


def grey_by_pillow(data: bytes | None, max_pixels: int = MAX_PIXELS) -> Picture:
    """Decode by Pillow alone. Raises `Undecodable`."""
    image = header(data, max_pixels)
    width, height = image.size
    mode = image.mode
    try:
        if image.format in ("JPEG", "MPO") and mode == "RGB":
            image.draft("L", image.size)  # libjpeg then leaves out the colours: half the work
        with _memory_for(width * height):
            return Picture(width, height, mode, _grey(image))
    except Exception as error:  # Pillow's readers raise whatever their parser meets
        raise _unreadable(error) from error


def rgb(data: bytes | None, max_pixels: int = MAX_PIXELS) -> Image.Image:
    """The image in colour, mode RGB, transparent pixels on white. Raises `Undecodable`."""
    image = header(data, max_pixels)
    try:
        with _memory_for(image.width * image.height):
            if image.has_transparency_data:
                return _on_white(image, "RGB")
            if image.mode.startswith("I;16"):
                return Image.fromarray(_high_byte(image)).convert("RGB")
            return image.convert("RGB")
    except Exception as error:  # as above
        raise _unreadable(error) from error


def stored(data: bytes | None, max_pixels: int = MAX_PIXELS) -> Image.Image:
    """The image with its pixels as they are stored: palette, transparency and all. Raises `Undecodable`."""
    image = header(data, max_pixels)
    try:
        with _memory_for(image.width * image.height):
            image.load()
    except Exception as error:  # as above
        raise _unreadable(error) from error
    return image


def header(data: bytes | None, max_pixels: int) -> ImageFile.ImageFile:
    """Read the header only, and refuse what is too large before a pixel is decoded. Raises `Undecodable`."""
    if data is None:
        raise Undecodable("null_value", "there is no image")
    _refuse_bomb(data, max_pixels)
    try:
        image = Image.open(io.BytesIO(data), formats=FORMATS)
    except UnidentifiedImageError:  # its message has a memory address: reasons must be the same in each run
        raise Undecodable("not_an_image", f"no {', '.join(FORMATS[:-1])} or {FORMATS[-1]} that can be read") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise Undecodable("pixel_limit", f"{error} (the limit here is {max_pixels:,})") from error
    except Exception as error:  # as above
        raise _unreadable(error) from error
    _check_size(*image.size, max_pixels)
    return image


def _grey_by_simplejpeg(simplejpeg: Any, data: bytes | None, max_pixels: int) -> Picture:
    if data is None or not data.startswith(b"\xff\xd8\xff"):
        return grey_by_pillow(data, max_pixels)
    try:
        height, width, space, _ = simplejpeg.decode_jpeg_header(data)
        if space not in _JPEG_MODES:
            return grey_by_pillow(data, max_pixels)
        _refuse_bomb(data, max_pixels)
        _check_size(width, height, max_pixels)
        with _memory_for(width * height):
            grey: NDArray[np.uint8] = simplejpeg.decode_jpeg(data, colorspace="GRAY")
    except ValueError:
        return grey_by_pillow(data, max_pixels)
    return Picture(width, height, _JPEG_MODES[space], grey[:, :, 0])


_JPEG_MODES = {"YCbCr": "RGB", "RGB": "RGB", "Gray": "L"}


def _refuse_bomb(data: bytes, max_pixels: int) -> None:
    """What Pillow would pay for before it tells the size, or after."""
    try:
        refuse_bomb(data, max_pixels)
    except Refused as refused:
        raise Undecodable(refused.reason, refused.detail) from None


def _check_size(width: int, height: int, max_pixels: int) -> None:
    if width * height > max_pixels:
        raise Undecodable("pixel_limit", f"{width} x {height} = {width * height:,} pixels, the limit is {max_pixels:,}")
    if max(width, height) > MAX_SIDE:
        raise Undecodable("pixel_limit", f"{width} x {height}: no side may be over {MAX_SIDE:,} pixels")


def _grey(image: ImageFile.ImageFile) -> NDArray[np.uint8]:
    width, height = image.size
    rows = max(_STRIP_PIXELS // width, 1)
    if height <= rows:
        return _grey_of(image)
    grey = np.empty((height, width), np.uint8)
    for top in range(0, height, rows):
        bottom = min(top + rows, height)
        grey[top:bottom] = _grey_of(image.crop((0, top, width, bottom)))
    return grey


def _grey_of(image: Image.Image) -> NDArray[np.uint8]:
    if image.has_transparency_data:
        return np.asarray(_on_white(image, "L"))
    if image.mode.startswith("I;16"):
        return _high_byte(image)
    return np.asarray(image.convert("L"))


def _on_white(image: Image.Image, mode: str) -> Image.Image:
    if image.mode not in ("RGBA", "LA"):  # a palette with alpha, a transparent colour, premultiplied alpha
        image = image.convert("RGBA")
    white = Image.new(mode, image.size, "white")
    white.paste(image.convert(mode), mask=image.getchannel("A"))
    return white


def _high_byte(image: Image.Image) -> NDArray[np.uint8]:
    return (np.asarray(image) >> 8).astype(np.uint8)


def _memory_for(pixels: int) -> AbstractContextManager[object]:
    return _one_large if pixels > _LARGE else nullcontext()


def _unreadable(error: Exception) -> Undecodable:
    return Undecodable("unreadable", str(error) or type(error).__name__)
