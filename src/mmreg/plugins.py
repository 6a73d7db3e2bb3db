"""Code of others: found as an entry point of what is installed, or as ``module:Class`` beside mmreg.yaml."""

from __future__ import annotations

import importlib
import sys
from importlib.metadata import entry_points
from pathlib import Path

from mmreg.errors import MmregError, NotFound, UsageError
from mmreg.schemas.suggest import did_you_mean


def beside(project: Path | None) -> None:
    """Let modules in ``project``, the folder of mmreg.yaml, be imported, also late by one another."""
    if project is not None and str(project) not in sys.path:
        sys.path.insert(0, str(project))


def installed(group: str) -> dict[str, str]:
    """The entry points of ``group``: by name, ``module:Class``."""
    return {point.name: f"{point.module}:{point.attr}" for point in sorted(entry_points(group=group))}


def distribution(group: str, name: str) -> str:
    """What has installed an entry point, and its version: ``blurry 1.2``."""
    for point in entry_points(group=group, name=name):
        if point.dist is not None:
            return f"{point.dist.name} {point.dist.version}"
    return ""


def import_class(use: str, target: str, guide: str) -> object:
    """What ``target`` (``module:Class``) names; ``use`` is what was declared, ``guide`` says where to read more.

    Raises `NotFound` where there is no such module or class, `UsageError` where the module cannot be imported.
    """
    module_name, _, class_name = target.partition(":")
    try:
        module = importlib.import_module(module_name)
    except MmregError:
        raise
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module_name}.".startswith(f"{error.name}."):
            raise _broken(use, module_name, error) from error
        raise NotFound(
            f"{use}: there is no module {error.name!r}",
            hint="a module beside mmreg.yaml, or one that is installed in this environment",
        ) from error
    except Exception as error:  # a plug-in's module may do anything while it is imported
        raise _broken(use, module_name, error) from error
    if not hasattr(module, class_name):
        classes = [name for name, value in vars(module).items() if isinstance(value, type)]
        meant = did_you_mean(class_name, classes) if classes else ""
        raise NotFound(f"{use}: the module {module_name} has no {class_name!r}{meant}", hint=guide)
    return getattr(module, class_name)


def _broken(use: str, module: str, error: Exception) -> UsageError:
    return UsageError(
        f"{use}: importing {module} failed: {type(error).__name__}: {error}",
        hint=f"python -c 'import {module}'",
    )
