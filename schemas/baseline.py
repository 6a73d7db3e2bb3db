"""A baseline: the failures that are known and may stay until somebody mends them, but may not become more.

A file in git beside mmreg.yaml. It is JSON, sorted and with one number a line, so that a review sees each change.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from mmreg.schemas.check import ValidationReport
from mmreg.schemas.declared import Declared, Name
from mmreg.schemas.gate import Tighten
from mmreg.schemas.located import find, plain, read
from mmreg.schemas.suggest import did_you_mean

Keys = Mapping[str, Iterable[str]]
"""By dataset, the keys of the checks that are declared for it."""


class Baseline(Declared):
    """Known failures of checks: by dataset and the key of a check, how many there may be."""

    version: Literal[1] = Field(default=1, description="of this format")
    failures: dict[Name, dict[str, Annotated[int, Field(ge=1)]]] = Field(
        default_factory=dict, description="by dataset and key of a check, how many failures are known"
    )

    @classmethod
    def from_text(cls, text: str, file: str) -> Baseline:
        """Parse what `to_text` wrote. Raises `SpecError` with the place of what cannot be meant."""
        tree = read(text, file)
        try:
            return cls.model_validate(plain(tree))
        except ValidationError as error:
            said = error.errors(include_url=False)[0]
            at, message = said["loc"], said["msg"][:1].lower() + said["msg"][1:]
            unknown = said["type"] == "extra_forbidden"
            if unknown:
                message = f"unknown key {at[-1]!r}{did_you_mean(str(at[-1]), cls.model_fields)}"
            raise find(tree, at, key=unknown).error(message) from None

    def to_text(self) -> str:
        return json.dumps(self.model_dump(), indent=2, sort_keys=True, ensure_ascii=False) + "\n"

    def allow(self, report: ValidationReport) -> ValidationReport:
        """``report`` whose results say how many failures are known."""
        known = self.failures.get(report.dataset, {})
        return replace(report, results=tuple(replace(r, allowed=known.get(r.key)) for r in report.results))

    def tighten(self, reports: Iterable[ValidationReport], declared: Keys) -> Iterator[Tighten]:
        """Where it allows more than there is; ``declared`` are all checks, also those that were not looked at."""
        found = _failures(reports)
        for dataset, key, allowed in self._entries():
            if key not in declared.get(dataset, ()):
                yield Tighten(dataset, key, allowed, None)
            elif (failed := found.get((dataset, key), allowed)) < allowed:
                yield Tighten(dataset, key, allowed, failed)

    def updated(self, reports: Iterable[ValidationReport], declared: Keys) -> Baseline:
        """As things are now: of checks that were looked at what failed, of the others what was known."""
        known = {(dataset, key): allowed for dataset, key, allowed in self._entries()} | _failures(reports)
        failures: dict[str, dict[str, int]] = {}
        for (dataset, key), allowed in known.items():
            if allowed and key in declared.get(dataset, ()):
                failures.setdefault(dataset, {})[key] = allowed
        return Baseline(failures=failures)

    def _entries(self) -> Iterator[tuple[str, str, int]]:
        for dataset, known in self.failures.items():
            yield from ((dataset, key, allowed) for key, allowed in known.items())


def baseline_schema() -> dict[str, Any]:
    """The JSON Schema of a baseline file."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **Baseline.model_json_schema()}


def _failures(reports: Iterable[ValidationReport]) -> dict[tuple[str, str], int]:
    """By dataset and key, how many failures there are to be known: the most of several versions, and nothing where
    there is too little to say."""
    found: dict[tuple[str, str], int] = {}
    for report in reports:
        for result in report.results:
            if result.status != "insufficient":
                at = (report.dataset, result.key)
                found[at] = max(found.get(at, 0), result.failed if result.status == "failed" else 0)
    return found
