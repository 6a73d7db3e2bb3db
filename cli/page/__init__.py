"""A lineage as one HTML file to be opened from anywhere: search it, walk it, see the whole of it.

Nothing is fetched. The policy in the file lets run the one script that it was written with, by its digest, and forbids
every request. What comes from data is cleaned here and only ever set as text there; without a script it shows a tree.
"""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Iterator
from hashlib import sha256
from html import escape
from pathlib import Path
from typing import Any

import mmreg
from mmreg.cli.render import render
from mmreg.cli.render.fold import Knot, Sketch, fold, unfolded
from mmreg.cli.render.label import facts, lines, name
from mmreg.cli.render.layout import paint
from mmreg.cli.render.lineage import ROLES, Tree
from mmreg.cli.text import clean, clip
from mmreg.schemas.lineage import Lineage, Node

_FEW = 24
"""Nothing is folded in a lineage of so many nodes."""
_TEXT = 200
_HERE = Path(__file__).parent


def page(lineage: Lineage, *, whole: bool = False) -> str:
    """The page. ``whole``: nothing is folded until somebody asks for it."""
    sketch = unfolded(lineage) if whole or len(lineage.nodes) <= _FEW else fold(lineage)
    script = "".join(_read(file) for file in ("layout.js", "page.js"))
    style = _read("page.css")
    tree = "\n".join(paint(line, colour=False) for line in render(Tree(sketch)))
    parts = {
        "script": script,
        "script_digest": _digest(script),
        "style": style,
        "style_digest": _digest(style),
        "title": escape(_title(lineage)),
        "data": _data(lineage, sketch),
        "tree": escape(tree),
        "version": escape(mmreg.__version__),
    }
    return re.sub(r"{{ (\w+) }}", lambda match: parts[match[1]], _read("page.html").rstrip())


def _read(file: str) -> str:
    return (_HERE / file).read_text("utf-8")


def _digest(text: str) -> str:
    return f"sha256-{b64encode(sha256(text.encode()).digest()).decode()}"


def _title(lineage: Lineage) -> str:
    focus = next((node.ref for node in lineage.nodes if node.id == lineage.focus), "nothing")
    said = {"up": "where {} came from", "down": "what came of {}", "path": "how {} and another are connected"}
    return _text(said[lineage.direction].format(focus))


def _data(lineage: Lineage, sketch: Sketch) -> str:
    """What the script reads: nodes by number, edges between numbers, and which nodes are folded into what."""
    number = {node.id: at for at, node in enumerate(lineage.nodes)}
    data = {
        "focus": number.get(lineage.focus, 0),
        "direction": lineage.direction,
        "roles": ROLES,
        "nodes": [_node(node) for node in lineage.nodes],
        "edges": [
            [number[edge.source], number[edge.target], edge.kind]
            for edge in lineage.edges
            if edge.source in number and edge.target in number
        ],
        "folds": [
            {"kind": knot.node.kind, "how": knot.how, "lines": list(map(_text, lines(knot))), "nodes": members}
            for knot in sketch.knots.values()
            if len(members := list(_members(knot, number))) > 1
        ],
    }
    return json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("<", r"\u003c")


def _node(node: Node) -> dict[str, Any]:
    knot = Knot(node.id, (node,))
    return {
        "kind": node.kind,
        "name": _text(name(knot)),
        "ref": _text(node.ref),
        "lines": list(map(_text, lines(knot))),
        "facts": list(map(_text, facts(knot))),
        "at": _text(str(node.facts.get("created_at") or node.facts.get("ended_at") or "")),
    }


def _members(knot: Knot, number: dict[str, int]) -> Iterator[int]:
    return (number[node.id] for node in (*knot.members, *knot.beside))


def _text(text: str) -> str:
    return clip(clean(text), _TEXT)
