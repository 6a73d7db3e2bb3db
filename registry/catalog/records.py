"""Whole records by their ids: runs and checkpoints, some hundred in memory at a time."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import islice

from mmreg.registry.catalog.database import Database
from mmreg.schemas.model import Checkpoint
from mmreg.schemas.run import Run

CHUNK = 500


def runs(db: Database, ids: Iterable[str]) -> Iterator[Run]:
    """The runs with these ids, in their order; one that is not known is left out."""
    for chunk in _chunks(ids):
        found: dict[str, str] = dict(
            db.rows(f"SELECT id, record FROM run WHERE id IN ({', '.join('?' * len(chunk))})", chunk)
        )
        yield from (Run.from_json(found[id]) for id in chunk if id in found)


def checkpoints(db: Database, digests: Iterable[str]) -> Iterator[Checkpoint]:
    """The checkpoints with these digests, each as every name it has was given it, by digest and name."""
    for chunk in _chunks(digests):
        found = db.rows(
            "SELECT c.digest, c.name, c.record FROM checkpoint c JOIN run r ON r.id = c.run"
            f" WHERE c.digest IN ({', '.join('?' * len(chunk))}) ORDER BY r.ended_at, r.id",
            chunk,
        )
        newest = {(digest, name): record for digest, name, record in found}
        yield from (Checkpoint.from_dict(json.loads(newest[key])) for key in sorted(newest))


def _chunks(ids: Iterable[str]) -> Iterator[list[str]]:
    iterator = iter(ids)
    while chunk := list(islice(iterator, CHUNK)):
        yield chunk
