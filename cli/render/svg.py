"""A lineage as one SVG: boxes of four kinds, arrows downstream, dark where the reader's page is dark.

It scales down with the page as long as its letters stay at 9 pixels on a page of 1,280, and else keeps its size.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from unicodedata import east_asian_width
from xml.etree.ElementTree import Element, SubElement, tostring

from mmreg.cli.render.fold import Knot, Sketch, fold, unfolded
from mmreg.cli.render.label import facts, lines, name
from mmreg.cli.render.lineage import ROLES
from mmreg.cli.render.placing import MANY, Arrow, Placed, Point, place
from mmreg.cli.text import clean, clip
from mmreg.errors import UsageError
from mmreg.schemas.lineage import EdgeKind, Lineage

MOST = 2_000
"""Boxes of one picture: more take long, and nobody can read them."""
_FEW = 24
"""A lineage of so many nodes is drawn whole."""
_FONT, _SMALL, _LEADING = 12, 10, 15
_PAGE, _LEGIBLE = 1280, 9
_LINE = 46
_MARGIN = 8
_NO_XML = re.compile("[\ufffe\uffff]")

_Links = Mapping[tuple[str, str], Sequence[EdgeKind]]


def svg(lineage: Lineage, *, whole: bool = False) -> str:
    """The picture. Raises `UsageError` for more than `MOST` boxes, `MissingExtra` without pygraphviz."""
    sketch = unfolded(lineage) if whole or len(lineage.nodes) <= _FEW else fold(lineage)
    if len(sketch.knots) > MOST:
        raise UsageError(
            f"{len(sketch.knots):,} boxes are more than fit one picture ({MOST:,})",
            hint=f"{'without --all, ' if whole else ''}with --depth N, or --format html: that shows any part of it",
        )
    links = _links(sketch)
    placed = _placed(sketch, links)
    return tostring(_picture(sketch, links, placed), encoding="unicode")


def _links(sketch: Sketch) -> _Links:
    links: dict[tuple[str, str], list[EdgeKind]] = {}
    for edge in sketch.edges:
        links.setdefault((edge.source, edge.target), []).append(edge.kind)
    return links


def _placed(sketch: Sketch, links: _Links) -> Placed:
    """From left to right, or downwards where that would be too wide to read; many boxes always are."""
    sizes = {id: _size(knot) for id, knot in sketch.knots.items()}
    if len(sizes) > MANY:
        return place(sizes, links, across=False)
    across = place(sizes, links)
    if _scales(across):
        return across
    down = place(sizes, links, across=False)
    return min(across, down, key=lambda placed: placed.width)


def _scales(placed: Placed) -> bool:
    return placed.width + 2 * _MARGIN <= _PAGE * _SMALL / _LEGIBLE


def _role(kinds: Sequence[EdgeKind]) -> str:
    return ", ".join(ROLES[kind] for kind in kinds if kind in ROLES)


def _size(knot: Knot) -> tuple[float, float]:
    first, *rest = _lines(knot)
    width = max(_width(first, _FONT) * 1.12, *(_width(line, _SMALL) for line in rest), 40.0)
    return width + 30, _LEADING * (1 + len(rest)) + 14


def _lines(knot: Knot) -> list[str]:
    return [clip(line, _LINE) for line in lines(knot)]


def _width(line: str, size: int) -> float:
    """About what a usual sans-serif takes, rather more."""
    return size * sum(
        1.0 if east_asian_width(c) in "WF" else 0.32 if c in "ijlIft.,:;'|! ()[]" else 0.68 if c.isupper() else
        0.86 if c in "mwMW@%×⋯…" else 0.58 for c in line
    )  # fmt: skip


def _picture(sketch: Sketch, links: _Links, placed: Placed) -> Element:
    width, height = round(placed.width + 2 * _MARGIN), round(placed.height + 2 * _MARGIN)
    root = Element(
        "svg",
        {
            "xmlns": "http://www.w3.org/2000/svg",
            "viewBox": f"{-_MARGIN} {-_MARGIN} {width} {height}",
            "width": str(width),
            "height": str(height),
            "role": "img",
            "aria-labelledby": "about",
        },
    )
    if _scales(placed):
        root.set("style", "max-width: 100%; height: auto")
    focus = sketch.knots.get(sketch.focus)
    about = f"Lineage of {_text(name(focus))}" if focus else "Lineage"
    SubElement(root, "title", id="about").text = f"{about}, {sketch.direction}: {len(sketch.knots):,} boxes"
    SubElement(root, "style").text = (Path(__file__).parent / "picture.css").read_text("utf-8")
    marker = SubElement(
        SubElement(root, "defs"), "marker", id="tip", viewBox="0 0 10 8", markerWidth="11.5", markerHeight="9",
        refX="0", refY="4", orient="auto", markerUnits="userSpaceOnUse",
    )  # fmt: skip
    SubElement(marker, "path", d="M0 0L10 4L0 8z")
    SubElement(
        root, "rect", {"class": "ground"}, x=str(-_MARGIN), y=str(-_MARGIN), width=str(width), height=str(height)
    )
    for arrow in placed.arrows:
        _arrow(root, arrow, links[arrow.tail, arrow.head])
    for id, knot in sketch.knots.items():
        _box(root, knot, placed.middles[id], focus=id == sketch.focus)
    return root


def _arrow(root: Element, arrow: Arrow, kinds: Sequence[EdgeKind]) -> None:
    group = SubElement(root, "g", {"class": f"edge {' '.join(kinds)}"})
    SubElement(group, "title").text = ", ".join(ROLES.get(kind, kind) for kind in kinds)
    start, *rest = (f"{x:.1f} {y:.1f}" for x, y in arrow.points)
    SubElement(group, "path", {"d": f"M{start}C{' '.join(rest)}", "marker-end": "url(#tip)"})
    if role := _role(kinds):
        x, y = arrow.middle
        SubElement(group, "text", x=f"{x:.1f}", y=f"{y + 4:.1f}").text = role


def _box(root: Element, knot: Knot, middle: Point, *, focus: bool) -> None:
    (x, y), (width, height) = middle, _size(knot)
    group = SubElement(root, "g", {"class": f"node {knot.node.kind} {knot.how}{' focus' if focus else ''}"})
    SubElement(group, "title").text = "  ".join(map(_text, (name(knot), *facts(knot))))
    if knot.how != "one":
        SubElement(group, "path", {"class": "behind", "d": _outline(knot, x + 4, y + 4, width, height)})
    SubElement(group, "path", d=_outline(knot, x, y, width, height))
    shown = _lines(knot)
    for number, line in enumerate(shown):
        at = y + (number - (len(shown) - 1) / 2) * _LEADING + 4
        text = SubElement(group, "text", {"class": "name" if not number else "fact"}, x=f"{x:.1f}", y=f"{at:.1f}")
        text.text = _text(line)


def _outline(knot: Knot, x: float, y: float, width: float, height: float) -> str:
    """Of the box around ``x``, ``y``: versions round, checkpoints pointed, sources with a corner folded."""
    left, top = x - width / 2, y - height / 2
    start = f"M{left:.1f} {top:.1f}"
    match knot.node.kind:
        case "version":
            r, w, h = 8, width - 16, height - 16
            sides = (f"h{w:.1f}", r, r), (f"v{h:.1f}", -r, r), (f"h{-w:.1f}", -r, -r), (f"v{-h:.1f}", r, -r)
            return f"M{left + r:.1f} {top:.1f}{''.join(f'{side}a{r} {r} 0 0 1 {x} {y}' for side, x, y in sides)}z"
        case "checkpoint":
            p, w, h = 10, width - 20, height / 2
            return f"M{left + p:.1f} {top:.1f}h{w:.1f}l{p} {h:.1f}l{-p} {h:.1f}h{-w:.1f}l{-p} {-h:.1f}z"
        case "source":
            c, w, h = 9, width - 9, height - 9
            return f"{start}h{w:.1f}l{c} {c}v{h:.1f}h{-width:.1f}z"
        case _:
            return f"{start}h{width:.1f}v{height:.1f}h{-width:.1f}z"


def _text(text: str) -> str:
    return _NO_XML.sub("", clean(text))
