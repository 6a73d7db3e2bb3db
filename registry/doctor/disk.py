"""The space that is left for the lake, where it is on a disk, and for what is kept beside the project."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from mmreg.schemas.finding import Finding

if TYPE_CHECKING:
    from mmreg.registry.workspace import Workspace

LEAST_BYTES = 1 << 30
LEAST_SHARE = 0.05
ENOUGH_BYTES = 10 << 30
"""So much is no reason to worry, however small a share of a large disk it is."""


def look(workspace: Workspace) -> Iterator[Finding]:
    places = {"the project's .mmreg": workspace.project.folder}
    if "://" not in workspace.project.lake_uri:
        places["the lake"] = Path(workspace.project.lake_uri)
    by_disk: dict[int, tuple[str, Path]] = {}
    for name, path in places.items():
        by_disk[os.stat(path).st_dev] = (name, path)
    for name, path in by_disk.values():
        total, _, free = shutil.disk_usage(path)
        if free < LEAST_BYTES or free < min(LEAST_SHARE * total, ENOUGH_BYTES):
            yield Finding(
                "disk_space",
                f"{name} is on a disk with {free / 2**30:,.1f} GiB left of {total / 2**30:,.1f} ({free / total:.0%})",
                hint=f"mmreg gc --plan; df -h {path}",
                note=free >= LEAST_BYTES,
            )
