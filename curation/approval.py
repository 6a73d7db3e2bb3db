"""What may be spent: a budget stops what was not approved, before it begins and while it runs.

A budget is what one apply may spend without being asked. A plan above it is done after it was approved by its digest;
then what the plan estimated is allowed, and a tenth more, since estimates are never exact.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from mmreg.errors import NotApproved
from mmreg.schemas.declaration import Budget, ProjectSpec
from mmreg.schemas.plan import Plan, PlanStep, money_text

MARGIN = 1.1
Unit = Literal["calls", "money"]
_UNITS: tuple[Unit, ...] = ("calls", "money")
_ALLOWED_BY: Mapping[Unit, str] = {"calls": "model_calls", "money": "money"}


@dataclass(frozen=True)
class Limit:
    """So much of ``unit`` is allowed for ``passes``, by ``key`` of the declaration or by an approval."""

    key: str
    passes: frozenset[str]
    unit: Unit
    allowed: float

    def refusal(self, spent: float) -> str | None:
        """What to say where ``spent`` is more; None where it is allowed."""
        if spent <= self.allowed:
            return None
        return f"{amount(spent, self.unit)}, above the {amount(self.allowed, self.unit)} of {self.key}"


def over_budget(spec: ProjectSpec, steps: tuple[PlanStep, ...]) -> tuple[str, ...]:
    """Which budgets these steps are above, in words."""
    planned = {step.name: step for step in steps if step.kind == "pass" and step.action == "run"}
    said = []
    for limit in limits(spec):
        total = sum(_estimated(planned[name], limit.unit) for name in limit.passes & planned.keys())
        if (refusal := limit.refusal(total)) is not None:
            said.append(refusal)
    return tuple(said)


def limits(spec: ProjectSpec) -> list[Limit]:
    """What the declaration allows: to all passes together, and to single ones."""
    found = list(_limits("budget", frozenset(spec.passes), spec.budget))
    for name, declared in spec.passes.items():
        found += _limits(f"passes.{name}.budget", frozenset({name}), declared.budget)
    return found


class Allowance:
    """What one apply may still spend."""

    def __init__(self, spec: ProjectSpec, approved: Plan | None = None) -> None:
        self._limits = limits(spec)
        if approved is not None:
            self._limits = [_raised(limit, approved) for limit in self._limits]
        self._spent: dict[tuple[str, Unit], float] = {}

    def admit(self, step: PlanStep) -> None:
        """Raise `NotApproved` where a pass is expected to spend more than is left."""
        for limit in self._of(step.name):
            expected = self._sum(limit) + _estimated(step, limit.unit)
            if (refusal := limit.refusal(expected)) is not None:
                raise NotApproved(f"pass {step.name} would bring what is spent to {refusal}")

    def spend(self, name: str, cost: Mapping[str, float], *, model: bool) -> None:
        """Take note that the pass ``name`` has spent ``cost`` so far. Raises `NotApproved` once that is too much."""
        self._spent[name, "calls"] = cost.get("calls", 0) if model else 0
        self._spent[name, "money"] = cost.get("money", 0) or 0
        for limit in self._of(name):
            if (refusal := limit.refusal(self._sum(limit))) is not None:
                raise NotApproved(f"pass {name} was stopped at {refusal}; what it has computed is kept")

    def _of(self, name: str) -> Iterator[Limit]:
        return (limit for limit in self._limits if name in limit.passes)

    def _sum(self, limit: Limit) -> float:
        return sum(spent for (name, unit), spent in self._spent.items() if unit == limit.unit and name in limit.passes)


def amount(number: float, unit: Unit) -> str:
    """``120,000 model calls``, ``3.50 of money``."""
    return f"{number:,.0f} model calls" if unit == "calls" else f"{money_text(number)} of money"


def _limits(key: str, passes: frozenset[str], budget: Budget | None) -> Iterator[Limit]:
    for unit in _UNITS:
        allowed = getattr(budget, _ALLOWED_BY[unit], None)
        if allowed is not None:
            yield Limit(f"{key}.{_ALLOWED_BY[unit]}", passes, unit, allowed)


def _raised(limit: Limit, approved: Plan) -> Limit:
    steps = [step for step in approved.steps if step.kind == "pass" and step.name in limit.passes]
    estimated = sum(_estimated(step, limit.unit) for step in steps if step.action == "run") * MARGIN
    if estimated <= limit.allowed:
        return limit
    return Limit("the approved plan", limit.passes, limit.unit, estimated)


def _estimated(step: PlanStep, unit: Unit) -> float:
    return (getattr(step.estimate, unit) if step.estimate is not None else None) or 0
