"""A lineage as Graphviz DOT: ``mmreg lineage up train --format dot | dot -Tsvg``.

Graphviz takes a label that starts with '<' for HTML where a binding passes it on unquoted, reads entities
everywhere, and writes control characters into SVG that is then no XML: `_escape` leaves none of that.
"""

from __future__ import annotations

import html
from collections.abc import Iterator

from mmreg.cli.render.label import label
from mmreg.schemas.lineage import Lineage, NodeKind

_SHAPES: dict[NodeKind, str] = {
    "version": "cylinder",
    "run": "box",
    "checkpoint": "hexagon",
    "source": "note",
}


def dot(lineage: Lineage) -> Iterator[str]:
    """The lines of a digraph, upstream on the left."""
    names = {node.id: f"n{number}" for number, node in enumerate(lineage.nodes)}
    yield "digraph lineage {"
    yield "  graph [rankdir=LR];"
    yield '  node [fontname="sans-serif" fontsize=11];'
    yield '  edge [fontname="sans-serif" fontsize=9];'
    for node in lineage.nodes:
        text = r"\n".join(map(_escape, label(node)))
        style = " style=bold" if node.id == lineage.focus else ""
        yield f'  {names[node.id]} [label="{text}" shape={_SHAPES.get(node.kind, "box")}{style}];'
    for edge in lineage.edges:
        if edge.source in names and edge.target in names:
            yield f'  {names[edge.source]} -> {names[edge.target]} [label="{_escape(edge.kind)}"];'
    yield "}"


def _escape(text: str) -> str:
    return html.escape(text, quote=False).replace("\\", "\\\\").replace('"', '\\"')
