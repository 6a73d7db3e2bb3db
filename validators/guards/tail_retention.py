"""guard.tail_retention: what is rare is not thrown away before what is frequent."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import Literal

import pyarrow as pa
from pydantic import Field

from mmreg.errors import NotFound, UsageError
from mmreg.schemas.check import CheckResult
from mmreg.schemas.check_spec import CheckSpec
from mmreg.schemas.declared import Declared, VersionRefText
from mmreg.schemas.upstream import Base
from mmreg.validators.arguments import parse_arguments
from mmreg.validators.guards.stages import Judged, Stage, answer, column_of, group, stages
from mmreg.validators.guards.tail import Concepts, Counted, Tail, items, itself, survival, words
from mmreg.validators.table import Table
from mmreg.validators.world_check import WorldCheck


class Arguments(Declared):
    column: str
    against: VersionRefText
    p: float = Field(0.1, gt=0, lt=0.5)
    min_value: float = Field(0.8, gt=0, le=1)
    by: Literal["words", "values"] | None = None
    base: VersionRefText | None = None


class TailRetention(WorldCheck):
    """Rows with a rare concept are kept at least min_value times as often as others, in each selection and altogether.

    Concepts are the words of a caption, the items of a list or the value itself, as the number of a cluster is
    (``by: values`` also for texts). Rare are those which the frozen reference ``against`` has seldom: its concepts
    below a count t have together about the share p of all occurrences. The base is the dataset ``base`` that this one
    was selected from; by default the roots. With fewer than 30 rows of tail or head the answer is `insufficient`.
    """

    def __init__(self, spec: CheckSpec, table: Table) -> None:
        self._asked = parse_arguments(spec, Arguments)
        super().__init__(spec, table)
        self._concepts = _concepts(table.type(self._asked.column), self._asked.by)
        self._counted: dict[tuple[Base, ...], Counted] = {}

    def result(self) -> CheckResult:
        found = stages(self._world, self._table.ref, self._asked.base)
        survived: dict[str, float] = {}
        judged = [self._judged(stage, survived) for stage in found]
        result = answer(self._spec, self._asked.column, "tail retention", self._asked.min_value, judged)
        tail = self._tail if judged else None
        if tail is None:
            return result
        rare = sum(map(tail.is_rare, tail.counts))
        told = f"{rare:,} of {len(tail.counts):,} concepts are in fewer than {tail.threshold:,} rows"
        message = f"{result.message}; {told} of {self._asked.against}"
        numbers = {**result.numbers, **survived, "threshold": float(tail.threshold), "rare": float(rare)}
        return replace(result, message=message, numbers=numbers)

    @cached_property
    def _tail(self) -> Tail:
        reference = column_of(self._world, (Base(self._asked.against),), self._asked.column)
        return Tail(self._concepts, reference, self._asked.p)

    def _judged(self, stage: Stage, survived: dict[str, float]) -> Judged:
        tail = self._tail  # where the reference is not there that is no matter of the stage
        try:
            before, after = self._count(tail, stage.before), self._count(tail, stage.after)
        except NotFound as error:
            return Judged(stage.name, None, said=f" ({error.message})")
        groups = (
            group(f"{stage.name}: tail", before.tail, after.tail),
            group(f"{stage.name}: head", before.head, after.head),
        )
        if (share := survival(before.concepts, after.concepts)) is not None:
            survived[f"{stage.name}: concepts surviving"] = share
        counted = f" (tail {after.tail:,} of {before.tail:,}, head {after.head:,} of {before.head:,})"
        if any(g.status == "insufficient" for g in groups) or not after.head:
            return Judged(stage.name, None, groups, counted)
        return Judged(stage.name, groups[0].rate / groups[1].rate, groups, counted)

    def _count(self, tail: Tail, bases: tuple[Base, ...]) -> Counted:
        if bases not in self._counted:
            self._counted[bases] = tail.count(column_of(self._world, bases, self._asked.column))
        return self._counted[bases]


def _concepts(dtype: pa.DataType, by: str | None) -> Concepts:
    if isinstance(dtype, pa.ListType | pa.LargeListType):
        return items
    if pa.types.is_string(dtype) or pa.types.is_large_string(dtype):
        return itself if by == "values" else words
    if by == "words" or pa.types.is_nested(dtype) or pa.types.is_floating(dtype):
        raise UsageError(
            f"guard.tail_retention: {dtype} has no words, and is no concept", hint="texts, lists, numbers of clusters"
        )
    return itself
