"""Whole suites: a file as Great Expectations writes it becomes one check for each of its expectations."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmreg.errors import NotFound, UsageError
from mmreg.schemas.check_spec import CheckSpec
from mmreg.validators.expectations.compile import from_samples
from mmreg.validators.expectations.names import PREFIX, expectation_name
from mmreg.validators.unknown import unknown

_NOT_ARGUMENTS = ("batch_id", "catch_exceptions", "include_config", "meta", "result_format")


def expand_suite(spec: CheckSpec, folder: Path) -> list[CheckSpec]:
    """The checks that the suite of ``spec`` holds; its path is relative to ``folder``.

    What GX calls `critical` is of severity `error`, unless ``spec`` declares one. Raises `NotFound` for a file that is
    not there, and `UsageError` for one that is no suite or has an expectation that nobody knows.
    """
    for argument in spec.arguments:
        if argument != "suite":
            raise unknown(f"argument of {spec.check}", argument, ("suite", "severity", "name", "sample", "examples"))
    named = spec.arguments.get("suite")
    if not isinstance(named, str) or not named:
        raise UsageError(f"{spec.check}: suite: needs the path of a JSON file", hint="{suite: expectations/suite.json}")
    if spec.max_failure_rate:
        raise UsageError(f"{spec.check}: max_failure_rate belongs to single checks", hint=f"mostly, in {named}")
    return [_check(spec, named, one) for one in _expectations(folder / named, named)]


def _expectations(path: Path, named: str) -> list[Any]:
    try:
        suite = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise NotFound(f"{named}: no such suite of expectations", hint="paths are relative to mmreg.yaml") from None
    except OSError as error:
        raise UsageError(f"{named} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise UsageError(f"{named} is not JSON: {error}") from None
    found = suite.get("expectations") if isinstance(suite, Mapping) else None
    if not isinstance(found, list):
        raise UsageError(f"{named} is no suite: it has no list of 'expectations'")
    return found


def _check(spec: CheckSpec, named: str, one: Any) -> CheckSpec:
    name = (one.get("type") or one.get("expectation_type")) if isinstance(one, Mapping) else None
    arguments = one.get("kwargs", {}) if isinstance(one, Mapping) else None
    if not isinstance(name, str) or not isinstance(arguments, Mapping):
        raise UsageError(f"{named}: an expectation has no 'type' or no 'kwargs'")
    given = {key: value for key, value in arguments.items() if value is not None and key not in _NOT_ARGUMENTS}
    for key, value in given.items():
        if isinstance(value, Mapping) and "$PARAMETER" in value:
            raise UsageError(f"{named}: {name}: {key} is a parameter, and mmreg has no values for it", hint=named)
    for key in given:
        if key in CheckSpec.model_fields:
            raise unknown(f"argument of {PREFIX}{name}", key, ())
    check = CheckSpec.model_validate({"check": f"{PREFIX}{name}", **given, **_shared(spec, one, name)})
    try:
        expectation_name(check)
    except UsageError as error:
        raise UsageError(f"{named}: {error.message}", hint=error.hint) from None
    return check


def _shared(spec: CheckSpec, one: Mapping[str, Any], name: str) -> dict[str, Any]:
    """What all checks of the suite take over from its declaration."""
    severity = "error" if one.get("severity", "critical") == "critical" else "warning"
    shared: dict[str, Any] = {"severity": spec.severity if "severity" in spec.model_fields_set else severity}
    if "examples" in spec.model_fields_set:
        shared["examples"] = spec.examples
    if spec.sample is not None and from_samples(name):
        shared["sample"] = spec.sample
    if spec.name is not None:
        about = one["kwargs"].get("column")
        shared["name"] = f"{spec.name}: {name}{f' {about}' if about else ''}"[:100]
    return shared
