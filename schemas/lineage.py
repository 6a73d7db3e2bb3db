"""The graph between data and models, as a value: what ``mmreg lineage`` answers with."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

NodeKind = Literal["version", "run", "checkpoint", "source"]
EdgeKind = Literal[
    "used", "generated", "curated_by", "trained_on", "init_from", "evaluated_on", "continues", "via"
]  # fmt: skip
"""``continues``: the run went on from that version of what it wrote to, without reading it. ``via``: what lies between
is not shown."""


@dataclass(frozen=True)
class Node:
    """``id`` is ``<kind>:<uuid, run id or digest>``; ``name`` the dataset, job or model; ``ref`` what a person types.

    ``facts`` are a few things worth showing beside it: rows, state, time.
    """

    id: str
    kind: NodeKind
    name: str
    ref: str
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Edge:
    """From upstream (``source``) to downstream (``target``). One end of every edge is a run, but of those ``via``."""

    source: str
    target: str
    kind: EdgeKind


@dataclass(frozen=True)
class Lineage:
    """A part of the graph seen from ``focus`` (a node's id), in ``direction``; nodes and edges in a stable order."""

    focus: str
    direction: Literal["up", "down", "path"]
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)
