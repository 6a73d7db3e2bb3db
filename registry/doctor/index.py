"""The index: what it has not met yet, what only it knows, and whether it tells the same as the lake."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from mmreg.registry import sync
from mmreg.registry.catalog import Catalog
from mmreg.schemas.finding import Finding

if TYPE_CHECKING:
    from mmreg.registry.lake import Lake
    from mmreg.registry.workspace import Workspace


def look(workspace: Workspace, *, writable: bool) -> Iterator[Finding]:
    lake = workspace.lake
    catalog = workspace.open_catalog()  # not the workspace's own: that has caught up and told nobody
    try:
        suspects = {run.id for run in catalog.unwritten()}
        absorbed = catalog.catch_up(lake.store)
        if absorbed:
            yield Finding("index_behind", f"{absorbed} runs were not in the index", fixed=True)
        # Known before the lake was listed, and not met there: so it is no run that somebody records just now.
        written = [run for run in catalog.unwritten() if run.id in suspects and sync.write_object(lake, run)]
        for run in (*written, *sync.catch_up(lake, catalog)):
            refs = ", ".join(output.ref for output in run.outputs) or f"{run.job.kind} {run.job.name}"
            yield Finding("run_object_missing", f"{refs}: committed without a run object; written", fixed=True)
        if not writable and (kept := catalog.unwritten()):
            yield Finding(
                "run_object_missing",
                f"{len(kept)} runs are known to this index alone, as the lake cannot be written to",
                hint="mmreg doctor, where the lake can be written to",
                note=True,
            )
        yield from _disagreements(lake, catalog)
    finally:
        catalog.close()
    workspace.catch_up()


def _disagreements(lake: Lake, catalog: Catalog) -> Iterator[Finding]:
    for dataset in lake.datasets():
        rows = catalog.versions(dataset)
        newest = max(lake.versions_on_disk(dataset), default=0)
        known = max((row.lance_version for row in rows), default=0)
        if rows and known > newest:
            yield Finding(
                "index_disagrees",
                f"{dataset}: the index knows Lance version {known}, the lake has none after {newest}",
                hint=f"mmreg fsck {dataset}",
            )
        elif rows and known < newest:
            yield Finding(
                "index_disagrees",
                f"{dataset}: the lake has Lance version {newest}, the index none after {known}",
                hint="mmreg catalog rebuild",
            )
