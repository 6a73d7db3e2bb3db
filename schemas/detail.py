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
