"""Datasets and their versions: what a ref means, and the lists that ``ls`` and ``log`` show."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from mmreg.errors import IntegrityError, NotFound, UsageError
from mmreg.registry.catalog.database import EVERYTHING, Database, Parameters
from mmreg.schemas.refs import VersionRef
from mmreg.schemas.summary import DatasetSummary, LogEntry


@dataclass(frozen=True)
class VersionRow:
    """A version as the index knows it; ``created_at`` is when its run ended.

    ``lance_version`` is 0 where only the commit itself could tell. ``removed_by`` is the run that removed it from the
    lake, ``removed_at`` when that was; '' for what is still there. ``verdict`` is what the last run to judge it said,
    ``judged_by``; '' for what was never checked. What upkeep has made stands as the version did that it was made from.
    """

    dataset: str
    uuid: str
    ordinal: int
    kind: Literal["root", "derived"]
    rows: int
    rejected: int
    lance_version: int
    roots: tuple[Mapping[str, Any], ...]
    columns: tuple[str, ...]
    run: str
    job_kind: str
    job_name: str
    created_at: str
    promoted: bool
    removed_by: str = ""
    removed_at: str = ""
    verdict: Literal["", "passed", "failed"] = ""
    judged_by: str = ""

    @property
    def ref(self) -> str:
        return str(VersionRef.at(self.dataset, self.ordinal, self.uuid))

    @property
    def failed(self) -> bool:
        return self.verdict == "failed"

    def readable(self) -> VersionRow:
        """This version, where its rows are still in the lake. Raises `NotFound`, which says who removed it and when."""
        if self.removed_by:
            raise NotFound(
                f"{self.ref} was removed from the lake by run {self.removed_by} at {self.removed_at}; "
                "its run and its lineage are still known",
                hint=f"mmreg log {self.dataset}",
            )
        return self


def resolve(db: Database, ref: VersionRef) -> VersionRow:
    """The version that ``ref`` means.

    Raises `NotFound` with near names or the latest version, and `UsageError` for a uuid prefix of several.
    """
    if ref.selector is None:
        found = meant(db, ref.dataset)
    elif ref.selector == "latest":
        found = _latest(db, ref.dataset)
    elif ref.ordinal is not None:
        found = _select(db, "dataset = ? AND ordinal = ?", (ref.dataset, ref.ordinal))
    elif ref.uuid_prefix is not None:
        # '~' comes after all that a uuid is made of.
        bounds = (ref.uuid_prefix, f"{ref.uuid_prefix}~")
        found = _select(db, "dataset = ? AND uuid >= ? AND uuid < ?", (ref.dataset, *bounds))
    else:
        found = []
    if not found:
        raise _not_found(db, ref)
    if len(found) > 1:
        raise _ambiguous(ref, found)
    return found[0]


_KINDS: Mapping[str, Literal["maintenance", "unattributed"]] = {
    "maintenance": "maintenance", "unattributed": "unattributed",
}  # fmt: skip


def versions(db: Database, dataset: str) -> list[VersionRow]:
    """All versions of ``dataset``, the newest first; empty for an unknown one."""
    return _select(db, "dataset = ?", (dataset,))


def kind_of(db: Database, dataset: str) -> Literal["root", "derived"] | None:
    """Whether ``dataset`` has rows of its own or refers to those of others; None for an unknown one."""
    found = db.row("SELECT kind FROM version WHERE dataset = ? LIMIT 1", (dataset,))
    return None if found is None else "derived" if found[0] == "derived" else "root"


def datasets(db: Database) -> list[DatasetSummary]:
    """One line for each dataset, by name: what its bare name means, and its latest version."""
    counts = db.rows("SELECT dataset, count(*) FROM version GROUP BY dataset ORDER BY dataset")
    return [_summary(db, name, count) for name, count in counts]


def log(db: Database, dataset: str) -> list[LogEntry]:
    """The history of ``dataset``, the newest version first. Raises `NotFound` for an unknown one."""
    found = versions(db, dataset)
    if not found:
        raise _not_found(db, VersionRef(dataset))
    return [
        LogEntry(
            ref=row.ref,
            uuid=row.uuid,
            created_at=row.created_at,
            job=f"{row.job_kind} {row.job_name}",
            rows=row.rows,
            rejected=row.rejected,
            columns=row.columns,
            run=row.run,
            promoted=row.promoted,
            kind=_KINDS.get(row.job_kind, "published"),
            removed_by=row.removed_by,
            removed_at=row.removed_at,
            verdict=row.verdict,
            judged_by=row.judged_by,
        )
        for row in found
    ]


def _summary(db: Database, name: str, count: int) -> DatasetSummary:
    latest = _latest(db, name)[0]
    current = next(iter(meant(db, name)), None)
    shown = current or latest
    return DatasetSummary(
        name=name,
        kind=latest.kind,
        current=current.ref if current is not None else None,
        latest=latest.ref,
        promoted=shown.promoted,
        rows=shown.rows,
        rejected=shown.rejected,
        versions=count,
        updated_at=latest.created_at,
        failed=tuple(dict.fromkeys(row.ref for row in (shown, latest) if row.failed)),
    )


def promoted(db: Database, dataset: str) -> VersionRow | None:
    """The version of ``dataset`` that was promoted last, whatever became of it; None before the first promotion."""
    return next(iter(_select(db, "uuid = ?", (_promoted(db, dataset),))), None)


def meant(db: Database, dataset: str) -> list[VersionRow]:
    """What the bare name means: what was promoted, else the newest version; where that has failed its checks the newest
    that has passed them, and where none has: nothing. What was promoted stays it, also where it fails later: nobody's
    data change by a check."""
    if (found := promoted(db, dataset)) is not None:
        return [found]
    newest = _latest(db, dataset)
    if newest and newest[0].failed:
        # One that was never checked may be half of what failed: select, then columns, then the checks.
        newest = [row for row in versions(db, dataset) if row.verdict == "passed" and not row.removed_by][:1]
    return newest


def _latest(db: Database, dataset: str) -> list[VersionRow]:
    # By the index alone, whatever the number of versions; all are looked at where none has a place yet.
    newest = "dataset = ? AND lance_version = (SELECT max(lance_version) FROM version WHERE dataset = ?)"
    return _select(db, newest, (dataset, dataset), limit=1) or _select(db, "dataset = ?", (dataset,), limit=1)


def _select(db: Database, where: str, parameters: Parameters, limit: int = EVERYTHING) -> list[VersionRow]:
    newest_first = "ORDER BY coalesce(lance_version, 0) DESC, ordinal DESC, created_at DESC, uuid DESC"
    rows = db.rows(  # cut first: what others say of versions is asked for those alone
        "SELECT dataset, uuid, ordinal, kind, rows, rejected, lance_version, run, job_kind, job_name,"
        " created_at, roots, columns,"
        " (SELECT min(run) FROM removal WHERE removal.uuid = version.uuid),"
        " (SELECT min(at) FROM removal WHERE removal.uuid = version.uuid),"
        " (SELECT CASE WHEN ok IS NULL THEN '' WHEN ok THEN 'passed ' || run ELSE 'failed ' || run END FROM verdict"
        " WHERE verdict.uuid = version.uuid ORDER BY at DESC, run DESC LIMIT 1)"
        f" FROM (SELECT * FROM version WHERE {where} {newest_first} LIMIT ?) AS version {newest_first}",
        (*parameters, limit),
    )
    # All JSON in one call: parsed one by one it would be most of the log of a long-lived dataset.
    lists = json.loads(f"[{','.join(f'[{row[11]},{row[12]}]' for row in rows)}]")
    last = {dataset: _promoted(db, dataset) for dataset in {row[0] for row in rows}}
    found = [
        VersionRow(
            dataset=row[0],
            uuid=row[1],
            ordinal=row[2],
            kind=row[3],
            rows=row[4],
            rejected=row[5],
            lance_version=row[6] or 0,
            roots=tuple(roots),
            columns=tuple(columns),
            run=row[7],
            job_kind=row[8],
            job_name=row[9],
            created_at=row[10],
            promoted=row[1] == last[row[0]],
            removed_by=row[13] or "",
            removed_at=row[14] or "",
            verdict=_VERDICTS[(row[15] or "").partition(" ")[0]],
            judged_by=(row[15] or "").partition(" ")[2],
        )
        for row, (roots, columns) in zip(rows, lists, strict=True)
    ]
    return _inherited(db, found)


_VERDICTS: Mapping[str, Literal["", "passed", "failed"]] = {"": "", "passed": "passed", "failed": "failed"}


def _inherited(db: Database, found: list[VersionRow]) -> list[VersionRow]:
    """``found``, the newest first, where upkeep put the same rows into other files: that changes no verdict."""
    below: VersionRow | None = None
    rows = []
    for row in reversed(found):
        if row.job_kind == "maintenance" and not row.verdict:
            if below is None or below.dataset != row.dataset:
                before = ("dataset = ? AND lance_version < ?", (row.dataset, row.lance_version))
                below = next(iter(_select(db, *before, limit=1)), None)
            if below is not None:
                row = replace(row, verdict=below.verdict, judged_by=below.judged_by)
        below = row
        rows.append(row)
    return rows[::-1]


def _promoted(db: Database, dataset: str) -> str | None:
    """The uuid of the version last promoted."""
    found = db.row(
        "SELECT p.uuid FROM promotion p JOIN run r ON r.id = p.run WHERE p.dataset = ?"
        " ORDER BY r.ended_at DESC, r.id DESC LIMIT 1",
        (dataset,),
    )
    return str(found[0]) if found else None


def _not_found(db: Database, ref: VersionRef) -> NotFound:
    latest = _latest(db, ref.dataset)
    if latest and ref.selector is None:
        return NotFound(
            f"{ref} means no version: {latest[0].ref} has failed its checks, and none before it has passed them",
            hint=f"mmreg validate {latest[0].ref}; to look at it all the same: mmreg show {ref}@latest",
        )
    if latest:
        return NotFound(f"{ref}: no such version; the latest is {latest[0].ref}", hint=f"mmreg log {ref.dataset}")
    from mmreg.schemas.suggest import did_you_mean

    known = [name for (name,) in db.rows("SELECT DISTINCT dataset FROM version")]
    return NotFound(f"no dataset {ref.dataset!r}{did_you_mean(ref.dataset, known)}", hint="mmreg ls")


def _ambiguous(ref: VersionRef, found: list[VersionRow]) -> UsageError | IntegrityError:
    meanings = ", ".join(f"{row.ref} ({row.uuid})" for row in found)
    if ref.uuid_prefix is None:
        return IntegrityError(f"{ref} names {len(found)} versions: {meanings}", hint="mmreg doctor")
    return UsageError(f"{ref} could be {meanings}", hint=f"{ref.dataset}@{found[0].uuid}")
