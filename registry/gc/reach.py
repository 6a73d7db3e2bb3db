"""Which versions something needs, and what: the others may go."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from typing import TYPE_CHECKING

from mmreg.registry.derive import roots_at
from mmreg.registry.gc.retention import retention_of
from mmreg.registry.leases import Holder, live
from mmreg.schemas.gc import Reason, ReasonKind
from mmreg.schemas.run import Run, RunState

if TYPE_CHECKING:
    from mmreg.registry.catalog import VersionRow
    from mmreg.registry.workspace import Workspace

Place = tuple[str, int]
"""A dataset and a Lance version."""

DAY_S = 86_400.0
WEEK_S = 7 * DAY_S
"""Younger files that no version names may belong to what somebody is about to commit: Lance, too, lets them be."""
SLACK_S = 3600.0
"""A version is superseded by a commit, but its successor's run ends before it, and clocks differ."""
EXPECTED_S = WEEK_S - DAY_S
"""Who is at work for longer than this may have uncommitted files of an age at which Lance's clean-up takes them."""
HOLDING = ("read.", "upkeep.")
"""Leases that keep only what they say they read: long reads, and one removal or compaction at a time."""


@dataclass(frozen=True)
class Reach:
    """What was found: the ``reasons`` of each version that is kept, the datasets that may go as a whole (``tombs``,
    each with the run that dropped it), and who is at ``work`` in the lake."""

    reasons: Mapping[Place, list[Reason]]
    tombs: Mapping[str, Run]
    work: tuple[str, ...]


def needed(workspace: Workspace, at: float | None = None) -> dict[Place, list[Reason]]:
    """Every version in the lake that something needs, with all its reasons. What is not here may go.

    ``at`` is the time by which ages go, in seconds since 1970; by default now.
    """
    return dict(reach(workspace, at).reasons)


def reach(workspace: Workspace, at: float | None = None, only: str | None = None) -> Reach:
    """`needed`, with what else clean-up has to know. Opens each table once and reads no data.

    Where ``only`` one dataset is cleaned up, what versions of others refer to is needed, whether they are or not.
    """
    moment = datetime.now(UTC).timestamp() if at is None else at
    found = _Found.of(workspace)
    leases = live(workspace.lake.store)
    for dataset in found.there:
        _tags(workspace, found, dataset)
    _runs(workspace, found)
    _reading(found, leases)
    tombs = {name: run for name, run in _dropped(workspace, moment).items() if name in found.there}
    for dataset in found.there.keys() - tombs.keys():
        _standing(workspace, found, dataset, moment, _oldest_work(leases))
    _pins(found, only)
    for name in [name for name in tombs if found.has_needs(name)]:
        del tombs[name]  # it stays, and so does what would stay of any dataset
        _standing(workspace, found, name, moment, _oldest_work(leases))
    _pins(found, only)
    return Reach(found.reasons, tombs, tuple(sorted(_told(name, who) for name, who in _at_work(leases).items())))


@dataclass
class _Found:
    """The versions ``there`` by dataset, oldest first; their ``rows`` where they are recorded; what needs them."""

    there: dict[str, list[int]]
    rows: dict[Place, VersionRow]
    by_uuid: dict[str, VersionRow]
    reasons: dict[Place, list[Reason]] = field(default_factory=dict)

    @classmethod
    def of(cls, workspace: Workspace) -> _Found:
        lake = workspace.lake
        there = {name: versions for name in lake.datasets() if (versions := lake.versions_on_disk(name))}
        rows = {(row.dataset, row.lance_version): row for name in there for row in workspace.catalog.versions(name)}
        return cls(there, rows, {row.uuid: row for row in rows.values()})

    def needs(self, place: Place, kind: ReasonKind, told: str) -> None:
        """Only a person's tag keeps what is on the disk still, as a removal of it was killed."""
        row = self.rows.get(place)
        if not self.is_there(place) or (row is not None and row.removed_by and kind != "tag"):
            return
        reasons = self.reasons.setdefault(place, [])
        if (reason := Reason(kind, told)) not in reasons:
            reasons.append(reason)

    def is_there(self, place: Place) -> bool:
        return place[1] in self.there.get(place[0], ())

    def has_needs(self, dataset: str) -> bool:
        return any(place[0] == dataset for place in self.reasons)


def _tags(workspace: Workspace, found: _Found, dataset: str) -> None:
    for name, tag in workspace.lake.table(dataset).tags.list().items():
        if not name.startswith("mmreg-"):
            found.needs((dataset, tag["version"]), "tag", f"the Lance tag {name}")


