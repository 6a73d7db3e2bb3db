"""Every check that can be declared here, and what there is to know of each before it runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from mmreg.errors import MmregError
from mmreg.plugins import distribution, installed
from mmreg.schemas.summary import CheckScope, KnownCheck
from mmreg.validators.built_in import BUILT_IN
from mmreg.validators.expectations.names import EXPECTATIONS
from mmreg.validators.plugins import GROUP, check_class, demand
from mmreg.validators.protocol import can_sample


def list_checks(project: Path | None = None, declared: Iterable[str] = ()) -> list[KnownCheck]:
    """mmreg's own checks, those of installed plug-ins, and those of ``declared`` that are ``module:Class``.

    A plug-in that cannot be loaded is listed with its fault; one with the name of a built-in check is never used.
    """
    found = [_known(name, "mmreg", project) for name in BUILT_IN]
    found += [_expectations(name, demands) for name, demands in EXPECTATIONS.items()]
    found += [_known(name, source, project) for name, source in _installed() if name not in BUILT_IN]
    beside = sorted({name for name in declared if ":" in name})
    return found + [_known(name, "beside mmreg.yaml", project) for name in beside]


def _expectations(name: str, demands: str) -> KnownCheck:
    """What they read, and whether they need the extra `validate`, depends on the expectation."""
    return KnownCheck(name, demands, None, media=False, incremental=False, extra=None, source="mmreg")


def _installed() -> Iterator[tuple[str, str]]:
    for name, target in installed(GROUP).items():
        yield name, distribution(GROUP, name) or target


def _known(name: str, source: str, project: Path | None) -> KnownCheck:
    try:
        cls = check_class(name, project)
    except MmregError as error:
        return KnownCheck(name, "", None, media=False, incremental=False, extra=None, source=source, fault=str(error))
    return KnownCheck(
        name=name,
        demands=demand(cls),
        scope=_scope(cls),
        media=getattr(cls, "media", False) is True,
        incremental=all(callable(getattr(cls, method, None)) for method in ("state", "merge")),
        extra=getattr(cls, "extra", None),
        source=source,
    )


def _scope(cls: type[Any]) -> CheckScope:
    if can_sample(cls):
        return "row"
    return "version" if getattr(cls, "columns", None) == () else "table"
