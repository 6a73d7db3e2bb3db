"""The selections since a base, and all of them together: what guards look at."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa

from mmreg.schemas.check import CheckResult, Group
from mmreg.schemas.check_spec import CheckSpec
from mmreg.schemas.upstream import Base
from mmreg.validators.columns.digests import DigestSet
from mmreg.validators.lineage.keys import keys_of
from mmreg.validators.table import cells
from mmreg.validators.tally import verdict
from mmreg.validators.wilson import wilson
from mmreg.validators.world import World

ENOUGH = 30
"""A group of fewer rows says nothing: it is insufficient."""
_BATCH_ROWS = 8192


@dataclass(frozen=True)
class Stage:
    """One selection, or all of them: the rows ``before`` it and those ``after`` it."""

    name: str
    before: tuple[Base, ...]
    after: tuple[Base, ...]


@dataclass(frozen=True)
class Judged:
    """What came of a stage: the number that is judged, None where there was too little, and the groups behind it."""

    name: str
    value: float | None
    groups: tuple[Group, ...] = ()
    said: str = ""


def stages(world: World, ref: str, against: str | None) -> list[Stage]:
    """All selections from the base to ``ref`` together, then each of them where there are several; none for none."""
    chain = world.chain(against)
    if not chain.steps:
        return []
    since = Stage(f"since {told(chain.base)}", chain.base, (Base(ref),))
    each = [Stage(step.name, step.base, (Base(step.ref),)) for step in chain.steps]
    return [since, *each] if len(each) > 1 else [since]


def told(bases: Sequence[Base]) -> str:
    return " and ".join(base.ref + (f" ({base.split})" if base.split else "") for base in bases)


def column_of(world: World, bases: Sequence[Base], column: str) -> Iterator[pa.Array[Any]]:
    """The cells of ``column`` in all rows of ``bases``; a sample that several of them have comes once."""
    seen = DigestSet() if len(bases) > 1 else None
    for base in bases:
        read = list(dict.fromkeys(["sample_id", column]))
        for batch in world.open(base.ref, base.split).batches(read, batch_size=_BATCH_ROWS, media=False):
            if seen is not None:
                again = seen.add(keys_of(batch.column("sample_id"), "sample_id")[0])
                batch = batch.filter(pa.array(~again))
            yield cells(batch, column)


def group(name: str, rows: int, kept: int) -> Group:
    """The rate at which rows of a group were kept."""
    low, high = wilson(kept, rows)
    rate = kept / rows if rows else 0.0
    return Group(name, rows, rate, low, high, "passed" if rows >= ENOUGH else "insufficient")


def answer(spec: CheckSpec, column: str | None, what: str, least: float, judged: Sequence[Judged]) -> CheckResult:
    """The result: each stage must reach ``least``; what could not be told is `insufficient`, and never passes."""
    if not judged:
        result = verdict(spec, column, 0, 0, "no selection made this version: there is nothing to compare it with")
        return replace(result, status="insufficient")
    wrong = [stage for stage in judged if stage.value is not None and stage.value < least]
    message = "; ".join(f"{stage.name}: {_number(stage.value)}{stage.said}" for stage in judged)
    result = verdict(spec, column, len(judged), len(wrong), f"{what} {message} (at least {least:g})")
    if result.status == "passed" and any(stage.value is None for stage in judged):
        result = replace(result, status="insufficient")
    return replace(
        result,
        numbers={stage.name: stage.value for stage in judged if stage.value is not None},
        groups=tuple(g for stage in judged for g in stage.groups),
    )


def _number(value: float | None) -> str:
    return "insufficient" if value is None else f"{value:.3g}"
