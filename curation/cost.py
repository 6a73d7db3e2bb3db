"""What a pass is going to cost, by what some of its rows have cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mmreg.curation.bind import BoundPass
from mmreg.schemas.plan import Estimate

NOTHING = Estimate(0, 0.0, 0.0, "nothing to compute")


@dataclass(frozen=True)
class Measure:
    """What ``rows`` rows have cost, and where that was seen. None: nobody has counted."""

    rows: int
    calls: int | None
    seconds: float | None
    money: float | None
    source: str


def estimate(bound: BoundPass, rows: int, measure: Measure | None) -> Estimate:
    """What ``rows`` rows are going to cost if they are like those that were measured.

    Calls of a model are those of a pass that has one: as many as rows, where nothing is known. Money is spent on models
    behind an address alone.
    """
    if not rows:
        return NOTHING
    calls = 0 if bound.spec.model is None else rows
    money = None if is_billed(bound) else 0.0
    if measure is None:
        return Estimate(calls, None, money, "unknown")
    share = rows / measure.rows
    if calls and measure.calls is not None:
        calls = round(measure.calls * share)
    if money is None and measure.money is not None:
        money = measure.money * share
    return Estimate(calls, None if measure.seconds is None else measure.seconds * share, money, measure.source)


def is_billed(bound: BoundPass) -> bool:
    """Whether its model is one behind an address, whose owner may ask for money."""
    return bound.model is not None and bound.model.checkpoint.opaque


def from_cost(cost: Mapping[str, Any], rows: int, source: str) -> Measure:
    """From the ``cost`` that a run records of its pass."""
    return Measure(rows, cost.get("calls"), cost.get("seconds"), cost.get("money"), source)
