"""What checking a version found: results are data, not exceptions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True)
class CheckResult:
    """One check on one version.

    ``examined`` and ``failed`` count what the check looks at (rows, groups, or 1 for the version as a whole);
    ``status`` is `failed` where the share of failures is above ``max_failure_rate``. ``examples`` are at most
    five failing samples, as ``{"sample_id", "value", "reason"}``.
    """

    check: str
    status: Literal["passed", "failed"]
    severity: Literal["error", "warning"]
    examined: int
    failed: int
    message: str
    column: str | None = None
    max_failure_rate: float = 0.0
    arguments: Mapping[str, Any] = field(default_factory=dict)
    examples: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True)
class ValidationReport:
    """All checks on one version. ``ok`` is False where a check of severity `error` failed."""

    dataset: str
    version: str
    uuid: str
    rows: int
    results: tuple[CheckResult, ...]
    run: str | None = None

    @property
    def ok(self) -> bool:
        return not any(r.status == "failed" and r.severity == "error" for r in self.results)
