"""A lineage put together from what a file says of it, piece by piece. The file may be anybody's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast, get_args

from mmreg.errors import UsageError
from mmreg.schemas.lineage import Edge, EdgeKind, Lineage, Node, NodeKind

_KINDS: tuple[NodeKind, ...] = get_args(NodeKind)
_DIRECTIONS = ("up", "down", "path")
_EXPORT_AGAIN = "mmreg lineage export NODE --output FILE writes one that can be read"

Doc = Mapping[str, Any]


class Gathered:
    """Nodes and edges as they are met; of a node that is met twice the fuller telling stays."""

    def __init__(self) -> None:
        self._nodes: dict[str, Node] = {}
        self._places: dict[str, int] = {}
        self._edges: dict[Edge, None] = {}
        self._focus: tuple[str, str] | None = None

    def node(self, where: str, said: Doc) -> str:
        """Take in what ``mmreg_node`` says: id, kind, name, ref, facts, and maybe position and focus."""
        kind, id = said.get("kind"), text(where, said, "id")
        if kind not in _KINDS or not id.startswith(f"{kind}:"):
            raise wrong(where, f"{id!r} is not the id of a node")
        facts = said.get("facts", {})
        if not isinstance(facts, Mapping):
            raise wrong(where, "'facts' is not an object")
        node = Node(id, kind, text(where, said, "name"), text(where, said, "ref"), dict(facts))
        if id not in self._nodes or len(node.facts) > len(self._nodes[id].facts):
            self._nodes[id] = node
        if isinstance(place := said.get("position"), int):
            self._places[id] = place
        if (focus := said.get("focus")) is not None:
            if focus not in _DIRECTIONS:
                raise wrong(where, f"{focus!r} is no direction")
            self._focus = (id, focus)
        return id

    def edge(self, where: str, source: str, target: str, kind: object) -> None:
        if not isinstance(kind, str) or not kind:
            raise wrong(where, f"{kind!r} is no kind of edge")
        self._edges[Edge(source, target, cast(EdgeKind, kind))] = None

    def lineage(self) -> Lineage:
        """All of it. Where no focus was named it is told from where it begins."""
        if not self._nodes:
            raise UsageError("the file tells of no run and no dataset", hint=_EXPORT_AGAIN)
        met = {id: place for place, id in enumerate(self._nodes)}
        order = sorted(self._nodes, key=lambda id: (self._places.get(id, len(met)), met[id]))
        place = {id: position for position, id in enumerate(order)}
        edges = sorted(self._edges, key=lambda edge: (place[edge.source], place[edge.target], edge.kind))
        focus, direction = self._focus or (order[0], "path")
        nodes = tuple(self._nodes[id] for id in order)
        return Lineage(focus, cast(Any, direction), nodes, tuple(edges))


def text(where: str, said: Doc, key: str) -> str:
    """The text under ``key``. Raises `UsageError` where there is none."""
    value = said.get(key)
    if not isinstance(value, str) or not value:
        raise wrong(where, f"{key!r} is missing, or no text")
    return value


def table(where: str, said: Doc, key: str) -> Doc:
    """The object under ``key``, empty where there is none. Raises `UsageError` where it is something else."""
    value = said.get(key)
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise wrong(where, f"{key!r} is not an object")
    return value


def tables(where: str, said: Doc, key: str) -> list[Doc]:
    """The list of objects under ``key``, empty where there is none. Raises `UsageError` where it is something else."""
    value = said.get(key)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(one, Mapping) for one in value):
        raise wrong(where, f"{key!r} is not a list of objects")
    return value


def wrong(where: str, what: str) -> UsageError:
    return UsageError(f"{where}: {what}", hint=_EXPORT_AGAIN)
