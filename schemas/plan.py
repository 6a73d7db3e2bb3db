"""What would be done, what was done, and how fresh everything is."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

StepKind = Literal["schema", "ingest", "pass", "select", "training", "model"]
"""What is declared as a step."""
AuditKind = Literal["check", "promotion"]
"""What follows from steps: their versions are checked, and promoted where that is asked for."""


def money_text(amount: float) -> str:
    """``3.50``; a small amount with the digits that show it."""
    return f"{amount:,.2f}" if not amount or amount >= 0.1 else f"{amount:.2g}"


@dataclass(frozen=True)
class Estimate:
    """What a step would cost, as far as it is known (else None), and ``source``: where that is from.

    ``calls`` are calls of a model, ``seconds`` those of this machine, ``money`` is in the currency that prices are
    declared in.
    """

    calls: int | None
    seconds: float | None
    money: float | None
    source: str


@dataclass(frozen=True)
class Sample:
    """A few rows computed to measure a pass: how many, how many failed, and some of the answers. Published nowhere."""

    rows: int
    errors: int
    answers: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True)
class PlanStep:
    """One thing that apply would do. ``action``: `run`, `nothing`, `blocked` (waits), `stale` (kept as it is),
    `undeclared` (kept, although the declaration names it no longer: ``name`` is what ``mmreg drop`` takes) or `failed`
    (the newest version did not pass its checks, and is not checked again).

    ``verb`` says what a change of a schema does: + adds, ~ alters, - would take away. ``rows`` is how many rows would
    be read or computed where that is known before running, else None; ``changes`` counts them by why. ``staged`` of
    them wait computed, from a run that was stopped. ``waits_for_data`` marks a blocked step that waits for a dataset
    or a column, not for a model. ``notes`` are worth knowing and stop nothing. ``fingerprint`` moves with what exactly
    would be done. ``drifted``: the code of a pass changed and its version did not.
    """

    kind: StepKind | AuditKind
    name: str
    action: Literal["run", "nothing", "blocked", "stale", "undeclared", "failed"]
    reason: str
    dataset: str | None = None
    rows: int | None = None
    changes: Mapping[str, int] = field(default_factory=dict)
    waits_for_data: bool = False
    verb: Literal["", "+", "~", "-"] = ""
    staged: int = 0
    estimate: Estimate | None = None
    sample: Sample | None = None
    notes: tuple[str, ...] = ()
    fingerprint: str = ""
    drifted: bool = False


@dataclass(frozen=True)
class Plan:
    """``over`` says in words which budgets it is above: then it needs to be approved by its digest."""

    steps: tuple[PlanStep, ...]
    over: tuple[str, ...] = ()

    @property
    def pending(self) -> bool:
        return any(step.action in ("run", "blocked") for step in self.steps)

    @property
    def drifted(self) -> bool:
        """Whether the code of a pass changed and its version did not."""
        return any(step.drifted for step in self.steps)

    @property
    def digest(self) -> str:
        """16 hex digits of what would be done and what it would cost; how long it takes is no part of it."""
        parts = [
            (
                *(step.kind, step.name, step.action, step.verb, step.dataset, step.rows, step.staged, step.fingerprint),
                *(sorted(step.changes.items()), step.reason),
                step.estimate and (step.estimate.calls, step.estimate.money and f"{step.estimate.money:.6g}"),
            )
            for step in self.steps
            if step.action not in ("nothing", "undeclared") and step.kind != "check"  # which spends nothing
        ]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]

    @property
    def total(self) -> Estimate:
        """What is known of the cost of all steps together; ``source`` names those whose cost is not."""
        known = [step.estimate for step in self.steps if step.action == "run" and step.estimate is not None]
        dark = [step.name for step in self.steps if step.action == "run" and step.kind == "pass" and _dark(step)]
        return Estimate(
            calls=sum(estimate.calls or 0 for estimate in known),
            seconds=sum(estimate.seconds or 0.0 for estimate in known),
            money=sum(estimate.money or 0.0 for estimate in known),
            source=f"not counting {', '.join(dark)}" if dark else "",
        )


def _dark(step: PlanStep) -> bool:
    estimate = step.estimate
    return estimate is None or None in (estimate.calls, estimate.seconds, estimate.money)


@dataclass(frozen=True)
class StepResult:
    """What one step of an apply came to. A `check` has `passed` or `failed`, or is `unchanged`: it passed before.
    ``hint`` is the next command to type, where something stands in the way."""

    kind: StepKind | AuditKind
    name: str
    outcome: Literal[
        "published", "unchanged", "blocked", "stale", "trained", "registered", "undeclared", "passed", "failed",
        "promoted",
    ]  # fmt: skip
    message: str
    ref: str | None = None
    rows: int = 0
    computed: int = 0
    errors: int = 0
    rejected: int = 0
    seconds: float = 0.0
    hint: str | None = None


@dataclass(frozen=True)
class ApplyReport:
    """``lock`` is the file to which it was written what names mean, where that was asked for."""

    steps: tuple[StepResult, ...]
    lock: str | None = None

    @property
    def changed(self) -> bool:
        return any(step.outcome in ("published", "trained", "registered", "promoted") for step in self.steps)

    @property
    def ok(self) -> bool:
        """False where a version did not pass its checks."""
        return all(step.outcome != "failed" for step in self.steps)


@dataclass(frozen=True)
class Dropped:
    """What was dropped, by which run; ``ref`` is the version without it, where one was made."""

    what: str
    run: str
    ref: str | None = None


@dataclass(frozen=True)
class PassStatus:
    """How the rows of one pass stand, and so the columns that it makes.

    A row counts once as done, stale, missing, failed or ``overwritten`` (current, but somebody else has written over
    what the pass did). ``generations`` maps a generation (hex) to the rows that it computed, ``generation`` is the
    one that is declared now. ``drift`` says that the pass's code changed and its version did not.
    """

    name: str
    dataset: str
    columns: tuple[str, ...]
    done: int
    stale: int
    missing: int
    failed: int
    blocked: str | None = None
    generations: Mapping[str, int] = field(default_factory=dict)
    overwritten: int = 0
    generation: str | None = None
    drift: str | None = None


@dataclass(frozen=True)
class FailedRow:
    """A row that ended in an error when a pass of ``generation`` was called with it. ``source`` is where it is from."""

    sample_id: str
    source: str | None
    error: str
    generation: str


@dataclass(frozen=True)
class Status:
    passes: tuple[PassStatus, ...]
    steps: tuple[PlanStep, ...]
    index_age_s: float
