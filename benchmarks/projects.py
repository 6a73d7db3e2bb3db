"""A project to measure on: a folder with an ``mmreg.yaml`` and a lake."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from mmreg.registry.api import Registry


def make_project(folder: Path, declaration: Mapping[str, Any]) -> Registry:
    """Write ``declaration`` (without version and project) to ``folder`` and make its lake."""
    import json

    from mmreg.registry.init import init_project

    folder.mkdir(parents=True, exist_ok=True)
    # JSON is YAML.
    (folder / "mmreg.yaml").write_text(json.dumps({"version": 1, "project": "bench", **declaration}))
    init_project(folder)
    return Registry.open(folder)


def apply(folder: Path, *select: str) -> None:
    """``mmreg apply`` in ``folder``."""
    applying(folder, *select)()


def applying(folder: Path, *select: str) -> Callable[[], None]:
    """`apply`, with its imports done and the declaration read."""
    import lance  # noqa: F401

    from mmreg.curation.apply import apply

    registry = Registry.open(folder)

    def work() -> None:
        apply(registry, select)

    return work


def copy(folder: Path, to: Path) -> None:
    """A project of its own with the same lake: the lake's files never change, so they are linked."""
    lake = folder / ".mmreg" / "lake"
    shutil.copytree(folder, to, ignore=lambda at, names: ["lake"] if Path(at) == lake.parent else [])
    shutil.copytree(lake, to / ".mmreg" / "lake", copy_function=os.link)
