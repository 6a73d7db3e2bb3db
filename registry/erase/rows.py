"""Taking rows out of a root's table: first from its newest version, then from the files below it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mmreg.registry.commit import Draft, publish
from mmreg.registry.operations.rewrite import rewrite
from mmreg.registry.operations.rows import change_rows
from mmreg.registry.samples import rows_of_samples
from mmreg.registry.snapshot import file_paths

if TYPE_CHECKING:
    import lance

    from mmreg.registry.erase.tombstones import Erasure
    from mmreg.registry.workspace import Workspace
    from mmreg.schemas.run import Run


def delete_rows(workspace: Workspace, root: str, erasure: Erasure, run: Run) -> Run | None:
    """A version of ``root`` without the erased samples; None where its newest has none of them."""

    def build(table: lance.LanceDataset | None) -> Draft | None:
        assert table is not None
        leaving = np.sort(rows_of_samples(table, erasure.sample_ids(root)))
        if not len(leaving):
            return None
        rows = table.count_rows() - len(leaving)
        return Draft(change_rows(table, [], leaving), "root", rows, workspace.rejected_count(root))

    return publish(workspace.lake, root, run, build, upkeep=True)


class Rewriter:
    """Writes fragments anew that have files which held erased rows. ``compared`` counts the rows that stay: all their
    cells were compared before anybody saw them."""

    def __init__(self, workspace: Workspace, root: str, erasure: Erasure) -> None:
        self._workspace, self._root = workspace, root
        self._held = frozenset(erasure.files.get(root, ()))
        self.compared = 0

    def publish(self, run: Run) -> Run | None:
        """The version without them; None where the newest has none of these files."""
        return publish(self._workspace.lake, self._root, run, self._build, upkeep=True)

    def _build(self, table: lance.LanceDataset | None) -> Draft | None:
        assert table is not None
        metadata = [fragment.metadata for fragment in table.get_fragments()]
        numbers = [there.id for there in metadata if not self._held.isdisjoint(file_paths(there))]
        prepared = rewrite(table, numbers) if numbers else None
        if prepared is None:
            return None
        self.compared = sum(there.num_rows for moved in prepared.moves if not moved.new.id for there in moved.old)
        facets = {"erasure": {"fragments": len(numbers), "compared": self.compared}}
        rows, rejected = table.count_rows(), self._workspace.rejected_count(self._root)
        return Draft(prepared.operation, "root", rows, rejected, facets=facets)
