"""A declarative dataset registry and versioned data lake for multimodal data, and the models around it.

    import mmreg

    reader = mmreg.open("train@v3")          # the version as Arrow batches, or as a torch dataset
    registry = mmreg.Registry.open()         # everything that the command line can do

The names below are imported when they are first used, so that ``import mmreg`` stays cheap.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mmreg.curation.apply import apply
    from mmreg.curation.plan import plan
    from mmreg.curation.protocol import Pass, Recipe
    from mmreg.curation.status import status
    from mmreg.errors import MmregError
    from mmreg.registry.api import Registry
    from mmreg.registry.read import Reader
    from mmreg.schemas.lineage import Lineage
    from mmreg.schemas.model import Checkpoint
    from mmreg.schemas.refs import VersionRef
    from mmreg.schemas.run import Run

    __version__: str

_HOMES = {
    "Checkpoint": "mmreg.schemas.model",
    "Lineage": "mmreg.schemas.lineage",
    "MmregError": "mmreg.errors",
    "Pass": "mmreg.curation.protocol",
    "Recipe": "mmreg.curation.protocol",
    "Registry": "mmreg.registry.api",
    "Run": "mmreg.schemas.run",
    "VersionRef": "mmreg.schemas.refs",
    "apply": "mmreg.curation.apply",
    "plan": "mmreg.curation.plan",
    "status": "mmreg.curation.status",
}

__all__ = [
    "Checkpoint",
    "Lineage",
    "MmregError",
    "Pass",
    "Recipe",
    "Registry",
    "Run",
    "VersionRef",
    "__version__",
    "apply",
    "open",
    "plan",
    "status",
]


def open(
    ref: str,
    *,
    split: str | None = None,
    project: str | os.PathLike[str] | None = None,
    profile: str | None = None,
) -> Reader:
    """A read handle to exactly one version, or to one split of it: ``mmreg.open("train@v3")``.

    The project is the nearest folder upwards with an ``mmreg.yaml``, or ``project``.
    """
    from mmreg.registry.api import Registry

    registry = Registry.open(os.fspath(project) if project is not None else None, profile)
    return registry.open_version(ref, split)


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("mmreg")
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'mmreg' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
