"""What one decode of a picture tells the checks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import pyarrow as pa
from PIL import Image

from mmreg.validators.media.blur import fastest_laplacian, variance
from mmreg.validators.media.decode import MAX_PIXELS, Picture, Undecodable, fastest, stored
from mmreg.validators.media.looks import Looks
from mmreg.validators.media.perceptual_hash import phash
from mmreg.validators.media.pictures import strict

Fact = Literal["blank", "blur", "phash"]

SAME = 8
"""Of 255 levels: so far lossy codecs take an even colour apart, and nobody sees it."""


@dataclass(frozen=True, slots=True)
class PictureLook:
    """``defect`` is None, or why the picture does not decode: a code of `Undecodable` and the words for it.

    ``width`` and ``height`` are in pixels, 0 with a defect; the other facts are None where nobody wanted them.
    """

    width: int = 0
    height: int = 0
    blank: bool | None = None
    blur: float | None = None
    phash: int | None = None
    defect: tuple[str, str] | None = None


class Pictures(Looks[PictureLook]):
    """One decode of each picture for all checks of a version."""

    def __init__(self) -> None:
        super().__init__()
        self.max_pixels = MAX_PIXELS
        self._facts: set[Fact] = set()
        self._decode, self._laplacian = fastest(), fastest_laplacian()

    def want(self, *facts: Fact, max_pixels: int = MAX_PIXELS) -> None:
        """Find out ``facts``, too, and of pictures with as many pixels. The widest limit that is wanted holds."""
        if self._facts.issuperset(facts) and max_pixels <= self.max_pixels:
            return
        self._facts.update(facts)
        self.max_pixels = max(self.max_pixels, max_pixels)
        self.forget()

    def at(self, cells: pa.Array[Any]) -> list[PictureLook | None]:
        with strict():
            return super().at(cells)

    def look(self, data: bytes) -> PictureLook:
        try:
            picture = self._decode(data, self.max_pixels)
            return PictureLook(
                picture.width,
                picture.height,
                blank=_is_blank(picture, data, self.max_pixels) if "blank" in self._facts else None,
                blur=variance(picture.grey, self._laplacian) if "blur" in self._facts else None,
                phash=phash(picture.grey) if "phash" in self._facts else None,
            )
        except Undecodable as reason:
            return PictureLook(defect=(reason.code, reason.detail))


def _is_blank(picture: Picture, data: bytes, max_pixels: int) -> bool:
    if int(picture.grey.max()) - int(picture.grey.min()) > SAME:
        return False
    return _one_colour(stored(data, max_pixels))  # different colours may be equally grey: few pictures get here


def _one_colour(image: Image.Image) -> bool:
    """Whether all pixels have about the same colour and transparency, or none can be seen."""
    if image.has_transparency_data:
        image = image.convert("RGBA")
        alpha = image.getchannel("A")
        most: Any = alpha.getextrema()[1]
        return bool(most <= SAME) or (_uniform(alpha) and _uniform(image.convert("RGB")))
    return _uniform(image.convert("RGB") if image.mode == "P" else image)


def _uniform(image: Image.Image) -> bool:
    same = SAME * 257 if image.mode.startswith("I;16") else 0 if image.mode in ("I", "F") else SAME
    extremes: list[Any] = [band.getextrema() for band in image.split()]
    return all(high - low <= same for low, high in extremes)
