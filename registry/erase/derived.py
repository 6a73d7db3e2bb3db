"""What refers to a root follows its erasure: derived datasets without the erased rows, on versions that stay."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from mmreg.registry.derive import move
from mmreg.registry.snapshot import file_paths

if TYPE_CHECKING:
    import lance

    from mmreg.registry.catalog import VersionRow
    from mmreg.registry.erase.tombstones import Erasure
    from mmreg.registry.selection import Selection
    from mmreg.registry.workspace import Workspace
    from mmreg.schemas.run import Run


def holds(table: lance.LanceDataset, files: frozenset[str]) -> bool:
    """Whether a version has any of ``files``."""
    return any(not files.isdisjoint(file_paths(fragment.metadata)) for fragment in table.get_fragments())


def derived_from(workspace: Workspace, roots: Mapping[str, object]) -> list[str]:
    """The derived datasets, also dropped ones, whose latest version refers to any of ``roots``."""
    found = []
    for name in workspace.lake.datasets():
        rows = workspace.catalog.versions(name)
        if rows and rows[0].kind == "derived" and any(pinned["dataset"] in roots for pinned in rows[0].roots):
            found.append(name)
    return found


def follow(workspace: Workspace, dataset: str, erasure: Erasure, run: Run) -> Run | None:
    """A version of ``dataset`` without the erased rows and on the newest versions of their roots; None where it has
    none of them and refers to none that goes."""

    def target(row: VersionRow, there: Selection) -> tuple[Selection, Mapping[str, lance.LanceDataset]] | None:
        tables: dict[str, lance.LanceDataset] = {}
        gone, behind = {}, False
        for number, pinned in enumerate(row.roots):
            root, at = pinned["dataset"], pinned["lance_version"]
            if root not in erasure.samples:
                tables[root] = workspace.lake.table(root, at)
                continue
            gone[number] = erasure.rows(root)
            pinned_at = workspace.lake.find_table(root, at)
            goes = pinned_at is None or holds(pinned_at, frozenset(erasure.files.get(root, ())))
            tables[root] = pinned_at if pinned_at is not None and not goes else workspace.lake.table(root)
            behind |= goes
        rest = there.without(gone)
        return (rest, tables) if behind or len(rest) < len(there) else None

    return move(workspace, dataset, run, target)
