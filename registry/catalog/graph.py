"""The lineage graph: which node a ref means, what lies upstream or downstream of it, what lies between two.

Edges are kept by number with a covering index each way, so a closure costs one recursive query however large
the graph is.
"""

from __future__ import annotations

import json
from collections.abc import Collection

from mmreg.errors import NotFound, UsageError
from mmreg.registry.catalog.database import Database, Row
from mmreg.registry.catalog.models import checkpoint
from mmreg.registry.catalog.versions import resolve
from mmreg.schemas.lineage import Edge, Lineage, Node
from mmreg.schemas.refs import ModelRef, NodeRef, VersionRef

CHUNK = 500
"""Ids in one statement."""

_ENDS = {"up": ("target", "source"), "down": ("source", "target")}
"""From which end of an edge to which a direction walks."""


def node_id(db: Database, ref: NodeRef) -> str:
    """The id of the node that ``ref`` means. Raises `NotFound`, and `UsageError` for a prefix of several."""
    match ref.kind:
        case "version":
            return f"version:{resolve(db, VersionRef.parse(ref.value)).uuid}"
        case "model":
            return f"checkpoint:{checkpoint(db, ModelRef.parse(ref.value)).digest}"
        case "run":
            return _by_prefix(db, ref, f"run:{ref.value}", "mmreg log NAME")
        case "digest":
            return _by_prefix(db, ref, f"checkpoint:{ref.value}", "mmreg model ls")
        case "source":
            return _source(db, ref)


def lineage(db: Database, focus: str, direction: str, depth: int | None = None) -> Lineage:
    """What ``focus`` (a node's id) came from (`up`) or what came of it (`down`).

    ``depth`` counts runs: 1, from a version, is the run that made it and what that run read. Nodes are in the
    order of their time, upstream first; edges in the order of their nodes.
    """
    if direction not in ("up", "down"):
        raise UsageError(f"{direction!r} is no direction: up or down")
    if depth is not None and depth < 0:
        raise UsageError(f"a depth of {depth} makes no sense: 0 or more")
    number, kind = _known(db, focus)
    here, there = _ENDS[direction]
    parameters: tuple[int, ...]
    if depth is None:
        members, parameters = _closure(here, there), (number,)
    else:
        # A run is one step from its inputs and outputs; any other node first takes a step to a run.
        members, parameters = _within(here, there), (number, 2 * depth - (kind == "run" and depth > 0))
    nodes, edges = _part(db, members, parameters, here)
    return Lineage(focus, "up" if direction == "up" else "down", nodes, edges)


def path(db: Database, a: str, b: str) -> Lineage:
    """All that is on a way from ``a`` to ``b``, or else from ``b`` to ``a``; without one, no edges."""
    first, second = _known(db, a)[0], _known(db, b)[0]
    down, up = (_closure(*_ENDS[direction]) for direction in ("down", "up"))
    between = f"SELECT number FROM ({down}) d INTERSECT SELECT number FROM ({up}) u"
    for ends in ((first, second), (second, first)):
        nodes, edges = _part(db, between, ends, "source")
        if nodes:
            return Lineage(a, "path", nodes, edges)
    both = "SELECT number FROM node WHERE number IN (?, ?)"
    return Lineage(a, "path", *_part(db, both, (first, second), "source"))


def next_runs(db: Database, id: str, direction: str) -> list[str]:
    """The ids of the runs that made the node ``id`` (`up`), or that used it (`down`), in their order in time."""
    here, there = _ENDS[direction]
    found = db.rows(
        f"SELECT DISTINCT r.id, r.at FROM node n JOIN edge e ON e.{here} = n.number JOIN node r ON r.number = e.{there}"
        " WHERE n.id = ? ORDER BY r.at, r.id",
        (id,),
    )
    return [str(run).removeprefix("run:") for run, _ in found]


def nodes(db: Database, ids: Collection[str]) -> tuple[Node, ...]:
    """The nodes with these ids, as `lineage` has them: those that are not known are left out."""
    chunks = [list(ids)[start : start + CHUNK] for start in range(0, len(ids), CHUNK)]
    found = [
        row
        for chunk in chunks
        for row in db.rows(
            f"SELECT id, kind, name, ref, facts, at FROM node WHERE id IN ({', '.join('?' * len(chunk))})", chunk
        )
    ]
    found.sort(key=lambda row: (row[5], row[1] in ("version", "checkpoint"), row[0]))
    return tuple(Node(id, kind, name, ref, json.loads(facts)) for id, kind, name, ref, facts, _ in found)


