"""guard.pass_rate_ratio: no selection keeps much less of one group than of another."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pyarrow.compute as pc
from pydantic import Field

from mmreg.errors import NotFound, UsageError
from mmreg.schemas.cells import values
from mmreg.schemas.check import CheckResult
from mmreg.schemas.check_spec import CheckSpec
from mmreg.schemas.declared import Declared, VersionRefText
from mmreg.schemas.upstream import Base
from mmreg.validators.arguments import parse_arguments
from mmreg.validators.guards.stages import Judged, Stage, answer, column_of, group, stages
from mmreg.validators.table import Table
from mmreg.validators.tally import short
from mmreg.validators.world_check import WorldCheck

MOST_GROUPS = 1000


class Arguments(Declared):
    group: str
    min_value: float = Field(0.8, gt=0, le=1)
    groups: tuple[str, ...] | None = Field(None, strict=False, min_length=2)
    against: VersionRefText | None = None


class PassRateRatio(WorldCheck):
    """The smallest share kept of a group is at least min_value of the largest, in each selection and in all together.

    Groups are the values of the column ``group``, or of them those in ``groups``; a null belongs to none. A group of
    fewer than 30 rows before a selection says nothing: the answer is `insufficient`, unless others fail it.
    """

    def __init__(self, spec: CheckSpec, table: Table) -> None:
        self._asked = parse_arguments(spec, Arguments)
        super().__init__(spec, table)
        table.type(self._asked.group)
        self._counted: dict[tuple[Base, ...], Counter[str]] = {}

    def result(self) -> CheckResult:
        found = stages(self._world, self._table.ref, self._asked.against)
        judged = [self._judged(stage) for stage in found]
        return answer(self._spec, self._asked.group, "ratio of pass rates", self._asked.min_value, judged)

    def _judged(self, stage: Stage) -> Judged:
        try:
            before, after = self._count(stage.before), self._count(stage.after)
        except NotFound as error:
            return Judged(stage.name, None, said=f" ({error.message})")
        named = self._asked.groups or sorted(before)
        groups = [group(name, before[name], after[name]) for name in named]
        rates = {g.name: g.rate for g in groups if g.status == "passed"}
        told = tuple(group(f"{stage.name}: {name}", before[name], after[name]) for name in named)
        small = [g.name for g in groups if g.status == "insufficient"]
        ratio = min(rates.values()) / max(rates.values()) if len(rates) > 1 and max(rates.values()) else None
        if small and (ratio is None or ratio >= self._asked.min_value):
            return Judged(stage.name, None, told, f" (fewer than 30 rows of {', '.join(small)})")
        if ratio is None:
            return Judged(stage.name, None, told, " (fewer than two groups to compare)")
        least, *_, most = sorted(rates, key=lambda name: rates[name])
        return Judged(stage.name, ratio, told, f" ({least} {rates[least]:.3g}, {most} {rates[most]:.3g})")

    def _count(self, bases: Sequence[Base]) -> Counter[str]:
        key = tuple(bases)
        if key not in self._counted:
            found: Counter[str] = Counter()
            for cells in column_of(self._world, bases, self._asked.group):
                counts = pc.value_counts(cells.drop_null())
                found.update({_name(one["values"]): one["counts"] for one in values(counts)})
                if len(found) > MOST_GROUPS:
                    raise UsageError(
                        f"{self._asked.group} has more than {MOST_GROUPS:,} values: these are no groups",
                        hint="a column with few values, or lineage of a pass that makes one",
                    )
            self._counted[key] = found
        return self._counted[key]


def _name(value: object) -> str:
    return value if isinstance(value, str) else short(value)
