"""What an image's header says. Nothing is decoded: a cut picture passes, a bomb costs nothing."""

from __future__ import annotations

import io
import struct
import warnings
from typing import BinaryIO

from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile

from mmreg.schemas.declaration import Limits
from mmreg.sources.bombs import check_scans, check_tiff
from mmreg.sources.record import Refused

# The formats that are let in, by their first bytes. Pillow's other parsers (EPS, PDF, ...) are never reached.
_PARSERS: tuple[tuple[bytes, type[ImageFile]], ...] = (
    (b"\xff\xd8\xff", JpegImageFile),
    (b"\x89PNG\r\n\x1a\n", PngImageFile),
    (b"GIF8", GifImageFile),
    (b"BM", BmpImageFile),
    (b"II*\0", TiffImageFile),
    (b"MM\0*", TiffImageFile),
)
_TIFF, _BIG_TIFF = (b"II*\0", b"MM\0*"), (b"II+\0", b"MM\0+")
_LARGEST_SIDE = 2**31 - 1

ImageFacts = tuple[str, int, int, str]
"""Format as Pillow names it, width, height, mode."""


def image_facts(file: BinaryIO, limits: Limits) -> ImageFacts:
    """Read the header of an image. Raises `Refused`: ``not_an_image`` or ``pixel_limit``."""
    start = file.read(32)
    if start.startswith(_TIFF):
        check_tiff(file, limits.max_pixels)
    facts = _webp(start) if start[:4] == b"RIFF" and start[8:12] == b"WEBP" else _parse(file, start)
    _, width, height, _ = facts
    if width * height > limits.max_pixels or max(width, height) > _LARGEST_SIDE:
        raise Refused(
            "pixel_limit",
            f"{width} x {height} = {width * height:,} pixels, the limit is {limits.max_pixels:,}",
        )
    if width < 1 or height < 1:
        raise Refused("not_an_image", f"{width} x {height} pixels")
    return facts


def sniff(start: bytes) -> str | None:
    """The format that the first 32 bytes of an image begin with, as Pillow names it; None for what is not let in."""
    if start[:4] == b"RIFF" and start[8:12] == b"WEBP":
        return "WEBP"
    return next((parser.format for magic, parser in _PARSERS if start.startswith(magic)), None)


def refuse_bomb(data: bytes, max_pixels: int) -> None:
    """Raise `Refused` for a picture that costs more than its pixels, or costs them before it tells how many they are.

    All else is left to whoever decodes it.
    """
    if data.startswith(b"\xff\xd8\xff"):
        check_scans(data)
    elif data.startswith(_TIFF) or (data.startswith(b"RIFF") and data[8:12] == b"WEBP"):
        image_facts(io.BytesIO(data), Limits(max_pixels=max_pixels))
    elif data.startswith(_BIG_TIFF):
        raise Refused("not_an_image", "a BigTIFF")


def _parse(file: BinaryIO, start: bytes) -> ImageFacts:
    parser = next((parser for magic, parser in _PARSERS if start.startswith(magic)), None)
    if parser is None:
        raise Refused("not_an_image", "not PNG, JPEG, WEBP, GIF, BMP or TIFF" if start else "the file is empty")
    file.seek(0)
    try:
        # The class, not Image.open: that one warns of large pictures, or refuses them by a global of its own.
        if parser is JpegImageFile:
            image: ImageFile = JpegImageFile(file)
        else:
            with warnings.catch_warnings(action="ignore"):
                image = parser(file)
    except Exception as error:  # a stranger's header can make a parser raise anything
        raise Refused("not_an_image", f"broken header: {type(error).__name__}: {error}") from None
    return str(image.format), image.width, image.height, image.mode


def _webp(start: bytes) -> ImageFacts:
    # By hand: Pillow's reader allocates the canvas, and wants the whole file to be there.
    start, chunk = start.ljust(30, b"\0"), start[12:16]
    if chunk == b"VP8X":
        width, height = (int.from_bytes(start[at : at + 3], "little") + 1 for at in (24, 27))
        return "WEBP", width, height, "RGBA" if start[20] & 0x10 else "RGB"
    if chunk == b"VP8L" and start[20] == 0x2F:
        (bits,) = struct.unpack_from("<I", start, 21)
        mode = "RGBA" if bits >> 28 & 1 else "RGB"
        return "WEBP", (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1, mode
    if chunk == b"VP8 " and start[23:26] == b"\x9d\x01\x2a":
        width, height = struct.unpack_from("<HH", start, 26)
        return "WEBP", width & 0x3FFF, height & 0x3FFF, "RGB"
    raise Refused("not_an_image", "broken header: a WEBP container without a picture")
