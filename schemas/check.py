"""What checking a version found: results are data, not exceptions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

CheckStatus = Literal["passed", "failed", "insufficient"]


@dataclass(frozen=True)
class Histogram:
    """How a column's values are spread: ``counts`` between ``edges`` (one more than counts), one list a series.

    Of texts or sets ``edges`` is empty and ``labels`` name the counts. ``cells``: the labels are values of the column,
    so that runs, which outlive erased samples, leave the histogram out.
    """

    title: str
    counts: Mapping[str, tuple[int, ...]]
    edges: tuple[float, ...] = ()
    labels: tuple[str, ...] = ()
    cells: bool = False


@dataclass(frozen=True)
class Group:
    """What a check found of one group of rows: ``rows`` of it, the share ``rate`` of them, its 95 % interval.

    ``status`` is `insufficient` where there are too few rows to say anything.
    """

    name: str
    rows: int
    rate: float
    low: float
    high: float
    status: CheckStatus = "passed"


@dataclass(frozen=True)
class Place:
    """Where something is declared; line and column count from 1."""

    file: str
    line: int
    column: int


@dataclass(frozen=True)
class CheckResult:
    """One check on one version.

    ``examined`` and ``failed`` count what the check looks at (rows, groups, or 1 for the version as a whole);
    ``status`` is `failed` where the share of failures is above ``max_failure_rate``, and `insufficient` where there
    is too little to say that it passed. ``examples`` are the first failing samples, as
    ``{"sample_id", "value", "reason"}``.

    ``key`` names the check among those of its dataset, the same from version to version. ``population`` is how many
    rows there are where not all of them were looked at (None: all were): a sample of them, with the 95 % ``interval``
    of the true share of failures, or only what has changed since some version, without one. ``reused`` is how many of
    the rows that the answer is about earlier runs had looked at. ``how`` says what answered where that is a question:
    `streamed` or `great_expectations`. ``numbers``, ``histograms`` and ``groups`` are what it measured. ``allowed`` is
    how many failures a baseline lets pass.
    """

    check: str
    status: CheckStatus
    severity: Literal["error", "warning"]
    examined: int
    failed: int
    message: str
    column: str | None = None
    max_failure_rate: float = 0.0
    arguments: Mapping[str, Any] = field(default_factory=dict)
    examples: tuple[Mapping[str, str], ...] = ()
    key: str = ""
    declared_at: Place | None = None
    population: int | None = None
    interval: tuple[float, float] | None = None
    reused: int = 0
    how: str = ""
    numbers: Mapping[str, float] = field(default_factory=dict)
    histograms: tuple[Histogram, ...] = ()
    groups: tuple[Group, ...] = ()
    allowed: int | None = None


@dataclass(frozen=True)
class ValidationReport:
    """All checks on one version. ``ok`` is False where a check of severity `error` failed by more than is known."""

    dataset: str
    version: str
    uuid: str
    rows: int
    results: tuple[CheckResult, ...]
    run: str | None = None

    @property
    def ok(self) -> bool:
        return not any(r.status == "failed" and r.severity == "error" and not known(r) for r in self.results)


def known(result: CheckResult) -> bool:
    """Whether a failure is one that the baseline lets pass: of no more samples than it allows."""
    return result.status == "failed" and result.allowed is not None and result.failed <= result.allowed
