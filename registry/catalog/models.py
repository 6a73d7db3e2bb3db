"""Models: which checkpoint a ref means, and the list that ``model ls`` shows."""

from __future__ import annotations

import json
from math import nan

from mmreg.errors import NotFound, UsageError
from mmreg.registry.catalog.database import Database
from mmreg.schemas.model import Checkpoint
from mmreg.schemas.refs import ModelRef
from mmreg.schemas.summary import ModelSummary


def checkpoint(db: Database, ref: ModelRef) -> Checkpoint:
    """The checkpoint that ``ref`` means: the newest of that name, the one with that alias or digest.

    Raises `NotFound` with near names, and `UsageError` for a digest prefix of several.
    """
    known = registered(db, ref.name)
    if not known:
        raise _unknown_model(db, ref)
    if ref.selector is None:
        return next(iter(known.values()))
    meant = aliases(db, ref.name)
    if ref.selector in meant:
        return _by_alias(ref, known, meant[ref.selector])
    found = [digest for digest in known if digest.startswith(ref.selector)]
    if len(found) > 1:
        raise UsageError(f"{ref} could be {', '.join(found)}", hint=f"{ref.name}@{found[0]}")
    if not found:
        raise _unknown_checkpoint(ref, sorted(meant))
    return known[found[0]]


def models(db: Database) -> list[ModelSummary]:
    """Every checkpoint once for each name that it was registered under: by name, the newest first."""
    names = db.rows("SELECT DISTINCT name FROM checkpoint ORDER BY name")
    return [summary for (name,) in names for summary in _summaries(db, name)]


def checkpoints(db: Database) -> list[Checkpoint]:
    """Every checkpoint that was registered, by name, the newest first: once for each name, as last registered."""
    newest: dict[tuple[str, str], Checkpoint] = {}
    for name, digest, record in db.rows(
        "SELECT c.name, c.digest, c.record FROM checkpoint c JOIN run r ON r.id = c.run"
        " ORDER BY c.name, r.ended_at DESC, r.id DESC, c.digest"
    ):
        if (name, digest) not in newest:
            newest[name, digest] = Checkpoint.from_dict(json.loads(record))
    return list(newest.values())


def registered(db: Database, name: str) -> dict[str, Checkpoint]:
    """The checkpoints of a model by digest, the newest first, each as it was last registered."""
    newest: dict[str, Checkpoint] = {}
    for digest, record in db.rows(
        "SELECT c.digest, c.record FROM checkpoint c JOIN run r ON r.id = c.run WHERE c.name = ?"
        " ORDER BY r.ended_at DESC, r.id DESC, c.digest",
        (name,),
    ):
        if digest not in newest:
            newest[digest] = Checkpoint.from_dict(json.loads(record))
    return newest


def aliases(db: Database, name: str) -> dict[str, str]:
    """What each alias of a model means now."""
    return dict(
        db.rows(
            "SELECT a.alias, a.digest FROM alias a JOIN run r ON r.id = a.run WHERE a.model = ?"
            " ORDER BY r.ended_at, r.id",
            (name,),
        )
    )


def _by_alias(ref: ModelRef, registered: dict[str, Checkpoint], digest: str) -> Checkpoint:
    if digest not in registered:
        raise NotFound(f"{ref} means checkpoint {digest}, which is not registered", hint="mmreg model ls")
    return registered[digest]


def _summaries(db: Database, name: str) -> list[ModelSummary]:
    named = aliases(db, name)
    return [
        ModelSummary(
            name=name,
            digest=digest,
            aliases=tuple(sorted(alias for alias, meant in named.items() if meant == digest)),
            framework=known.framework,
            created_at=ended_at,
            run=run,
            trained_on=_trained_on(db, digest),
            metrics=_metrics(db, digest),
            size_bytes=known.size_bytes,
            license=known.license,
            base=known.base,
            path=known.path,
            opaque=known.opaque,
        )
        for digest, known in registered(db, name).items()
        for run, ended_at in [_registration(db, name, digest)]
    ]


def _registration(db: Database, name: str, digest: str) -> tuple[str, str]:
    found = db.row(
        "SELECT r.id, r.ended_at FROM checkpoint c JOIN run r ON r.id = c.run"
        " WHERE c.digest = ? AND c.name = ? ORDER BY r.ended_at DESC, r.id DESC LIMIT 1",
        (digest, name),
    )
    assert found is not None
    return found[0], found[1]


def _trained_on(db: Database, digest: str) -> tuple[str, ...]:
    """Refs of what any run that made this checkpoint was trained on."""
    found = db.rows(
        "SELECT DISTINCT used.ref FROM node made"
        " JOIN edge g ON g.target = made.number AND g.kind = 'generated'"
        " JOIN edge t ON t.target = g.source AND t.kind = 'trained_on'"
        " JOIN node used ON used.number = t.source WHERE made.id = ? ORDER BY used.ref",
        (f"checkpoint:{digest}",),
    )
    return tuple(ref for (ref,) in found)


def _metrics(db: Database, digest: str) -> dict[str, float]:
    found = db.rows(
        "SELECT m.name, m.value FROM metric m JOIN run r ON r.id = m.run WHERE m.digest = ? ORDER BY r.ended_at, r.id",
        (digest,),
    )
    newest = {name: nan if value is None else value for name, value in found}
    return dict(sorted(newest.items()))


def _unknown_model(db: Database, ref: ModelRef) -> NotFound:
    from mmreg.schemas.suggest import did_you_mean

    known = [name for (name,) in db.rows("SELECT DISTINCT name FROM checkpoint")]
    return NotFound(f"no model {ref.name!r}{did_you_mean(ref.name, known)}", hint="mmreg model ls")


def _unknown_checkpoint(ref: ModelRef, aliases: list[str]) -> NotFound:
    from mmreg.schemas.suggest import did_you_mean

    return NotFound(
        f"{ref}: no alias or digest of model {ref.name!r} begins like that"
        + (did_you_mean(ref.selector or "", aliases) if aliases else "; it has no alias yet"),
        hint="mmreg model ls",
    )
