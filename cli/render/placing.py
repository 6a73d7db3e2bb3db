"""Where the boxes and arrows of a picture go: laid out by Graphviz, in this process, from sizes and numbers alone.

No text reaches Graphviz, so none of its ways to read labels (HTML, entities, escapes) matters. Labels of arrows are not
its affair either: room for them costs it forty times as long.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import redirect_stderr
from dataclasses import dataclass

from mmreg.errors import MissingExtra

_INCH = 72.0
"""Pixels to what Graphviz measures in."""
_CAREFUL = "splines=true nslimit=2 mclimit=1"
_QUICK = "splines=line nslimit=0.2 nslimit1=0.2 mclimit=0.05"
"""Arrows are straight, and less is tried for a better order: 950 boxes of a tangle take 4 s, not a minute."""
MANY = 150
"""From more boxes than that on it is done quickly."""

Point = tuple[float, float]
Size = tuple[float, float]
"""Width and height in pixels."""


@dataclass(frozen=True)
class Arrow:
    """From the box ``tail`` to the box ``head``: the points of cubic Bézier curves."""

    tail: str
    head: str
    points: tuple[Point, ...]

    @property
    def middle(self) -> Point:
        """A point on the curve that is in the middle of it, more or less."""
        first = (len(self.points) - 1) // 3 // 2 * 3
        (ax, ay), (bx, by), (cx, cy), (dx, dy) = self.points[first : first + 4]
        return (ax + 3 * bx + 3 * cx + dx) / 8, (ay + 3 * by + 3 * cy + dy) / 8


@dataclass(frozen=True)
class Placed:
    """A picture's size, the middles of its boxes and its arrows; in pixels from the upper left."""

    width: float
    height: float
    middles: Mapping[str, Point]
    arrows: tuple[Arrow, ...]


def place(sizes: Mapping[str, Size], links: Iterable[tuple[str, str]], *, across: bool = True) -> Placed:
    """Boxes of ``sizes`` and the ``links`` between them, each once. From left to right if ``across``, else downwards.

    Raises `MissingExtra` without pygraphviz.
    """
    try:
        import pygraphviz  # type: ignore[import-untyped]
    except ImportError as missing:
        raise MissingExtra("drawing a lineage as SVG", extra="graph") from missing

    names = list(sizes)
    number = {name: at for at, name in enumerate(names)}
    with redirect_stderr(io.StringIO()):  # it warns of more than 1,000 nodes
        graph = pygraphviz.AGraph(string="\n".join(_graph(sizes, links, number, across)))
        plain = graph.draw(format="plain", prog="dot").decode()
    return _read(plain, names)


def _graph(
    sizes: Mapping[str, Size], links: Iterable[tuple[str, str]], number: Mapping[str, int], across: bool
) -> Iterator[str]:
    effort = _CAREFUL if len(sizes) <= MANY else _QUICK
    yield "digraph {"
    yield f"graph [rankdir={'LR' if across else 'TB'} nodesep=0.22 ranksep=0.6 {effort}];"
    yield 'node [shape=box fixedsize=true label=""];'
    for name, (width, height) in sizes.items():
        yield f"n{number[name]} [width={width / _INCH:.4f} height={height / _INCH:.4f}];"
    for tail, head in links:
        yield f"n{number[tail]} -> n{number[head]};"
    yield "}"


def _read(plain: str, names: Sequence[str]) -> Placed:
    """Graphviz's plain format, which measures in inches from the lower left."""
    width = height = 0.0
    middles: dict[str, Point] = {}
    arrows: list[Arrow] = []

    def point(x: str, y: str) -> Point:
        return float(x) * _INCH, (height - float(y)) * _INCH

    for words in map(str.split, plain.splitlines()):
        match words[0]:
            case "graph":
                width, height = float(words[2]), float(words[3])
            case "node":
                middles[names[int(words[1][1:])]] = point(words[2], words[3])
            case "edge":
                ends = 4 + 2 * int(words[3])
                points = tuple(point(words[at], words[at + 1]) for at in range(4, ends, 2))
                arrows.append(Arrow(names[int(words[1][1:])], names[int(words[2][1:])], points))
    return Placed(width * _INCH, height * _INCH, middles, tuple(arrows))
