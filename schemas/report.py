"""What the verbs answer with: plain frozen values that the command line shows as text or as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True)
class DatasetSummary:
    """One line of ``mmreg ls``. ``current`` is what the bare name means; ``promoted`` says whether by promotion."""

    name: str
    kind: Literal["root", "derived"]
    current: str
    latest: str
    promoted: bool
    rows: int
    rejected: int
    versions: int
    updated_at: str


@dataclass(frozen=True)
class ColumnDetail:
    """A column of a version; ``producer`` is the pass or source that made it, ``run`` its latest run."""

    name: str
    type: str
    producer: str | None = None
    run: str | None = None


@dataclass(frozen=True)
class VersionDetail:
    """What ``mmreg show`` tells. ``uri`` opens with plain Lance at ``lance_version``, as ``open_with`` says."""

    ref: str
    dataset: str
    version: int
    uuid: str
    kind: Literal["root", "derived"]
    rows: int
    rejected: int
    lance_version: int
    uri: str
    open_with: str
    created_at: str
    run: str
    job: str
    promoted: bool
    license: str | None
    columns: tuple[ColumnDetail, ...]
    roots: tuple[str, ...] = ()
    splits: Mapping[str, int] = field(default_factory=dict)
    rejected_reasons: Mapping[str, int] = field(default_factory=dict)
    rejected_records: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True)
class LogEntry:
    """One version in ``mmreg log``, newest first."""

    ref: str
    uuid: str
    created_at: str
    job: str
    rows: int
    rejected: int
    columns: tuple[str, ...]
    run: str
    promoted: bool
    kind: Literal["published", "maintenance", "unattributed"] = "published"


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


@dataclass(frozen=True)
class Diff:
    """What lies between two versions of one dataset. Samples by hex ``sample_id`` (at most ten of each).

    ``cells`` counts changed cells for each column that both have, over the samples that both have.
    """

    a: str
    b: str
    columns_added: tuple[str, ...]
    columns_removed: tuple[str, ...]
    columns_retyped: Mapping[str, tuple[str, str]]
    samples_added: int
    samples_removed: int
    cells: Mapping[str, int]
    examples_added: tuple[str, ...] = ()
    examples_removed: tuple[str, ...] = ()


@dataclass(frozen=True)
class Finding:
    """One thing that ``mmreg doctor`` saw; ``fixed`` where it mended it."""

    code: str
    message: str
    fixed: bool = False
    hint: str | None = None


@dataclass(frozen=True)
class DoctorReport:
    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        return all(f.fixed for f in self.findings)


@dataclass(frozen=True)
class ModelSummary:
    """One checkpoint in ``mmreg model ls``."""

    name: str
    digest: str
    aliases: tuple[str, ...]
    framework: str
    created_at: str
    run: str
    trained_on: tuple[str, ...]
    metrics: Mapping[str, float] = field(default_factory=dict)
    size_bytes: int = 0
    license: str | None = None
    base: str | None = None
    path: str | None = None
