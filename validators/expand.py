"""From a declared check to those that it stands for: a suite in a file is many checks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib import import_module
from pathlib import Path

from mmreg.schemas.check_spec import CheckSpec

SUITES: Mapping[str, str] = {"gx.suite": "expectations.suite:expand_suite"}
"""Checks that stand for several: by name, the module here and the function which says what for.

It is called with the declared check and the project's folder, and returns a list of `CheckSpec`.
"""


def expand(specs: Iterable[CheckSpec], folder: Path) -> list[CheckSpec]:
    """``specs`` in order, suites replaced by what they hold; their files are relative to ``folder``.

    Raises `NotFound` for a file that is not there, `UsageError` for one that makes no sense.
    """
    return [one for spec in specs for one in _held(spec, folder)]


def _held(spec: CheckSpec, folder: Path) -> list[CheckSpec]:
    if spec.check not in SUITES:
        return [spec]
    module, _, function = SUITES[spec.check].partition(":")
    held: list[CheckSpec] = getattr(import_module(f"mmreg.validators.{module}"), function)(spec, folder)
    return held
