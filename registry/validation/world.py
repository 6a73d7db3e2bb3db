"""What checks may ask of the registry around the version that they check."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mmreg.registry.catalog import VersionRow
    from mmreg.registry.read import Reader
    from mmreg.registry.workspace import Workspace


class WorkspaceWorld:
    """The `mmreg.validators.world.World` around ``row``."""

    def __init__(self, workspace: Workspace, row: VersionRow) -> None:
        self._workspace, self._row = workspace, row

    def open(self, ref: str, split: str | None = None) -> Reader:
        return self._workspace.open_version(ref, split)

    def splits(self) -> tuple[str, ...]:
        selection = self._workspace.open_version(self._row.ref).selection
        return selection.names if selection is not None else ()
