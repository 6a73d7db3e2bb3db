"""What ``mmreg validate`` answers: what was checked, what was left out, and whether the gate opens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from mmreg.schemas.check import CheckResult, ValidationReport
from mmreg.schemas.check import known as known
from mmreg.schemas.detail import Diff
from mmreg.schemas.plan import Plan

FailOn = Literal["error", "warning", "insufficient", "never"]
"""What keeps the gate shut: failures of severity `error`; those of `warning` too; too little to say as well; nothing"""


@dataclass(frozen=True)
class Skipped:
    """A dataset that was not checked, and why: it has not changed. ``ref`` is the version that would have been."""

    dataset: str
    ref: str
    reason: str


@dataclass(frozen=True)
class Tighten:
    """A baseline allows ``allowed`` failures of a check, and there are ``failed``; ``failed`` is None where the
    check is declared no longer."""

    dataset: str
    key: str
    allowed: int
    failed: int | None


@dataclass(frozen=True)
class GateReport:
    """All that was checked, and by which measure it is judged.

    ``baseline`` is the file of known failures, where there is one; ``tighten`` says where it allows more than there
    is. ``offline``: the lake was not looked at, and the reports are of the declaration, with ``version`` and ``uuid``
    empty. ``plan`` (what `mmreg apply` would do) and ``diffs`` (what each checked version has changed since the one
    before it) are there for who reads a pull request, else None and empty; ``no_plan`` says why there is none.
    """

    reports: tuple[ValidationReport, ...]
    skipped: tuple[Skipped, ...] = ()
    fail_on: FailOn = "error"
    baseline: str | None = None
    tighten: tuple[Tighten, ...] = ()
    offline: bool = False
    plan: Plan | None = None
    no_plan: str = ""
    diffs: tuple[Diff, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether the gate opens."""
        return not any(self.stops(result) for report in self.reports for result in report.results)

    def stops(self, result: CheckResult) -> bool:
        """Whether this result keeps the gate shut."""
        match result.status:
            case "passed":
                return False
            case "insufficient":
                return self.fail_on == "insufficient"
        blamed = result.severity == "error" or self.fail_on in ("warning", "insufficient")
        return blamed and self.fail_on != "never" and not known(result)
