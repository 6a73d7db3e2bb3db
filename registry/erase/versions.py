"""The versions that an erasure removes: which these are, letting them go, and what stands for them afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mmreg.errors import StorageError
from mmreg.registry.clock import now
from mmreg.registry.erase.derived import holds
from mmreg.registry.lake import WRITE_AGAIN, first_line
from mmreg.registry.runs import new_run_id
from mmreg.schemas.run import Job, Run, RunState

if TYPE_CHECKING:
    from mmreg.registry.erase.tombstones import Erasure
    from mmreg.registry.workspace import Workspace


def holding(workspace: Workspace, root: str, erasure: Erasure) -> set[int]:
    """The versions of ``root``, but the newest, with a file that held the rows."""
    files, lake = frozenset(erasure.files.get(root, ())), workspace.lake
    older = lake.versions_on_disk(root)[:-1]
    tables = ((version, lake.find_table(root, version)) for version in older)
    return {version for version, table in tables if table is not None and holds(table, files)}


def removed(workspace: Workspace, dataset: str) -> set[int]:
    """The versions of ``dataset`` of which a run says that it removes them: by now gone, or about to go."""
    return {row.lance_version for row in workspace.catalog.versions(dataset) if row.removed_by}


def release(workspace: Workspace, dataset: str, versions: set[int]) -> None:
    """Take every tag from ``versions``, a person's too: one that stays keeps the bytes."""
    tags = workspace.lake.table(dataset).tags
    for name, tag in tags.list().items():
        if tag["version"] in versions:
            try:
                tags.delete(name)
            except (OSError, ValueError) as error:
                if name in workspace.lake.table(dataset).tags.list():  # else another process was first
                    raise StorageError(
                        f"{dataset}: cannot release the tag {name}: {first_line(error)}", hint=WRITE_AGAIN
                    ) from error


def promote_successors(workspace: Workspace, erasure: Erasure) -> None:
    """Let the bare name of a dataset mean its new version, where it meant the newest one that goes."""
    gone = {one["uuid"] for one in erasure.removed}
    for dataset, uuid in erasure.latest.items():
        row = workspace.catalog.promoted(dataset)
        if row is None or row.uuid != uuid or uuid not in gone:
            continue
        new, moment = workspace.latest(dataset), now()
        workspace.pin(dataset, new.uuid, new.lance_version)
        told = {"promotion": {"dataset": dataset, "uuid": new.uuid}, "erasure": {"of": erasure.id}}
        inputs = (workspace.latest_input(dataset),)
        job = Job("promotion", dataset)
        workspace.record(Run(new_run_id(), job, RunState.COMPLETE, moment, moment, inputs, facets=told))
