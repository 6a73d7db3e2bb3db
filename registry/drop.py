"""Dropping what a declaration names no longer: columns leave the newest version, a dataset leaves the list.

Older versions keep their columns, and a dropped dataset its files: clean-up is another matter. Each drop is a run.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from mmreg.errors import NotFound, UsageError
from mmreg.registry.clock import now
from mmreg.registry.commit import UPKEEP_WAIT_S, upkeep_lease
from mmreg.registry.derive import selected_by
from mmreg.registry.evolve import change_columns
from mmreg.registry.leases import wait_for
from mmreg.registry.operations.schema import SchemaChange
from mmreg.registry.runs import new_run_id
from mmreg.schemas.run import Job, Run, RunInput, RunState

if TYPE_CHECKING:
    import pyarrow as pa

    from mmreg.registry.workspace import Workspace


def drop_columns(workspace: Workspace, root: str, columns: frozenset[str], *, said: dict[str, str]) -> Run:
    """Publish a version of ``root`` without ``columns``. ``said`` is what the run says it dropped."""

    def find(there: pa.Schema) -> SchemaChange:
        return SchemaChange(dropped=columns & set(there.names))

    with workspace.alone(f"schema.{root}"):
        run = change_columns(workspace, root, find, kind="drop", name=root, facets={"drop": said})
    if run is None:
        raise NotFound(f"{root} has no column {', '.join(sorted(columns))} any more", hint=f"mmreg show {root}@latest")
    return run


def drop_dataset(workspace: Workspace, name: str) -> Run:
    """Take ``name`` from the list of datasets. Raises `UsageError` where something needs it, naming that."""
    row = workspace.latest(name)
    needs = list(needed_by(workspace, name))
    if needs:
        raise UsageError(
            f"{name} is needed by {', '.join(needs)}; nothing was dropped",
            hint="drop the datasets among these first; what a model was trained on stays",
        )
    source = RunInput("version", row.uuid, row.ref)
    return _record(workspace, name, (source,), again=False)


def take_up(workspace: Workspace, name: str) -> None:
    """A dataset that was dropped and is declared again is one of the list again.

    Raises `UsageError` where clean-up has removed it: a name with a version means one thing for ever.
    """
    if name in workspace.catalog.dropped():
        _refuse_removed(workspace, name)
        _record(workspace, name, (), again=True)
        # Clean-up looks while it holds this lease, so that it has seen our run, or we see what it did.
        wait_for(workspace.lake.store, upkeep_lease(name), wait_s=UPKEEP_WAIT_S)
        workspace.catch_up()
        _refuse_removed(workspace, name)


def needed_by(workspace: Workspace, name: str) -> Iterator[str]:
    """What would be without its ground if dataset ``name`` went: datasets made from it, models, tags of others."""
    for summary in workspace.catalog.datasets():
        row = workspace.latest(summary.name)
        chosen = selected_by(workspace, row) if row.kind == "derived" else None
        made_from = {pinned["dataset"] for pinned in row.roots}
        made_from |= _read(workspace.catalog.run(chosen.run)) if chosen is not None else set()
        if summary.name != name and name in made_from:
            yield f"dataset {summary.name}"
    for run in workspace.catalog.runs("training"):
        below = {other for dataset in _read(run) for other in (dataset, *_roots(workspace, dataset))}
        if run.state is RunState.COMPLETE and name in below:
            yield from (f"model {doc['name']}@{doc['digest'][:12]}" for doc in run.checkpoints)
    for tag in workspace.lake.table(name).tags.list():
        if not tag.startswith("mmreg-"):
            yield f"the Lance tag {tag}"


def _refuse_removed(workspace: Workspace, name: str) -> None:
    newest = workspace.latest(name)
    if newest.removed_by:
        raise UsageError(
            f"{name} was dropped, and run {newest.removed_by} has removed it from the lake",
            hint="declare it under another name",
        )


def _read(run: Run) -> set[str]:
    return {i.ref.partition("@")[0] for i in run.inputs if i.kind == "version"}


def _roots(workspace: Workspace, dataset: str) -> Iterator[str]:
    for row in workspace.catalog.versions(dataset):
        yield from (pinned["dataset"] for pinned in row.roots)


def _record(workspace: Workspace, name: str, inputs: tuple[RunInput, ...], *, again: bool) -> Run:
    moment = now()
    facets = {"drop": {"dataset": name, "again": again}}
    run = Run(new_run_id(), Job("drop", name), RunState.COMPLETE, moment, moment, inputs, facets=facets)
    workspace.record(run)
    return run
