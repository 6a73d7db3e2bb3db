"""What killed processes have left and nobody will come back for: staged results, decisions of runs that never were."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from mmreg.schemas.finding import Finding

if TYPE_CHECKING:
    from mmreg.registry.workspace import Workspace

OLD_S = 7 * 24 * 3600.0
"""Younger ones may be of a pass that goes on, or of a run that is about to commit."""


def look(workspace: Workspace) -> Iterator[Finding]:
    yield from _stages(workspace)
    yield from _decisions(workspace)


def _stages(workspace: Workspace) -> Iterator[Finding]:
    newest: dict[tuple[str, str], float] = defaultdict(float)
    size: dict[tuple[str, str], int] = defaultdict(int)
    for entry in workspace.lake.store.scan("_mmreg/stage"):
        _, _, dataset, name, *_ = entry.key.split("/")
        newest[dataset, name] = max(newest[dataset, name], entry.modified)
        size[dataset, name] += entry.size
    for (dataset, name), modified in sorted(newest.items()):
        if modified < time.time() - OLD_S:
            yield Finding(
                "stage_left",
                f"{size[dataset, name] / 2**20:,.1f} MiB of results of pass {name} on {dataset} were never published",
                hint=f"mmreg apply {name} publishes what still fits; mmreg gc --apply removes the rest",
                note=True,
            )


def _decisions(workspace: Workspace) -> Iterator[Finding]:
    old = [entry.key for entry in workspace.lake.store.scan("_mmreg/decisions") if entry.modified < time.time() - OLD_S]
    if not old:
        return
    known = {run.id for run in workspace.catalog.runs()}
    orphans = [key for key in old if PurePosixPath(key).stem not in known]
    if orphans:
        yield Finding(
            "decisions_left",
            f"{len(orphans)} files of decisions are named by no run, {orphans[0]} for one",
            hint="mmreg gc --apply",
            note=True,
        )
