"""Two versions, or two models, side by side: what ``mmreg compare`` answers with. ``a`` is always the first of both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from mmreg.schemas.cost import Amount


@dataclass(frozen=True)
class Shared:
    """Names that only one of both has, and those that both have."""

    only_a: tuple[str, ...] = ()
    only_b: tuple[str, ...] = ()
    both: tuple[str, ...] = ()


@dataclass(frozen=True)
class SharedRows:
    """Samples, by their ids, that only one of both has, and those that both have."""

    only_a: int
    only_b: int
    both: int


@dataclass(frozen=True)
class Changed:
    """A step that both have, and something of it that differs; None where one does not say it. Text as JSON has it."""

    step: str
    what: str
    a: str | None
    b: str | None


@dataclass(frozen=True)
class Score:
    """What a metric was, once for each seed: ``sd`` is the sample's, None where there is but one value."""

    mean: float
    sd: float | None
    values: tuple[float, ...]


@dataclass(frozen=True)
class ComparedMetric:
    """A metric of a ``model`` on a version; None where one of both was not measured. ``difference`` is b less a."""

    model: str
    metric: str
    on: str
    a: Score | None
    b: Score | None
    difference: float | None


@dataclass(frozen=True)
class Comparison:
    """What differs between ``a`` and ``b``.

    ``data`` are the datasets that they were made from, as of which version, or, of models, what they were trained on;
    ``columns`` are those of versions. ``rows`` is None where nobody asked for it, or where the rows are gone.
    ``steps`` are passes, selections and trainings upstream, of which ``changed`` tells what differs. ``curators`` are
    the models that were asked. ``cost`` has by measure what either has cost in all.
    """

    kind: Literal["version", "model"]
    a: str
    b: str
    data: Shared
    columns: Shared
    rows: SharedRows | None
    steps: Shared
    changed: tuple[Changed, ...]
    curators: Shared
    cost: Mapping[str, tuple[Amount | None, Amount | None]] = field(default_factory=dict)
    metrics: tuple[ComparedMetric, ...] = ()
