"""What the registry knows of a lineage's nodes beside the graph: records of runs, models, columns of versions."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from mmreg.registry.exchange.known import Field, Known, identity, no_columns
from mmreg.schemas.lineage import Lineage

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
    )


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
