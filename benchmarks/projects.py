"""A project to measure on: a folder with an ``mmreg.yaml`` and a lake."""

from __future__ import annotations

from collections.abc import Mapping
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
    from mmreg.curation.apply import apply

    apply(Registry.open(folder), select)
