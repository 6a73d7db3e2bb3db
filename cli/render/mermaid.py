"""A lineage as a Mermaid flowchart, for Markdown that renders it.

Inside a quoted label Mermaid still reads entities and Markdown, and ``%%{...}%%`` directives anywhere. So
every character that is not plainly part of a word is written as ``#<code point>;``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from mmreg.cli.render.label import label
from mmreg.schemas.lineage import Lineage, NodeKind

_SHAPES: dict[NodeKind, tuple[str, str]] = {
    "version": ("[(", ")]"),
    "run": ("[", "]"),
    "checkpoint": ("{{", "}}"),
    "source": ("[/", "/]"),
}
_UNPLAIN = re.compile(r"[^\w .,:/@-]|^[-\d]")


def mermaid(lineage: Lineage) -> Iterator[str]:
    """The lines of a flowchart, upstream on the left."""
    names = {node.id: f"n{number}" for number, node in enumerate(lineage.nodes)}
    yield "flowchart LR"
    for node in lineage.nodes:
        before, after = _SHAPES.get(node.kind, ("[", "]"))
        text = _escape("\n".join(label(node)))
        yield f'  {names[node.id]}{before}"{text}"{after}'
    for edge in lineage.edges:
        if edge.source in names and edge.target in names:
            yield f"  {names[edge.source]} -->|{_escape(edge.kind)}| {names[edge.target]}"
    if lineage.focus in names:
        yield f"  style {names[lineage.focus]} stroke-width:3px"


def _escape(text: str) -> str:
    # A digit or a dash at the beginning would make the label a Markdown list.
    return _UNPLAIN.sub(lambda match: "<br/>" if match[0] == "\n" else f"#{ord(match[0])};", text)
