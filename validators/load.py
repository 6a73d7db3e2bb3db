"""From a declared check to one that runs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from mmreg.errors import UsageError
from mmreg.schemas.check_spec import CheckSpec
from mmreg.validators.built_in import BUILT_IN
from mmreg.validators.expectations.load import load_expectation
from mmreg.validators.expectations.names import EXPECTATIONS
from mmreg.validators.plugins import check_class, demand, made
from mmreg.validators.protocol import Check, can_sample
from mmreg.validators.table import Table


def load_check(spec: CheckSpec, table: Table, project: Path | None = None) -> Check:
    """The check that ``spec`` declares, ready for batches of ``table``; plug-ins also from the folder ``project``.

    Raises `UsageError` for an unknown check, argument or column, for an argument or a column of a wrong type, and for
    a sample that the check cannot be answered from.
    """
    if spec.check.startswith("gx."):
        check: Check = load_expectation(spec, table)
    else:
        check = made(spec, table, check_class(spec.check, project))
    if spec.sample is not None and not can_sample(check):
        raise UsageError(f"{spec.check} is about all rows together: a sample does not tell", hint="leave out 'sample'")
    return check


def known_checks() -> Mapping[str, str]:
    """Every check of mmreg's own by name, with what it demands in one line; expectations are one, ``gx.expect_*``."""
    return {**{name: demand(check_class(name)) for name in BUILT_IN}, **EXPECTATIONS}
