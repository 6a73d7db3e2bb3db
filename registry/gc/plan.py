"""What clean-up would do: the fate of every version, and of what else lies there, with bytes."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mmreg.errors import NotFound
from mmreg.registry.entry import Entry
from mmreg.registry.gc import leftovers
from mmreg.registry.gc.census import Census, census
from mmreg.registry.gc.leftovers import Left
from mmreg.registry.gc.reach import Reach, reach
from mmreg.schemas.gc import GcReport, Leftover, Reason, VersionFate
from mmreg.schemas.suggest import did_you_mean

if TYPE_CHECKING:
    from mmreg.registry.catalog import VersionRow
    from mmreg.registry.workspace import Workspace
    from mmreg.schemas.run import Run

Doomed = Mapping[str, Sequence["VersionRow"]]


@dataclass(frozen=True)
class Plan:
    """What `report` tells, for doing it: versions that are ``doomed`` by dataset, derived datasets first; ``tombs``,
    which go as a whole, each with the run that dropped it; what is ``left`` over, the waiting kind as well."""

    report: GcReport
    doomed: Doomed
    tombs: Mapping[str, Run]
    left: Sequence[Left]


def plan(workspace: Workspace, dataset: str | None = None, at: float | None = None) -> Plan:
    """What clean-up of ``dataset``, or of the lake, would do now. Reads manifests and listings, and no data.

    Raises `NotFound` for a dataset that the lake does not have.
    """
    moment = time.time() if at is None else at
    workspace.catch_up()
    lake = workspace.lake
    folders = lake.datasets()
    if dataset is not None and dataset not in folders:
        raise NotFound(f"no dataset {dataset!r} in the lake{did_you_mean(dataset, folders)}", hint="mmreg ls")
    found = reach(workspace, moment, only=dataset)
    names = [dataset] if dataset is not None else folders
    fates: list[VersionFate] = []
    doomed: dict[str, list[VersionRow]] = {}
    tombs: dict[str, Run] = {}
    left: list[Left] = []
    frees = 0
    for name in names:
        if not lake.versions_on_disk(name):
            left += leftovers.of_no_table(name, list(lake.store.scan(f"{name}.lance")), found, moment)
            continue
        rows = _rows_on_disk(workspace, name)
        files = census(lake, name, [row.lance_version for row in rows if _place(row) not in found.reasons])
        if name in found.tombs and not found.work:
            tombs[name] = found.tombs[name]
            left += _whole(lake.store.scan(f"{name}.lance"), name, files, found.tombs[name])
            going: list[VersionRow] = rows
        else:
            # A table that is not mmreg's is left alone.
            strays = list(leftovers.of_table(name, files, found, moment)) if rows else []
            waits = found.work[0] if found.work and (name in found.tombs or _has_old(strays)) else None
            going = [] if waits else [row for row in rows if _place(row) not in found.reasons]
            left += strays
            doomed |= {name: going} if going else {}
        frees += sum(files.freed) if going else 0
        fates += [_fate(row, row not in going, found, files) for row in rows]
        fates += _unrecorded(name, rows, found, files)
    if dataset is None:
        left += leftovers.of_lake(workspace, found, moment)
    frees += sum(each.told.bytes for each in left if not each.told.waiting)
    ordered = dict(sorted(doomed.items(), key=lambda item: (item[1][0].kind != "derived", item[0])))
    report = GcReport(tuple(fates), tuple(each.told for each in left), frees)
    return Plan(report, ordered, tombs, left)


def _rows_on_disk(workspace: Workspace, dataset: str) -> list[VersionRow]:
    """The recorded versions that the lake has, the newest first."""
    there = set(workspace.lake.versions_on_disk(dataset))
    return [row for row in workspace.catalog.versions(dataset) if row.lance_version in there]


def _fate(row: VersionRow, keep: bool, found: Reach, files: Census) -> VersionFate:
    number = row.lance_version
    reasons = found.reasons.get(_place(row), ())
    if keep and not reasons:
        reasons = [Reason("lease", f"{found.work[0]}, and what it writes may be old by now")]
    own = files.own.get(number, 0)
    shared = files.total.get(number, 0) - own
    created = row.created_at
    return VersionFate(row.ref, row.dataset, row.uuid, number, created, keep, tuple(sorted(reasons)), own, shared)


def _unrecorded(dataset: str, rows: list[VersionRow], found: Reach, files: Census) -> Iterator[VersionFate]:
    known = {row.lance_version for row in rows}
    for (name, number), reasons in sorted(found.reasons.items()):
        if name == dataset and number not in known:
            own = files.own.get(number, 0)
            shared = files.total.get(number, 0) - own
            ref = f"{dataset} (Lance version {number})"
            yield VersionFate(ref, dataset, "", number, "", True, tuple(sorted(reasons)), own, shared)


def _whole(entries: Iterator[Entry], dataset: str, files: Census, dropped: Run) -> Iterator[Left]:
    """What goes with the folder of a dropped dataset besides its versions."""
    every = list(entries)
    rest = sum(entry.size for entry in every) - sum(files.freed)
    told = Leftover(
        dataset, f"the rest of its folder; dropped by run {dropped.id}", len(every) - len(files.freed), rest
    )
    yield Left(told, tuple(entry.key for entry in every))


def _has_old(strays: list[Left]) -> bool:
    """Whether there are files that Lance's own clean-up of versions would take, as they are older than a week."""
    return any("younger" not in each.told.why for each in strays)


def _place(row: VersionRow) -> tuple[str, int]:
    return row.dataset, row.lance_version
