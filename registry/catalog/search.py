"""Looking for digests, and for what nothing else refers to, in the index."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import NamedTuple

from mmreg.registry.catalog.database import Database
from mmreg.schemas.model import Checkpoint
from mmreg.schemas.run import Run


class SourceNode(NamedTuple):
    """A listing of a source: the digest of what was listed and the path that was declared."""

    digest: str
    path: str
    run: str


def checkpoints_named(db: Database, digits: str) -> Iterator[Checkpoint]:
    """The checkpoints that have a digest with ``digits`` in it: their own, of a file or of a component."""
    asked = (f"%{digits}%",)
    found = db.rows(
        "SELECT c.record FROM checkpoint c JOIN run r ON r.id = c.run WHERE c.record LIKE ?"
        " ORDER BY c.name, r.ended_at DESC, c.digest",
        asked,
    )
    for record in dict.fromkeys(record for (record,) in found):
        yield Checkpoint.from_dict(json.loads(record))


def sources_named(db: Database, digits: str) -> list[SourceNode]:
    """The listings of sources whose digest begins with ``digits``, each with a run that read it."""
    found = db.rows(
        "SELECT n.id, n.ref, min(t.id) FROM node n"
        " JOIN edge e ON e.source = n.number JOIN node t ON t.number = e.target"
        " WHERE n.kind = 'source' AND n.id LIKE ? GROUP BY n.id, n.ref ORDER BY n.ref, n.id",
        (f"source:%/{digits}%",),
    )
    return [SourceNode(id.rpartition("/")[2], ref, run) for id, ref, run in found]


def versions_named(db: Database, digits: str) -> list[tuple[str, int, str]]:
    """Dataset, ordinal and uuid of the versions whose uuid begins with ``digits``, hyphens left out."""
    found = db.rows(
        "SELECT dataset, ordinal, uuid FROM version WHERE uuid >= ? AND uuid < ? ORDER BY dataset, ordinal",
        (digits[:8], f"{digits[:8]}~"),
    )
    return [(dataset, ordinal, uuid) for dataset, ordinal, uuid in found if uuid.replace("-", "").startswith(digits)]


def runs_naming(db: Database, digits: str) -> Iterator[Run]:
    """The runs whose record has ``digits`` in it, the newest first. Reads every record."""
    found = db.rows("SELECT record FROM run WHERE record LIKE ? ORDER BY ended_at DESC, id DESC", (f"%{digits}%",))
    return (Run.from_json(record) for (record,) in found)


_LOOKED_AT = "('validation', 'promotion')"
"""Runs that look at a version and make nothing from it."""


def unused_versions(db: Database) -> set[str]:
    """The uuids of versions that no run made anything from, and no other version in the lake refers to."""
    there = db.rows("SELECT uuid FROM version WHERE uuid NOT IN (SELECT uuid FROM removal)")
    used = db.rows(  # from the runs, by the edges' own order: not version by version
        "SELECT DISTINCT n.id FROM edge e JOIN node n ON n.number = e.source JOIN node t ON t.number = e.target"
        " JOIN run r ON r.id = substr(t.id, 5)"
        f" WHERE n.kind = 'version' AND e.kind <> 'continues' AND r.kind NOT IN {_LOOKED_AT}"
    )
    found = {uuid for (uuid,) in there} - {id.removeprefix("version:") for (id,) in used}
    pinned = db.rows("SELECT DISTINCT roots FROM version WHERE uuid NOT IN (SELECT uuid FROM removal)")
    for (roots,) in pinned:
        found -= {root["uuid"] for root in json.loads(roots)}
    return found


def unused_checkpoints(db: Database) -> set[str]:
    """The digests of registered checkpoints that no run used and no alias means."""
    found = db.rows(
        "SELECT DISTINCT c.digest FROM checkpoint c WHERE NOT EXISTS"
        " (SELECT 1 FROM node n JOIN edge e ON e.source = n.number WHERE n.id = 'checkpoint:' || c.digest)"
    )
    return {digest for (digest,) in found}


def untrained_checkpoints(db: Database) -> set[str]:
    """The digests of registered checkpoints of which no run tells what they were trained on."""
    found = db.rows(
        "SELECT DISTINCT c.digest FROM checkpoint c WHERE NOT EXISTS"
        " (SELECT 1 FROM node n JOIN edge g ON g.target = n.number AND g.kind = 'generated'"
        " JOIN edge t ON t.target = g.source AND t.kind = 'trained_on' WHERE n.id = 'checkpoint:' || c.digest)"
    )
    return {digest for (digest,) in found}


def unread_sources(db: Database) -> list[tuple[str, str]]:
    """Path and time of the last listing of each source from which no version that is still there was read."""
    return [
        (ref, at or "")
        for ref, at in db.rows(
            "SELECT n.ref, max(t.at) FROM node n JOIN edge e ON e.source = n.number JOIN node t ON t.number = e.target"
            " WHERE n.kind = 'source' GROUP BY n.ref"
            " HAVING sum((SELECT count(*) FROM edge g JOIN node v ON v.number = g.target WHERE g.source = t.number"
            " AND g.kind = 'generated' AND v.kind = 'version'"
            " AND NOT EXISTS (SELECT 1 FROM removal WHERE 'version:' || removal.uuid = v.id))) = 0 ORDER BY n.ref"
        )
    ]


def source_count(db: Database) -> int:
    """How many sources were ever read."""
    found = db.row("SELECT count(DISTINCT ref) FROM node WHERE kind = 'source'")
    return int(found[0]) if found else 0
