"""What the registry knows of a lineage's nodes beside the graph: records of runs, models, columns of versions."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from mmreg.registry.exchange.known import Field, Known, Source, identity, no_columns, no_flow
from mmreg.registry.lineage.flow import Flow, Place
from mmreg.schemas.lineage import Lineage, Node

if TYPE_CHECKING:
    from mmreg.registry.catalog import VersionRow
    from mmreg.registry.workspace import Workspace


def known_of(workspace: Workspace, lineage: Lineage, *, columns: bool = True) -> Known:
    """All of it. With ``columns`` each version that is still there is opened when it is asked for its columns; no row
    is read."""
    catalog = workspace.catalog
    runs = catalog.runs_with(identity(node) for node in lineage.nodes if node.kind == "run")
    digests = (identity(node) for node in lineage.nodes if node.kind == "checkpoint")
    return Known(
        workspace.lake.id,
        {run.id: run for run in runs},
        {model.digest: model for model in catalog.checkpoints_with(digests)},
        _Columns(workspace, lineage) if columns else no_columns,
        _Flows(workspace, lineage) if columns else no_flow,
    )


class _Flows:
    """What the outputs of runs come from, column by column."""

    def __init__(self, workspace: Workspace, lineage: Lineage) -> None:
        self._flow = Flow(workspace.catalog)
        self._nodes = {node.id: node for node in lineage.nodes}

    def __call__(self, run: str, output: str) -> dict[str, list[Source]]:
        into = self._flow.steps(run).into
        found: dict[str, list[Source]] = {}
        for place, steps in into.items():
            if place.node == output:
                # What a run wrote comes from what it read to write it; the rest was carried over.
                above = [more for step in steps for more in (into.get(step.source, ()) or [step])]
                told = [self._source(step.source, step.kind) for step in above]
                found[place.column] = [source for source in told if source is not None]
        return found

    def _source(self, place: Place, kind: str) -> Source | None:
        """None for a model, or what was read, that is no part of what is exported."""
        node = self._nodes.get(place.node)
        if node is None and (row := self._flow.row(place.node)) is not None:
            node = Node(place.node, "version", row.dataset, row.ref)
        return Source(node, kind, place.column or None) if node is not None else None


class _Columns:
    """The columns of versions by their uuids, each opened once."""

    def __init__(self, workspace: Workspace, lineage: Lineage) -> None:
        self._workspace = workspace
        self._datasets = {identity(node): node.name for node in lineage.nodes if node.kind == "version"}
        self._versions = cache(lambda dataset: {row.uuid: row for row in workspace.catalog.versions(dataset)})
        self._table = cache(self._of_table)

    def __call__(self, version: str) -> tuple[Field, ...]:
        row: VersionRow | None = self._versions(self._datasets.get(version, "")).get(version)
        if row is None or row.removed_by:
            return ()
        here = [(row.dataset, row.lance_version)]
        tables = here if row.kind == "root" else [(root["dataset"], root["lance_version"]) for root in row.roots]
        first, *others = [self._table(*table) for table in tables] or [()]
        return tuple(column for column in first if all(column in other for other in others))

    def _of_table(self, dataset: str, lance_version: int) -> tuple[Field, ...]:
        from mmreg.schemas.arrow import media_kind

        table = self._workspace.lake.find_table(dataset, lance_version)
        if table is None:
            return ()
        return tuple((f.name, media_kind(f.type) or str(f.type)) for f in table.schema if not f.name.startswith("_"))