def _runs(workspace: Workspace, found: _Found) -> None:
    """What trainings and evaluations have used, and where work that a crash cut short goes on from."""
    for run in (used for kind in ("training", "model", "evaluation") for used in workspace.catalog.runs(kind)):
        models = ", ".join(f"{doc['name']}@{doc['digest'][:12]}" for doc in run.checkpoints)
        if run.state is not RunState.COMPLETE or (run.job.kind != "evaluation" and not models):
            continue
        for used in run.inputs:
            row = found.by_uuid.get(used.id) if used.kind == "version" else None
            if row is None:
                continue
            if used.role == "evaluated_on":
                found.needs(_place(row), "evaluated", f"{models or run.job.name} was evaluated on it")
            elif models:
                found.needs(_place(row), "trained", f"model {models} was trained on it")
    for kind in ("pass", "schema", "drop"):
        for run in workspace.catalog.runs(kind):
            for place in _unfinished(workspace, run):
                found.needs(place, "unfinished", f"{kind} {run.job.name} is not done for the datasets made from it")


def _unfinished(workspace: Workspace, run: Run) -> Iterator[Place]:
    """The root version to which a derived dataset is still to be brought, as `doctor` would now."""
    behind = run.facets.get("schema", {}).get("derived", ()) if run.job.kind != "pass" else ()
    if derived := run.facets.get("pass", {}).get("derived"):
        behind = (derived,)
    missing = set(behind) - {output.dataset for output in run.outputs}
    if any(workspace.exists(name) and workspace.latest(name).created_at <= run.ended_at for name in missing):
        yield from ((o.dataset, o.lance_version) for o in run.outputs if o.kind == "root" and o.lance_version)


def _reading(found: _Found, leases: Mapping[str, Holder]) -> None:
    for who in leases.values():
        for place in who.reads:
            found.needs(place, "lease", f"process {who.pid} on {who.host} reads it")


def _standing(
    workspace: Workspace, found: _Found, dataset: str, moment: float, work: tuple[str, Holder] | None
) -> None:
    """What keeps versions of a dataset for their place in its history."""
    versions = found.there[dataset]
    found.needs((dataset, versions[-1]), "newest", "the newest version")
    kept = retention_of(workspace.spec, dataset)
    floor = iso(moment - kept.days * DAY_S)
    meant = workspace.catalog.meant(dataset)
    since = _since(work[1], moment) if work is not None else None
    for number, lance_version in enumerate(reversed(versions)):
        row = found.rows.get((dataset, lance_version))
        place = (dataset, lance_version)
        if row is None:
            found.needs(place, "unrecorded", "no run says who made it")
            continue
        if row.promoted or (meant is not None and row.uuid == meant.uuid and lance_version != versions[-1]):
            found.needs(place, "promoted", f"what {dataset} means")
        if number < kept.versions and lance_version != versions[-1]:
            found.needs(place, "retention", f"one of the newest {kept.versions}")
    for place, superseded_at in _superseded(found, dataset):
        if superseded_at >= floor:
            found.needs(place, "retention", f"the newest within {kept.days:g} days")
        if since is not None and work is not None and superseded_at >= since:
            found.needs(place, "lease", f"{_told(*work)}, and may have begun with it")


def _superseded(found: _Found, dataset: str) -> Iterator[tuple[Place, str]]:
    """The recorded versions but the newest, each with the time at which another took its place."""
    known = sorted((row.lance_version, row.created_at) for row in found.rows.values() if row.dataset == dataset)
    for (lance_version, _), (_, superseded_at) in pairwise(known):
        yield (dataset, lance_version), superseded_at


def _pins(found: _Found, only: str | None) -> None:
    """A derived version that stays needs the root versions that it refers to."""
    staying = {*found.reasons, *(place for place in found.rows if only is not None and place[0] != only)}
    for place in sorted(staying):
        row = found.rows.get(place)
        if row is not None and row.kind == "derived" and found.is_there(place):
            for root in roots_at(row):
                found.needs(root, "pinned", f"{row.ref} refers to it")


def _dropped(workspace: Workspace, moment: float) -> dict[str, Run]:
    """Datasets that were dropped more than a week ago, each with the run that did."""
    dropped = {name: workspace.catalog.run(id) for name, id in workspace.catalog.dropped().items()}
    return {name: run for name, run in dropped.items() if run.ended_at < iso(moment - WEEK_S)}


def _at_work(leases: Mapping[str, Holder]) -> dict[str, Holder]:
    return {name: who for name, who in leases.items() if not name.startswith((*HOLDING, "_"))}


def _oldest_work(leases: Mapping[str, Holder]) -> tuple[str, Holder] | None:
    return min(_at_work(leases).items(), key=lambda item: item[1].since, default=None)


def _since(who: Holder, moment: float) -> str:
    """From when on ``who`` may have begun to read. For what takes very long: from the beginning."""
    return iso(who.since - SLACK_S) if who.since > moment - EXPECTED_S else ""


def _told(name: str, who: Holder) -> str:
    return f"process {who.pid} on {who.host} is at work on {name}"


def _place(row: VersionRow) -> Place:
    return row.dataset, row.lance_version


def iso(moment: float) -> str:
    return datetime.fromtimestamp(max(0.0, moment), UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
