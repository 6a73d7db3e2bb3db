"""The lineage graph as a whole: what exports ask for."""

from __future__ import annotations

import json

from mmreg.registry.catalog.database import Database
from mmreg.schemas.lineage import Edge, Lineage, Node


def whole(db: Database) -> Lineage:
    """All nodes in the order of their time, upstream first, with all edges. Seen from the first one."""
    found = db.rows(
        "SELECT number, id, kind, name, ref, facts FROM node ORDER BY at, kind IN ('version', 'checkpoint'), id"
    )
    place = {row[0]: position for position, row in enumerate(found)}
    among = sorted((place[s], place[t], kind) for s, t, kind in db.rows("SELECT source, target, kind FROM edge"))
    nodes = tuple(Node(id, kind, name, ref, json.loads(facts)) for _, id, kind, name, ref, facts in found)
    edges = tuple(Edge(nodes[source].id, nodes[target].id, kind) for source, target, kind in among)
    return Lineage(nodes[0].id if nodes else "", "path", nodes, edges)
