"""What a version or a model has cost: sums over all that it came from, and what of it nobody has counted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

By = Literal["job", "model", "dataset", "run"]
"""What the lines of a `Cost` are: jobs, models that were asked or made, datasets that were written, or single runs."""

MEASURES = ("seconds", "cpu_s", "gpu_s", "flops", "calls", "tokens_in", "tokens_out", "human_min", "money")
"""What is summed, in the order in which it is shown. Money is kept apart by currency: ``money``, ``money EUR``."""


@dataclass(frozen=True)
class Amount:
    """A sum: ``value`` of the ``known`` runs that counted it. ``unknown`` runs have spent some and nobody counted."""

    value: float
    known: int
    unknown: int = 0


@dataclass(frozen=True)
class CostLine:
    """What ``runs`` runs have spent together, the ``stopped`` ones among them included.

    Stopped are those that published nothing, but left results that a later run took up. ``way`` leads from the first
    of the runs to what was asked for. ``amounts`` are by measure; one that does not apply is not there.
    """

    name: str
    kind: str
    runs: int
    stopped: int
    amounts: Mapping[str, Amount]
    way: tuple[str, ...] = ()


@dataclass(frozen=True)
class Cost:
    """What ``ref`` has cost. Each run upstream of it is counted once, however many ways lead from it.

    ``uncounted``: by measure, in how many runs nobody counted it. ``untold`` are the models upstream that were made
    somewhere else: what went into them is in no sum.
    """

    focus: str
    ref: str
    by: By
    lines: tuple[CostLine, ...]
    total: CostLine
    uncounted: Mapping[str, int] = field(default_factory=dict)
    untold: tuple[str, ...] = ()
