"""A corpus that draws itself: coloured shapes with true captions, and defects planted at known places.

Scene ``i`` depends on ``i`` alone, so a larger corpus begins with the smaller one.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

from PIL import Image, ImageDraw

SIDE = 96
COLOURS = {
    "red": "#d62728", "green": "#2ca02c", "blue": "#1f4fd8", "yellow": "#f2c80f",
    "purple": "#8e44ad", "orange": "#ff7f0e", "black": "#111111", "pink": "#ff8fc7",
}  # fmt: skip
SHAPES = ("circle", "square", "triangle", "cross", "diamond")
SIZES = {"small": 0.5, "large": 0.9}
RELATIONS = ("left of", "above")
BOILERPLATE = "Part of the Drawn Scenes Collection (2004)"

DEFECTS = {
    **dict.fromkeys((10, 35, 60, 85), "exact_duplicate"),
    **dict.fromkeys((20, 45, 70), "near_duplicate"),
    **dict.fromkeys((3, 23, 43, 63, 83), "order_swapped"),
    **dict.fromkeys((6, 16, 26, 36, 46, 56, 66, 76), "boilerplate"),
    **dict.fromkeys((30, 80), "empty_caption"),
    50: "blank", 55: "no_license", 90: "tiny", 40: "truncated_png", 95: "truncated_jpeg", 99: "bomb",
}  # fmt: skip
"""What is wrong with scene ``i``, by ``i % 100``."""


@dataclass(frozen=True)
class Scene:
    """One to three objects (colour, shape, size) in a row (`left of`) or a column (`above`)."""

    objects: tuple[tuple[str, str, str], ...]
    relation: str

    @classmethod
    def of(cls, index: int) -> Scene:
        draw = Random(f"scene {index}")
        scene = cls._drawn(draw)
        while DEFECTS.get(index % 100) == "order_swapped" and scene.swapped().caption == scene.caption:
            scene = cls._drawn(draw)
        return scene

    @classmethod
    def _drawn(cls, draw: Random) -> Scene:
        count = draw.choices((1, 2, 3), (1, 4, 5))[0]
        objects = tuple(
            (draw.choice(list(COLOURS)), draw.choice(SHAPES), draw.choice(list(SIZES))) for _ in range(count)
        )
        return cls(objects, draw.choice(RELATIONS))

    @property
    def caption(self) -> str:
        return f" {self.relation} ".join(f"a {size} {colour} {shape}" for colour, shape, size in self.objects)

    def swapped(self) -> Scene:
        """The same objects in the opposite order: other words in the same places, and no longer true."""
        return Scene(self.objects[::-1], self.relation)


def draw(images: Path, size: int) -> Iterator[dict[str, str | None]]:
    """Draw scenes 0 to ``size`` below ``images`` where they are missing, and yield their records."""
    for index in range(size):
        defect = DEFECTS.get(index % 100)
        duplicate = defect in ("exact_duplicate", "near_duplicate")
        seen = index - 1 if duplicate else index
        suffix = "jpg" if defect in ("near_duplicate", "truncated_jpeg") else "png"
        name = Path(f"{index // 1000:03d}", f"scene_{index:06d}.{suffix}")
        if not (images / name).exists():
            (images / name).parent.mkdir(parents=True, exist_ok=True)
            (images / name).write_bytes(_encoded(seen, defect))
        yield {"image": name.as_posix(), "name": name.stem, **_texts(Scene.of(seen), defect)}


def _texts(scene: Scene, defect: str | None) -> dict[str, str | None]:
    title, keywords = scene.caption, "scene, drawn"
    if defect == "order_swapped":
        title = scene.swapped().caption
    elif defect == "boilerplate":
        title, keywords = BOILERPLATE, ", ".join([keywords, *(" ".join(words) for words in scene.objects)])
    elif defect == "empty_caption":
        title = ""
    return {
        "title": title,
        "keywords": keywords,
        "description": "",
        "license": None if defect == "no_license" else "CC0-1.0",
        "category": f"scenes/{len(scene.objects)}",
    }


def _encoded(index: int, defect: str | None) -> bytes:
    """The file of scene ``index``, with what ``defect`` does to it."""
    if defect == "bomb":
        return _bomb(30_000)
    image = Image.new("RGB", (SIDE, SIDE), "white") if defect == "blank" else _drawn(index)
    if defect == "tiny":
        image = image.resize((16, 16))
    if defect == "near_duplicate":
        return _file(image, "JPEG", quality=60)
    if defect == "truncated_jpeg":
        return _half(_file(image, "JPEG", quality=90))
    return _half(_file(image, "PNG")) if defect == "truncated_png" else _file(image, "PNG")


def _drawn(index: int) -> Image.Image:
    """Scene ``index``, drawn at twice its size on a pale ground and brought down smoothly."""
    scene, draw = Scene.of(index), Random(f"place {index}")
    ground = tuple(draw.randint(215, 255) for _ in range(3))
    image = Image.new("RGB", (2 * SIDE, 2 * SIDE), ground)
    pen, room = ImageDraw.Draw(image), 2 * SIDE / len(scene.objects)
    for place, (colour, shape, size) in enumerate(scene.objects):
        along = room * (place + 0.5)
        across = draw.uniform(0.35, 0.65) * 2 * SIDE
        radius = min(room, SIDE) / 2 * SIZES[size] * draw.uniform(0.85, 1.05)
        x, y = (along, across) if scene.relation == "left of" else (across, along)
        _shape(pen, shape, x, y, radius, COLOURS[colour])
    return image.resize((SIDE, SIDE), Image.Resampling.LANCZOS)


def _shape(pen: ImageDraw.ImageDraw, shape: str, x: float, y: float, r: float, colour: str) -> None:
    if shape == "circle":
        pen.ellipse((x - r, y - r, x + r, y + r), fill=colour)
    elif shape == "square":
        pen.rectangle((x - 0.85 * r, y - 0.85 * r, x + 0.85 * r, y + 0.85 * r), fill=colour)
    elif shape == "triangle":
        pen.polygon([(x, y - r), (x - r, y + 0.8 * r), (x + r, y + 0.8 * r)], fill=colour)
    elif shape == "diamond":
        pen.polygon([(x, y - r), (x + 0.7 * r, y), (x, y + r), (x - 0.7 * r, y)], fill=colour)
    else:
        pen.rectangle((x - r, y - 0.3 * r, x + r, y + 0.3 * r), fill=colour)
        pen.rectangle((x - 0.3 * r, y - r, x + 0.3 * r, y + r), fill=colour)


def _file(image: Image.Image, kind: str, **options: int) -> bytes:
    with io.BytesIO() as file:
        image.save(file, kind, **options)
        return file.getvalue()


def _half(data: bytes) -> bytes:
    """The header and some of the body."""
    return data[: max(400, len(data) // 2)] if len(data) > 800 else data[: len(data) * 2 // 3]


def _bomb(side: int) -> bytes:
    """A PNG of a few hundred bytes whose header promises ``side`` x ``side`` pixels."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(99))) + chunk(b"IEND", b"")
