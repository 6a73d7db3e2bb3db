"""Who belongs to a dataset: all rows of a root, or those that a version of a derived dataset refers to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mmreg.registry.selection import Selection, read_selection

if TYPE_CHECKING:
    from mmreg.registry.workspace import Workspace
    from mmreg.schemas.run import RunInput


@dataclass(frozen=True)
class Members:
    """The rows of one version of ``dataset``. ``selection`` is None where these are all rows of the one root."""

    dataset: str
    input: RunInput
    roots: tuple[str, ...]
    selection: Selection | None

    @property
    def digest(self) -> str | None:
        """Moves with which rows they are; None for all of a root, whose rows have a digest of their own."""
        return self.selection.digest if self.selection is not None else None

    def of(self, root: str, row_ids: NDArray[np.uint64]) -> NDArray[np.bool_]:
        """Which rows of ``root`` are among them."""
        if root not in self.roots:
            return np.zeros(len(row_ids), bool)
        if self.selection is None:
            return np.ones(len(row_ids), bool)
        return self.selection.of(self.roots.index(root)).holds(row_ids)


def members_of(workspace: Workspace, dataset: str, split: str | None = None) -> Members:
    """The rows of the latest version of ``dataset``, or of one split of it. Raises `NotFound` for none."""
    row = workspace.latest(dataset)
    told = workspace.latest_input(dataset)
    if row.kind == "root":
        return Members(dataset, told, (dataset,), None)
    selection = read_selection(workspace.lake.table(dataset, row.lance_version)).only(split, dataset)
    return Members(dataset, told, tuple(root["dataset"] for root in row.roots), selection)
