"""What would be done, what was done, and how fresh everything is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

StepKind = Literal["ingest", "pass", "select", "training", "model"]


@dataclass(frozen=True)
class PlanStep:
    """One thing that apply would do. ``action``: `run`, `nothing`, `blocked` (waits) or `stale` (kept as it is).

    ``rows`` is how many rows would be read or computed where that is known before running, else None.
    ``waits_for_data`` marks a blocked step that waits for a dataset or a column, not for a model.
    """

    kind: StepKind
    name: str
    action: Literal["run", "nothing", "blocked", "stale"]
    reason: str
    dataset: str | None = None
    rows: int | None = None
    changes: Mapping[str, int] = field(default_factory=dict)
    waits_for_data: bool = False


@dataclass(frozen=True)
class Plan:
    steps: tuple[PlanStep, ...]

    @property
    def pending(self) -> bool:
        return any(step.action in ("run", "blocked") for step in self.steps)


@dataclass(frozen=True)
class StepResult:
    """What one step of an apply came to."""

    kind: StepKind
    name: str
    outcome: Literal["published", "unchanged", "blocked", "stale", "trained", "registered"]
    message: str
    ref: str | None = None
    rows: int = 0
    computed: int = 0
    errors: int = 0
    rejected: int = 0
    seconds: float = 0.0


@dataclass(frozen=True)
class ApplyReport:
    steps: tuple[StepResult, ...]

    @property
    def changed(self) -> bool:
        return any(step.outcome in ("published", "trained", "registered") for step in self.steps)


@dataclass(frozen=True)
class PassStatus:
    """Freshness of one pass: rows by state; ``generations`` maps a generation (hex) to its rows."""

    name: str
    dataset: str
    columns: tuple[str, ...]
    done: int
    stale: int
    missing: int
    failed: int
    blocked: str | None = None
    generations: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Status:
    passes: tuple[PassStatus, ...]
    steps: tuple[PlanStep, ...]
    index_age_s: float