def _closure(here: str, there: str) -> str:
    return (
        "WITH RECURSIVE reached (number) AS (VALUES (CAST(? AS BIGINT)) UNION"
        f" SELECT e.{there} FROM reached r JOIN edge e ON e.{here} = r.number) SELECT number FROM reached"
    )


def _within(here: str, there: str) -> str:
    return (
        "WITH RECURSIVE reached (number, steps) AS (VALUES (CAST(? AS BIGINT), CAST(? AS INTEGER)) UNION"
        f" SELECT e.{there}, r.steps - 1 FROM reached r JOIN edge e ON e.{here} = r.number"
        " WHERE r.steps > 0) SELECT DISTINCT number FROM reached"
    )


def _part(
    db: Database, members: str, parameters: tuple[int, ...], here: str
) -> tuple[tuple[Node, ...], tuple[Edge, ...]]:
    """The nodes whose numbers ``members`` selects, and the edges among them, found by their end ``here``."""
    found = db.rows(
        f"SELECT n.number, n.id, n.kind, n.name, n.ref, n.facts FROM ({members}) m CROSS JOIN node n"
        " WHERE n.number = m.number ORDER BY n.at, n.kind IN ('version', 'checkpoint'), n.id",
        parameters,
    )
    facts = json.loads(f"[{','.join(row[5] for row in found)}]")
    nodes = tuple(
        Node(id, kind, name, ref, fact) for (_, id, kind, name, ref, _), fact in zip(found, facts, strict=True)
    )
    return nodes, _edges(db, found, here)


def _edges(db: Database, found: list[Row], here: str) -> tuple[Edge, ...]:
    place = {row[0]: position for position, row in enumerate(found)}
    among = sorted(
        (place[source], place[target], kind)
        for source, target, kind in db.rows(
            f"SELECT source, target, kind FROM {db.numbers} m CROSS JOIN edge WHERE {here} = m.value",
            (json.dumps(list(place)),),
        )
        if source in place and target in place
    )
    ids = [row[1] for row in found]
    return tuple(Edge(ids[source], ids[target], kind) for source, target, kind in among)


def _known(db: Database, id: str) -> tuple[int, str]:
    found = db.row("SELECT number, kind FROM node WHERE id = ?", (id,))
    if found is None:
        raise NotFound(f"{id} is not in the lineage graph", hint="mmreg ls, or mmreg model ls")
    return found[0], found[1]


def _source(db: Database, ref: NodeRef) -> str:
    """What was first read from there, so that all that came of it since lies downstream.

    There is a node for each listing. A source is named by its path as it was declared, one listing by its id.
    """
    found = db.row(
        "SELECT n.id FROM node n LEFT JOIN edge e ON e.source = n.number LEFT JOIN node r ON r.number = e.target"
        " WHERE n.kind = 'source' AND (n.ref = ? OR n.id = ?) ORDER BY r.at, r.id, n.id LIMIT 1",
        (ref.value, f"source:{ref.value}"),
    )
    if found is None:
        from mmreg.schemas.suggest import did_you_mean

        known = [path for (path,) in db.rows("SELECT DISTINCT ref FROM node WHERE kind = 'source'")]
        raise NotFound(
            f"{ref}: nothing was read from there{did_you_mean(ref.value, known)}",
            hint="mmreg ls, then mmreg lineage up NAME",
        )
    return str(found[0])


def _by_prefix(db: Database, ref: NodeRef, prefix: str, hint: str) -> str:
    # '~' comes after all that ids are made of.
    found = [
        str(id)
        for (id,) in db.rows(
            "SELECT id FROM node WHERE id >= ? AND id < ? ORDER BY id = ? DESC, id LIMIT 5",
            (prefix, f"{prefix}~", prefix),
        )
    ]
    if not found:
        raise NotFound(f"{ref}: nothing in the lineage graph begins like that", hint=hint)
    if len(found) > 1 and found[0] != prefix:
        raise UsageError(f"{ref} could be {', '.join(found)}", hint="more of its characters")
    return found[0]
