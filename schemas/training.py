"""What a training reads, as it is asked for and as a `Run` tells it, and what a run of any kind cost.

A training's run keeps the first in its facet ``training`` under ``data``, any run the second in its facet ``cost``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from math import isfinite
from typing import Any

from mmreg.errors import UsageError
from mmreg.schemas.refs import VersionRef, check_name
from mmreg.schemas.run import Run
from mmreg.schemas.suggest import did_you_mean

SHAPE = "REF[:SPLIT][,component=NAME][,weight=NUMBER][,where=PREDICATE]"


@dataclass(frozen=True)
class Data:
    """Data that a training is to read: a version, or one split of it, or of that the rows that fulfil ``where``.

    ``weight`` is its share of what the training draws, ``component`` the part of the model that is trained on it.
    """

    ref: VersionRef
    split: str | None = None
    where: str | None = None
    weight: float | None = None
    component: str | None = None

    @classmethod
    def parse(cls, text: str) -> Data:
        """From `SHAPE`; ``where`` comes last, as it may hold commas. Raises `UsageError`."""
        said, _, where = text.partition(",where=")
        named, *options = said.split(",")
        ref, colon, split = named.partition(":")
        known = dict(_option(text, option) for option in options)
        if (colon and not split) or (",where=" in text and not where.strip()):
            raise UsageError(f"{text!r} is not {SHAPE}", hint="--data train@v3:train")
        component = known.get("component")
        return cls(
            VersionRef.parse(ref),
            split or None,
            where.strip() or None,
            _weight(text, known.get("weight")),
            check_name(component, "name of a component") if component is not None else None,
        )


@dataclass(frozen=True)
class TrainedOn:
    """Data that a training read, as its run tells it.

    ``ref`` names the version as it was called then, ``uuid`` is what it is. ``rows`` is the digest of the set of the
    samples that were seen (`mmreg.registry.row_sets`); None where those were all rows of version, split and predicate.
    ``count`` is how many they were; None where nobody counted.
    """

    ref: str
    uuid: str
    split: str | None = None
    where: str | None = None
    weight: float | None = None
    component: str | None = None
    rows: str | None = None
    count: int | None = None

    @property
    def dataset(self) -> str:
        return self.ref.partition("@")[0]

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    def __str__(self) -> str:
        return f"{self.ref}:{self.split}" if self.split else self.ref


def trained_on(run: Run) -> tuple[TrainedOn, ...]:
    """The data of a training, in the order in which it was named; also of one that an older mmreg recorded."""
    told = run.facets.get("training", {})
    if "data" in told:
        return tuple(TrainedOn(**{k: v for k, v in one.items() if k in _FIELDS}) for one in told["data"])
    inputs = [i for i in run.inputs if i.role == "trained_on" and i.kind == "version"]
    return tuple(TrainedOn(i.ref, i.id, told.get("split")) for i in inputs)


_FIELDS = tuple(TrainedOn.__dataclass_fields__)

COST = {
    "cpu_s": "seconds of processors",
    "wall_s": "seconds by the clock",
    "gpu_s": "seconds of accelerators",
    "flops": "floating-point operations",
    "tokens_in": "tokens that a model was given",
    "tokens_out": "tokens that a model gave",
    "calls": "calls of models",
    "human_min": "minutes of people",
    "money": "what was paid",
}
"""What a run can have cost, in which unit. ``currency`` beside them says which money is meant."""


def checked_cost(said: Mapping[str, Any]) -> dict[str, Any]:
    """``said`` as it goes into the facet ``cost``. Raises `UsageError` for what is not in `COST`, or no number."""
    cost: dict[str, Any] = {}
    for name, value in said.items():
        if name == "currency":
            cost[name] = check_name(str(value), "currency")
            continue
        if name not in COST:
            near = did_you_mean(name, [*COST, "currency"])
            raise UsageError(f"no run costs {name!r}{near}", hint=f"one of {', '.join(COST)}, currency")
        cost[name] = _amount(name, value)
    return cost


def added(cost: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """Both together. Raises `UsageError` where they are of two currencies."""
    ours, theirs = cost.get("currency"), more.get("currency")
    if ours and theirs and ours != theirs:
        raise UsageError(f"{ours} and {theirs} cannot be added", hint="give what was paid in one currency")
    numbers = {name: cost.get(name, 0) + more.get(name, 0) for name in COST if name in cost or name in more}
    return {**numbers, "currency": ours or theirs} if ours or theirs else numbers


def _amount(name: str, value: Any) -> float | int:
    try:
        if isinstance(value, bool):
            raise ValueError
        amount = int(value) if isinstance(value, str) and value.isdecimal() else value
        amount = amount if isinstance(amount, int) else float(amount)
        if not isfinite(amount) or amount < 0:
            raise ValueError
    except (ValueError, TypeError, OverflowError):
        raise UsageError(f"{name}: {value!r} is no amount", hint=f"a number of {COST[name]}, 0 or more") from None
    return amount


def _option(text: str, option: str) -> tuple[str, str]:
    name, equals, value = option.partition("=")
    if name not in ("component", "weight") or not equals or not value:
        near = did_you_mean(name, ["component", "weight", "where"])
        raise UsageError(f"{text!r} is not {SHAPE}: {option!r}{near}", hint="--data train@v3:train,weight=0.5")
    return name, value


def _weight(text: str, said: str | None) -> float | None:
    if said is None:
        return None
    try:
        weight = float(said)
        if not isfinite(weight) or weight <= 0:
            raise ValueError
    except ValueError:
        raise UsageError(f"{text!r}: the weight {said!r} is no number above 0", hint="weight=0.5") from None
    return weight
