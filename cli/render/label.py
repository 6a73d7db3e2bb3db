"""The label of a node in a picture, whatever its name holds."""

from __future__ import annotations

from mmreg.cli.render.lineage import short_run
from mmreg.cli.text import HOSTILE, clip, plural
from mmreg.schemas.lineage import Node

LIMIT = 60
"""Characters of one line of a label."""


def label(node: Node) -> tuple[str, ...]:
    """One or two lines of at most `LIMIT` characters, without control characters. Not yet escaped."""
    if node.kind == "run":
        lines = (f"{node.facts.get('job', 'run')} {node.name}", short_run(node))
    else:
        rows = node.facts.get("rows")
        lines = (node.ref, plural(rows, "row")) if isinstance(rows, int) else (node.ref, "")
    shown = (clip(HOSTILE.sub("", line).strip(), LIMIT) for line in lines)
    return tuple(line for line in shown if line) or (node.kind,)  # Mermaid cannot parse an empty label
