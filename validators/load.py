"""From a declared check to one that runs."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Mapping

import pyarrow as pa

from mmreg.errors import UsageError
from mmreg.schemas.declaration import CheckSpec
from mmreg.validators.image_decodes import ImageDecodes
from mmreg.validators.not_null import NotNull
from mmreg.validators.protocol import Check
from mmreg.validators.range import Range
from mmreg.validators.row_count import RowCount
from mmreg.validators.single_generation import SingleGeneration
from mmreg.validators.table import Table
from mmreg.validators.unique import Unique
from mmreg.validators.unknown import unknown

_CHECKS: Mapping[str, Callable[[CheckSpec, Table], Check]] = {
    "not_null": NotNull,
    "unique": Unique,
    "range": Range,
    "row_count": RowCount,
    "image_decodes": ImageDecodes,
    "lineage.single_generation": SingleGeneration,
}


def load_check(spec: CheckSpec, schema: pa.Schema, producers: Mapping[str, str], former: Collection[str] = ()) -> Check:
    """The check that ``spec`` declares, ready for batches of ``schema``.

    ``producers`` maps each derived column to the name of the pass that makes it, or that made it and does no longer:
    then it is one of ``former``. Raises `UsageError` for an
    unknown check, argument or column and for an argument or a column of a wrong type.
    """
    if spec.check.startswith("gx."):
        raise UsageError(
            f"{spec.check}: Great Expectations checks are not available in this release",
            hint=f"one of mmreg's own checks: {', '.join(_CHECKS)}",
        )
    if spec.check not in _CHECKS:
        raise unknown("check", spec.check, _CHECKS)
    return _CHECKS[spec.check](spec, Table(schema, producers, former))


def known_checks() -> Mapping[str, str]:
    """Every check by name, with what it demands in one line."""
    return {name: (inspect.getdoc(kind) or "").partition("\n")[0] for name, kind in _CHECKS.items()}
