"""The tables: whether the newest version of each can be opened."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from mmreg.errors import MmregError
from mmreg.schemas.finding import Finding

if TYPE_CHECKING:
    from mmreg.registry.workspace import Workspace


def look(workspace: Workspace) -> Iterator[Finding]:
    for summary in workspace.catalog.datasets():
        try:
            workspace.lake.table(summary.name)
        except MmregError as error:
            yield Finding("unreadable", error.message, hint=f"mmreg fsck {summary.name}")
