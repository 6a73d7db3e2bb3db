"""Pictures that are drawn with their captions: what a caption says of a picture is true.

Picture ``i`` depends on ``i`` alone, so a larger corpus begins with the smaller one.
"""

from __future__ import annotations

from random import Random

import numpy as np
from PIL import Image, ImageDraw

SIDE = 128
COLOURS = {
    "red": (214, 39, 40), "green": (44, 160, 44), "blue": (31, 79, 216), "yellow": (242, 200, 15),
    "purple": (142, 68, 173), "orange": (255, 127, 14), "black": (17, 17, 17), "pink": (255, 143, 199),
}  # fmt: skip
SHAPES = ("circle", "square", "triangle", "diamond", "bar")
SIZES = {"small": 0.16, "large": 0.3}
PLACES = {"at the top": (0.5, 0.2), "in the middle": (0.5, 0.5), "at the bottom": (0.5, 0.8),
          "on the left": (0.2, 0.5), "on the right": (0.8, 0.5)}  # fmt: skip
WALLS = {"pale": 200, "grey": 140}

Thing = tuple[str, str, str, str]
"""Size, colour, shape and place of one thing in a picture."""


def things(index: int) -> list[Thing]:
    """Two or three things, each of its own colour and in its own place."""
    draw = Random(f"things {index}")
    count = draw.choice((2, 3))
    colours, places = draw.sample(sorted(COLOURS), count), draw.sample(sorted(PLACES), count)
    sizes, shapes = draw.choices(sorted(SIZES), k=count), draw.choices(SHAPES, k=count)
    return list(zip(sizes, colours, shapes, places, strict=True))


def caption(index: int) -> str:
    """What picture ``index`` shows, in one sentence."""
    said = [f"a {size} {colour} {shape} {place}" for size, colour, shape, place in things(index)]
    return f"{', '.join(said[:-1])} and {said[-1]}, in front of a {_wall(index)} wall".capitalize()


def picture(index: int) -> Image.Image:
    """Picture ``index``: its things on a stained wall with a grain, ``SIDE`` pixels wide and high."""
    draw, noise = Random(f"picture {index}"), np.random.default_rng(index)
    stains = Image.fromarray(noise.integers(-50, 51, (8, 8)).astype(np.float32)).resize(
        (SIDE, SIDE), Image.Resampling.BICUBIC
    )
    grain = noise.integers(-20, 21, (SIDE, SIDE))
    wall = np.clip(WALLS[_wall(index)] + np.asarray(stains) + grain, 0, 255).astype(np.uint8)
    image = Image.fromarray(np.stack([wall] * 3, axis=2))
    pen = ImageDraw.Draw(image)
    for size, colour, shape, place in things(index):
        x, y = (SIDE * (at + draw.uniform(-0.04, 0.04)) for at in PLACES[place])
        _shape(pen, shape, x, y, SIDE * SIZES[size] / 2, COLOURS[colour])
    return image


def _wall(index: int) -> str:
    return Random(f"wall {index}").choice(sorted(WALLS))


def _shape(pen: ImageDraw.ImageDraw, shape: str, x: float, y: float, r: float, fill: tuple[int, int, int]) -> None:
    corners = {
        "square": [(x - r, y - r), (x + r, y - r), (x + r, y + r), (x - r, y + r)],
        "triangle": [(x, y - r), (x + r, y + r), (x - r, y + r)],
        "diamond": [(x, y - r), (x + r, y), (x, y + r), (x - r, y)],
        "bar": [(x - r, y - r / 3), (x + r, y - r / 3), (x + r, y + r / 3), (x - r, y + r / 3)],
    }
    if shape == "circle":
        pen.ellipse((x - r, y - r, x + r, y + r), fill=fill)
    else:
        pen.polygon(corners[shape], fill=fill)
