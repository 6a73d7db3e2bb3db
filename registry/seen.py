"""Whether a model has seen a sample: what it, and the models that it began from, were trained on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from mmreg.errors import FilterError
from mmreg.registry.derive import roots_at
from mmreg.registry.readmission import fulfils
from mmreg.registry.row_sets import get_rows, holds
from mmreg.registry.samples import samples_like, table_since
from mmreg.registry.selection import read_selection
from mmreg.schemas.predicate import Predicate
from mmreg.schemas.run import Run, RunInput
from mmreg.schemas.training import TrainedOn, trained_on
from mmreg.schemas.why import Seen

if TYPE_CHECKING:
    from mmreg.registry.catalog import VersionRow
    from mmreg.registry.lineage.ancestry import Ancestry
    from mmreg.registry.workspace import Workspace

Family = tuple[bytes, ...]
"""The id of a sample, and of those that it was made from."""


def seen_by(workspace: Workspace, ancestry: Ancestry, digest: str, family: Family) -> Iterator[Seen]:
    """The data that the checkpoint ``digest`` was trained on, itself first, then what it began from."""
    waiting, met = [digest], {digest}
    while waiting:
        model = waiting.pop(0)
        for run in ancestry.trainings(model):
            for data in trained_on(run):
                yield _seen(workspace, ancestry, run, model, data, family)
            for used in run.inputs:
                if used.role == "init_from" and used.id not in met:
                    met.add(used.id)
                    waiting.append(used.id)


def _seen(workspace: Workspace, ancestry: Ancestry, run: Run, model: str, data: TrainedOn, family: Family) -> Seen:
    name = next((doc["name"] for doc in run.checkpoints if doc["digest"] == model), run.job.name)

    def seen(saw: bool | None, by: Literal["rows", "version", "unknown"]) -> Seen:
        return Seen(f"model:{name}@{model[:12]}", run.id, data.ref, data.split, data.component, saw, by)

    if data.rows is not None:
        rows = get_rows(workspace.lake.store, data.rows)
        return seen(any(holds(rows, sample_id) for sample_id in family), "rows")
    version = ancestry.version(RunInput("version", data.uuid, data.ref))
    saw = _in_version(workspace, version, data, family) if version is not None else None
    return seen(saw, "version" if saw is not None else "unknown")


def _in_version(workspace: Workspace, version: VersionRow, data: TrainedOn, family: Family) -> bool | None:
    """Whether the rows that were trained on have one of ``family``; None where the version is gone from the lake."""
    table = workspace.lake.find_table(version.dataset, version.lance_version)
    if table is None:
        return None
    derived = version.kind == "derived"
    chosen = read_selection(table).only(data.split, version.dataset) if derived else None
    for number, (root, lance_version) in enumerate(roots_at(version)):
        there = table_since(workspace.lake, root, lance_version)
        for sample_id in family:
            for row_id in samples_like(there, sample_id.hex()).values():
                member = chosen is None or bool(chosen.of(number).holds(np.array([row_id], np.uint64))[0])
                if member and _wanted(there, row_id, data.where):
                    return True
    return False


def _wanted(table: Any, row_id: int, where: str | None) -> bool:
    try:
        return where is None or fulfils(table, row_id, Predicate.parse(where))
    except FilterError:  # whatever it was that the training filtered by, it is no predicate of ours
        return True
