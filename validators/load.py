"""From a declared check to one that runs."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from importlib import import_module
from typing import Any

from mmreg.errors import UsageError
from mmreg.schemas.declaration import CheckSpec
from mmreg.validators.built_in import BUILT_IN
from mmreg.validators.protocol import Check
from mmreg.validators.table import Table
from mmreg.validators.unknown import unknown


def load_check(spec: CheckSpec, table: Table) -> Check:
    """The check that ``spec`` declares, ready for batches of ``table``.

    Raises `UsageError` for an unknown check, argument or column and for an argument or a column of a wrong type.
    """
    if spec.check.startswith("gx."):
        raise UsageError(
            f"{spec.check}: Great Expectations checks are not available in this release",
            hint=f"one of mmreg's own checks: {', '.join(BUILT_IN)}",
        )
    if spec.check not in BUILT_IN:
        raise unknown("check", spec.check, BUILT_IN)
    check: Check = _kind(spec.check)(spec, table)
    return check


def known_checks() -> Mapping[str, str]:
    """Every check by name, with what it demands in one line."""
    return {name: (inspect.getdoc(_kind(name)) or "").partition("\n")[0] for name in BUILT_IN}


def _kind(name: str) -> type[Any]:
    module, _, kind = BUILT_IN[name].partition(":")
    found: type[Any] = getattr(import_module(f"mmreg.validators.{module}"), kind)
    return found
