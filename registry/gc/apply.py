"""Doing what clean-up has planned: killed anywhere, it is repeated, and the lake is none the poorer.

What goes is said in a run before the first file of it goes. A version whose removal was killed is still listed in its
table's folder, and the next clean-up removes the rest.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mmreg.registry.clean import remove_versions, removed_facet
from mmreg.registry.clock import now
from mmreg.registry.commit import UPKEEP_WAIT_S, upkeep_lease
from mmreg.registry.gc.census import census
from mmreg.registry.gc.leftovers import LAKE, Left
from mmreg.registry.gc.plan import Plan, plan
from mmreg.registry.gc.reach import reach
from mmreg.registry.leases import lease
from mmreg.registry.runs import archive, new_run_id
from mmreg.schemas.gc import GcReport
from mmreg.schemas.progress import Progress, Quiet
from mmreg.schemas.run import Job, Run, RunState

if TYPE_CHECKING:
    from mmreg.registry.catalog import VersionRow
    from mmreg.registry.workspace import Workspace

LEASE = "_gc"


def gc(
    workspace: Workspace,
    dataset: str | None = None,
    *,
    apply: bool = False,
    progress: Progress | None = None,
    at: float | None = None,
) -> GcReport:
    """Say what clean-up of ``dataset``, or of the lake, would do; with ``apply``, do it.

    ``at`` is the time by which ages go, in seconds since 1970; by default now.
    """
    if not apply:
        return plan(workspace, dataset, at).report
    # One at a time: else two would say of the same files that they removed them.
    with lease(workspace.lake.store, LEASE, wait_s=UPKEEP_WAIT_S):
        return _carried_out(workspace, dataset, plan(workspace, dataset, at), progress or Quiet(), at)


def _carried_out(
    workspace: Workspace, dataset: str | None, found: Plan, progress: Progress, at: float | None
) -> GcReport:
    sweep = [each for each in found.left if not each.told.waiting]
    if not (found.doomed or found.tombs or sweep):
        return replace(found.report, applied=True)
    progress.start("clean-up", len(found.doomed) + len(found.tombs) + len(sweep))
    archive(workspace.lake.store)
    runs: list[Run] = []
    # Derived datasets come first in the plan: were it killed now, no version would refer to what is gone.
    for name, rows in found.doomed.items():
        with lease(workspace.lake.store, upkeep_lease(name), wait_s=UPKEEP_WAIT_S):
            runs += _versions(workspace, dataset, name, rows, at)
        progress.advance(1)
    for name in found.tombs:
        with lease(workspace.lake.store, upkeep_lease(name), wait_s=UPKEEP_WAIT_S):
            runs += _tomb(workspace, dataset, name, at)
        progress.advance(1)
    runs += _sweep(workspace, [each for each in sweep if each.told.place not in found.tombs], at, progress)
    progress.done()
    return replace(found.report, applied=True, runs=tuple(run.id for run in runs))


def _versions(
    workspace: Workspace, only: str | None, name: str, rows: Sequence[VersionRow], at: float | None
) -> list[Run]:
    """Remove what nothing needs by now: who came to read since it was planned was seen, or waits for us."""
    workspace.catch_up()
    needed = reach(workspace, at, only=only).reasons
    going = [row for row in rows if (row.dataset, row.lance_version) not in needed]
    if not going:
        return []
    numbers = [row.lance_version for row in going]
    freed = census(workspace.lake, name, numbers).freed
    run = _record(workspace, name, going, files=len(freed), bytes=sum(freed))
    workspace.unpin(name, *(row.uuid for row in going))
    remove_versions(workspace.lake, name, numbers)
    return [run]


def _tomb(workspace: Workspace, only: str | None, name: str, at: float | None) -> list[Run]:
    """Remove the folder of a dataset that was dropped, unless it has been taken up again, or is needed by now."""
    workspace.catch_up()
    found = reach(workspace, at, only=only)
    if name not in found.tombs or found.work:
        return []
    store = workspace.lake.store
    entries = list(store.scan(f"{name}.lance"))
    run = _record(
        workspace,
        name,
        [row for row in workspace.catalog.versions(name) if not row.removed_by],
        files=len(entries),
        bytes=sum(entry.size for entry in entries),
        dropped_by=found.tombs[name].id,
    )
    # Manifests first: then it is no table that can be opened, but not read.
    for entry in sorted(entries, key=lambda entry: "/_versions/" not in entry.key):
        store.delete(entry.key)
    return [run]


def _sweep(workspace: Workspace, sweep: Sequence[Left], at: float | None, progress: Progress) -> list[Run]:
    if not sweep or reach(workspace, at).work:
        return []
    told = [{"place": e.told.place, "what": e.told.what, "files": e.told.files, "bytes": e.told.bytes} for e in sweep]
    run = _record(workspace, LAKE, (), leftovers=told)
    for each in sweep:
        for key in each.keys:
            workspace.lake.store.delete(key)
        progress.advance(1)
    return [run]


def _record(workspace: Workspace, name: str, removed: Iterable[VersionRow], **said: Any) -> Run:
    moment = now()
    facets = {**removed_facet(removed), "gc": said}
    run = Run(new_run_id(), Job("maintenance", name), RunState.COMPLETE, moment, moment, facets=facets)
    workspace.record(run)
    return run
