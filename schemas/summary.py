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
    """One line of ``mmreg ls``. ``current`` is what the bare name means; ``promoted`` says whether by promotion.

    It is None where the latest has failed its checks and none has passed them: then ``rows`` are the latest one's.
    ``failed`` lists which of the two, ``current`` and ``latest``, failed when they were checked last.
    """

    name: str
    kind: Literal["root", "derived"]
    current: str | None
    latest: str
    promoted: bool
    rows: int
    rejected: int
    versions: int
    updated_at: str
    failed: tuple[str, ...] = ()


@dataclass(frozen=True)
class Scaffold:
    """What ``mmreg pass new`` or ``mmreg checks new`` wrote beside mmreg.yaml: a ``module`` and its ``test``, and the
    lines to declare it."""

    module: str
    test: str
    declaration: str


CheckScope = Literal["row", "table", "version"]
"""What an answer depends on: single rows, all rows together, or no rows at all but what is known of the version."""


@dataclass(frozen=True)
class KnownCheck:
    """One line of ``mmreg checks``. ``demands`` is what must hold.

    ``media``: it reads the bytes of media. ``incremental``: what it has seen of a fragment is not looked at again.
    ``extra`` is the one of mmreg's that it needs. ``source`` says from where it is: `mmreg`, an installed package, or
    beside mmreg.yaml. ``fault`` is why it cannot be loaded. ``scope`` is None then, and
    where a name stands for several checks.
    """

    name: str
    demands: str
    scope: CheckScope | None
    media: bool
    incremental: bool
    extra: str | None
    source: str
    fault: str | None = None


@dataclass(frozen=True)
class LogEntry:
    """One version in ``mmreg log``, newest first; ``removed_by`` is the run that took it from the lake, '' for none.

    ``verdict`` is what its last check said, the run ``judged_by``; '' where it was never checked.
    """

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
    verdict: Literal["", "passed", "failed"] = ""
    judged_by: str = ""


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
    opaque: bool = False
