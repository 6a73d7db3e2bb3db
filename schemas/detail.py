"""Everything about one version, and what lies between two."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True)
class ColumnDetail:
    """A column of a version; ``producer`` is the pass or source that made it, ``run`` its latest run."""

    name: str
    type: str
    producer: str | None = None
    run: str | None = None


@dataclass(frozen=True)
class MixShare:
    """What one dataset gave to a mixture: its ``weight`` as asked and as ``achieved`` (of 1), the ``rows`` that it
    gave of those that were ``wanted`` of it, and how many it had (``supply``)."""

    dataset: str
    weight: float
    achieved: float
    rows: int
    wanted: int
    supply: int


@dataclass(frozen=True)
class VersionDetail:
    """What ``mmreg show`` tells. ``uri`` opens with plain Lance at ``lance_version``, as ``open_with`` says.

    ``cost`` is what the run has spent, where it was one of a pass: rows called, seconds, tokens, money. ``verdict`` is
    what its last check said, the run ``judged_by``; '' where it was never checked.
    """

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
    mix: tuple[MixShare, ...] = ()
    dropped: Mapping[str, int] = field(default_factory=dict)
    """Of a derived dataset: how many rows its selection dropped, by reason."""
    rejected_reasons: Mapping[str, int] = field(default_factory=dict)
    cost: Mapping[str, float] = field(default_factory=dict)
    rejected_records: tuple[Mapping[str, Any], ...] = ()
    verdict: Literal["", "passed", "failed"] = ""
    judged_by: str = ""


@dataclass(frozen=True)
class SelectionDiff:
    """What became of a derived dataset's rows from one version to another.

    ``kept``: in both. ``dropped``: in the first only, left out by the second, for ``dropped_reasons``. ``gone``: in the
    first only, and no row of its root by the second. ``readmitted``: in the second only, left out by the first for
    ``readmitted_reasons``. ``new``: in the second only, and nothing that the first had to choose from.
    """

    kept: int
    dropped: int
    gone: int
    readmitted: int
    new: int
    dropped_reasons: Mapping[str, int] = field(default_factory=dict)
    readmitted_reasons: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Diff:
    """What lies between two versions of one dataset. Samples by hex ``sample_id`` (at most ten of each).

    ``cells`` counts changed cells for each column that both have, over the samples that both have. ``selection`` is
    there between two versions of a derived dataset.
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
    selection: SelectionDiff | None = None
