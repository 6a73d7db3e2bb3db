"""What the index answers with at a glance: datasets, versions, models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True)
class Created:
    """A project that can begin: its declaration, just ``written`` or there before, and how many may write its lake."""

    path: str
    written: bool
    lake: str
    writers: Literal["many", "one"]


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
class NewPass:
    """What ``mmreg pass new`` wrote beside mmreg.yaml: a ``module`` and its ``test``, and the lines to declare it."""

    module: str
    test: str
    declaration: str


@dataclass(frozen=True)
class LogEntry:
    """One version in ``mmreg log``, newest first; ``removed_by`` is the run that took it from the lake, '' for none."""

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
    removed_by: str = ""
    removed_at: str = ""


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
