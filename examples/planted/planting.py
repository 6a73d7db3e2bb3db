"""Defects, each planted at known places: what is done to a picture, a caption or a sound, and to which."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable, Mapping
from random import Random

import drawing
from PIL import Image, ImageDraw, ImageFilter

PICTURES = 1000
"""Pictures of the corpus, sound and defective together."""
EACH = 20
"""Times that each defect is planted."""
RARE = ("okapi", "quetzal", "axolotl", "pangolin", "narwhal", "tarsier")
COMMON = ("cat", "dog", "horse", "bird", "fish", "tree", "house", "car", "boat", "chair")
RARE_EACH = 8
LICENSES = ("cc0-1.0", "cc-by-4.0")

OF_PICTURES = (
    "exact_duplicate", "near_duplicate", "blurred", "blank", "truncated", "wrong_suffix", "bomb", "thin", "tiny",
)  # fmt: skip
OF_CAPTIONS = ("swapped", "boilerplate", "missing_caption", "foreign", "pii", "mojibake", "long_caption")
DEFECTS = (*OF_PICTURES, *OF_CAPTIONS, "nc_license")


def planted() -> dict[int, str]:
    """What is wrong with picture ``i``; most have nothing wrong. Fewer bombs than others: each is dear to a reader."""
    places = list(range(PICTURES))
    Random("places").shuffle(places)
    return {places.pop(): defect for defect in DEFECTS for _ in range(4 if defect == "bomb" else EACH)}


def encoded(image: Image.Image, form: str = "PNG", **options: int) -> bytes:
    data = io.BytesIO()
    image.save(data, form, **options)
    return data.getvalue()


def bomb(seed: int, side: int = 6000) -> bytes:
    """A PNG of a few kilobytes that says, truly, that it has ``side`` x ``side`` pixels: a grid."""
    rows = zlib.compressobj(9)
    lines = [b"\0" + Random(f"bomb {seed} {number}").randbytes(15) * (side // 120) for number in range(15)]
    data = b"".join(rows.compress(lines[row // 400]) for row in range(side)) + rows.flush()
    chunks = ((b"IHDR", struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)), (b"IDAT", data), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in chunks
    )


def _near(image: Image.Image) -> bytes:
    """The same picture to an eye: smaller and pressed harder, darker, with a label, or with its edges cut off."""
    changed = (
        lambda: image.resize((100, 100), Image.Resampling.BICUBIC),
        lambda: image.point(lambda value: value * 3 // 4),
        lambda: _labelled(image),
        lambda: image.crop((4, 4, 124, 124)),
    )
    return encoded(changed[_number(image) % 4](), "JPEG", quality=60)


def _labelled(image: Image.Image) -> Image.Image:
    labelled = image.copy()
    ImageDraw.Draw(labelled).text((70, 114), "(c) shop", fill=(255, 255, 255))
    return labelled


def _number(image: Image.Image) -> int:
    """A number that depends on the picture alone."""
    return zlib.crc32(image.tobytes())


def _truncated(image: Image.Image) -> bytes:
    whole = encoded(image.convert("RGB"), "JPEG", quality=92)
    return whole[: len(whole) * 3 // 5]


SPOILED: Mapping[str, Callable[[Image.Image], bytes]] = {
    "near_duplicate": _near,
    "blurred": lambda image: encoded(image.filter(ImageFilter.GaussianBlur(5))),
    "blank": lambda image: encoded(Image.new("RGB", image.size, image.resize((1, 1)).getpixel((0, 0)))),
    "truncated": _truncated,
    "bomb": lambda image: bomb(_number(image)),
    "thin": lambda image: encoded(image.crop((0, 40, 128, 56))),
    "tiny": lambda image: encoded(image.resize((14, 14))),
}
"""What is done to a picture's bytes; all others are kept as PNG."""

PEOPLE = (
    "write to mary.miller{n}@example.com for the print", "call +1 212-555-01{n:02d} for the print",
    "paid with 4111 1111 1111 1111, number {n}", "account DE89 3704 0044 0532 0130 00, item {n}",
    "found on 192.168.7.{n}, in the folder of the shop",
)  # fmt: skip
FOREIGN = (
    "Un grand cercle rouge se trouve au milieu, devant un mur gris et une petite barre jaune, image {n}",
    "Ein kleines blaues Dreieck liegt am unteren Rand vor einer hellen Wand neben einem Kreis, Bild {n}",
    "Un cuadrado verde y grande aparece a la izquierda delante de una pared clara, imagen {n}",
)


def spoiled_caption(defect: str, index: int, number: int) -> str | None:
    """The caption of picture ``index`` as defect ``number`` of its kind leaves it."""
    true = drawing.caption(index)
    match defect:
        case "swapped":
            return drawing.caption(index + 10_000)
        case "boilerplate":
            return "Stock photo, all rights reserved"
        case "missing_caption":
            return None
        case "foreign":
            return FOREIGN[number % len(FOREIGN)].format(n=number)
        case "pii":
            return f"{true}; {PEOPLE[number % len(PEOPLE)].format(n=number + 10)}"
        case "mojibake":
            return true.replace(" a ", " \u00e2\u20ac\u0153a\u00e2\u20ac\u009d ")
        case "long_caption":
            return " ".join([true] * 8)
    return true
