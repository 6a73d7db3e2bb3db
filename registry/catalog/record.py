"""Writing one run into the index: its versions, models and decisions, and its part of the lineage graph.

Whatever the order in which runs arrive, and however often, the index ends the same: rows belong to the run
that said them, and "the last one" is decided when somebody asks, by (ended_at, id).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from math import isnan
from typing import Any

from mmreg.registry.catalog.carried import record_carried
from mmreg.registry.catalog.database import Transaction
from mmreg.registry.runs import merge
from mmreg.schemas.run import REMOVED, Run, RunInput, RunState

SHORT = 12
"""Hexadecimal digits of a digest that a ref shows."""


def record_run(db: Transaction, run: Run) -> bool:
    """Write ``run``, or what it adds to a copy already known. False where there was nothing new."""
    known = db.execute("SELECT record FROM run WHERE id = ?", (run.id,)).fetchone()
    if known:
        if known[0] == run.to_json():
            return False
        run = merge(run, Run.from_json(known[0]))
        if known[0] == run.to_json():
            return False
        _forget(db, run)
    db.execute(
        "INSERT INTO run (id, kind, name, state, started_at, ended_at, archived, record)"
        " VALUES (?, ?, ?, ?, ?, ?, false, ?) ON CONFLICT (id) DO UPDATE"
        " SET state = excluded.state, ended_at = excluded.ended_at, record = excluded.record",
        (run.id, run.job.kind, run.job.name, run.state, run.started_at, run.ended_at, run.to_json()),
    )
    _versions(db, run)
    _models(db, run)
    if run.state is RunState.COMPLETE:
        _said(db, run)
    _graph(db, run)
    record_carried(db, run)
    return True


def _forget(db: Transaction, run: Run) -> None:
    """Remove what a poorer copy said; the nodes stay and are named again."""
    for table in ("version", "promotion", "verdict", "removal", "checkpoint", "alias", "metric"):
        db.execute(f"DELETE FROM {table} WHERE run = ?", (run.id,))
    number = "(SELECT number FROM node WHERE id = ?)"
    db.execute(f"DELETE FROM edge WHERE target = {number}", (f"run:{run.id}",))
    db.execute(f"DELETE FROM edge WHERE source = {number}", (f"run:{run.id}",))


def _versions(db: Transaction, run: Run) -> None:
    db.executemany(
        "INSERT INTO version"
        " (dataset, ordinal, uuid, kind, rows, rejected, lance_version, roots, columns, run,"
        " job_kind, job_name, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (dataset, ordinal, uuid) DO UPDATE SET kind = excluded.kind, rows = excluded.rows,"
        " rejected = excluded.rejected, lance_version = excluded.lance_version, roots = excluded.roots,"
        " columns = excluded.columns, run = excluded.run, job_kind = excluded.job_kind,"
        " job_name = excluded.job_name, created_at = excluded.created_at",
        [
            (
                o.dataset, o.ordinal, o.uuid, o.kind, o.rows, o.rejected, o.lance_version,
                json.dumps(o.roots), json.dumps(o.columns), run.id, run.job.kind, run.job.name, run.ended_at,
            )
            for o in run.outputs
        ],
    )  # fmt: skip


def _models(db: Transaction, run: Run) -> None:
    db.executemany(
        "INSERT INTO checkpoint (run, digest, name, record) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (run, digest, name) DO UPDATE SET record = excluded.record",
        [(run.id, doc["digest"], doc["name"], json.dumps(doc)) for doc in run.checkpoints],
    )


def _said(db: Transaction, run: Run) -> None:
    """What a run that ended well decided and measured."""
    if promotion := run.facets.get("promotion"):
        db.execute(
            "INSERT INTO promotion (run, dataset, uuid) VALUES (?, ?, ?)",
            (run.id, promotion["dataset"], promotion["uuid"]),
        )
    db.executemany(
        "INSERT INTO verdict (run, uuid, at, ok) VALUES (?, ?, ?, ?)",
        [(run.id, uuid, run.ended_at, ok) for uuid, ok in _verdict(run)],
    )
    db.executemany(
        "INSERT INTO removal (uuid, run, at) VALUES (?, ?, ?) ON CONFLICT (uuid, run) DO NOTHING",
        [(removed["uuid"], run.id, run.ended_at) for removed in run.facets.get(REMOVED, ())],
    )
    if alias := run.facets.get("alias"):
        db.execute(
            "INSERT INTO alias (run, model, alias, digest) VALUES (?, ?, ?, ?)",
            (run.id, alias["model"], alias["alias"], alias["digest"]),
        )
    db.executemany(
        "INSERT INTO metric (run, digest, name, value) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (run, digest, name) DO UPDATE SET value = excluded.value",
        [(run.id, digest, name, value) for digest, name, value in _metrics(run)],
    )


def _verdict(run: Run) -> Iterator[tuple[str, bool | None]]:
    """Whether a version is as its checks want it; None where it was promoted without any. Where only some of them
    passed, nothing is said of the others; and rows that changed tell nothing of the share that fails of all."""
    if promotion := run.facets.get("promotion"):
        if promotion.get("validation", "") is None:
            yield promotion["uuid"], None
    elif run.job.kind == "validation":
        found = run.facets.get("validation", {})
        if "ok" in found and not found.get("since") and not (found["ok"] and found.get("only")):
            yield from ((i.id, bool(found["ok"])) for i in run.inputs[:1] if i.kind == "version")


def _metrics(run: Run) -> Iterator[tuple[str, str, float | None]]:
    """The metrics of a run by checkpoint: those that it made, else those that it evaluated. None is NaN."""
    made = [doc["digest"] for doc in run.checkpoints]
    used = [i.id for i in run.inputs if i.kind == "checkpoint" and i.role == "used"]
    for name, value in run.facets.get("metrics", {}).items():
        if isinstance(value, Mapping):
            yield from ((name, inner, _number(metric)) for inner, metric in value.items())
        else:
            yield from ((digest, name, _number(value)) for digest in made or used)


def _number(metric: Any) -> float | None:
    number = float(metric)
    return None if isnan(number) else number


Node = tuple[str, str, str, str, str, str, str]
"""id, kind, name, ref, at, facts, named_by"""


def _graph(db: Transaction, run: Run) -> None:
    this = f"run:{run.id}"
    made = list(_made(run))
    db.executemany(
        "INSERT INTO node (id, kind, name, ref, at, facts, named_by) VALUES (?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (id) DO UPDATE SET name = excluded.name, ref = excluded.ref, at = excluded.at,"
        " facts = excluded.facts, named_by = excluded.named_by WHERE excluded.named_by <= node.named_by",
        [_run_node(run), *(_used(run, i) for i in run.inputs), *made],
    )
    db.executemany(
        "INSERT INTO edge (source, target, kind)"
        " SELECT s.number, t.number, CAST(? AS VARCHAR) FROM node s, node t WHERE s.id = ? AND t.id = ?"
        " ON CONFLICT (source, target, kind) DO NOTHING",
        [
            *((i.role, f"{i.kind}:{i.id}", this) for i in run.inputs),
            *(("generated", this, node[0]) for node in made),
        ],
    )


def _run_node(run: Run) -> Node:
    facts = {
        "job": run.job.kind,
        "state": run.state.value,
        "started_at": run.started_at,
        "ended_at": run.ended_at,
    }
    return (f"run:{run.id}", "run", run.job.name, f"run:{run.id}", run.ended_at, _facts(facts), f"0{run.id}")


def _made(run: Run) -> Iterator[Node]:
    at, by = run.ended_at, f"0{run.id}"
    for output in run.outputs:
        facts = {"rows": output.rows, "rejected": output.rejected, "created_at": at}
        yield f"version:{output.uuid}", "version", output.dataset, output.ref, at, _facts(facts), by
    for doc in run.checkpoints:
        name, digest = doc["name"], doc["digest"]
        ref = f"model:{name}@{digest[:SHORT]}"
        facts = {"framework": doc.get("framework", "unknown"), "created_at": at}
        yield f"checkpoint:{digest}", "checkpoint", name, ref, at, _facts(facts), by


def _used(run: Run, used: RunInput) -> Node:
    """An input as its user knew it: stands in until, if ever, the run that made it is met."""
    ref = used.ref if used.kind != "checkpoint" else f"sha256:{used.id[:SHORT]}"
    name = used.ref if used.kind == "source" else used.ref.partition("@")[0].removeprefix("model:")
    return f"{used.kind}:{used.id}", used.kind, name, ref, "", "{}", f"1{run.id}"


def _facts(facts: Mapping[str, Any]) -> str:
    return json.dumps(facts, separators=(",", ":"), ensure_ascii=False)
