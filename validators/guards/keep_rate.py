"""guard.keep_rate: curation keeps neither next to nothing nor all."""

from __future__ import annotations

from dataclasses import replace

from pydantic import Field, model_validator

from mmreg.errors import NotFound
from mmreg.schemas.check import CheckResult
from mmreg.schemas.check_spec import CheckSpec
from mmreg.schemas.declared import Declared, VersionRefText
from mmreg.schemas.upstream import Chain
from mmreg.validators.arguments import check_bounds, parse_arguments
from mmreg.validators.guards.stages import column_of, group, told
from mmreg.validators.table import Table
from mmreg.validators.tally import verdict
from mmreg.validators.world_check import WorldCheck


class Arguments(Declared):
    min_value: float | None = Field(None, ge=0, le=1)
    max_value: float | None = Field(None, ge=0, le=1)
    against: VersionRefText | None = None

    @model_validator(mode="after")
    def _bounded(self) -> Arguments:
        check_bounds(self.min_value, self.max_value)
        return self


class KeepRate(WorldCheck):
    """Of the rows of the base, at least min_value and at most max_value are still there, both shares.

    The base is the dataset or version ``against`` that this one was selected from; by default the roots. Every
    selection on the way is told with what it kept; the bounds are for all of them together.
    """

    def __init__(self, spec: CheckSpec, table: Table) -> None:
        self._asked = parse_arguments(spec, Arguments)
        super().__init__(spec, table)

    def result(self) -> CheckResult:
        chain = self._world.chain(self._asked.against)
        if not chain.steps:
            return self._insufficient("no selection made this version")
        try:
            rows = self._rows(chain)
        except NotFound as error:
            return self._insufficient(error.message)
        if not rows:
            return self._insufficient(f"{told(chain.base)} has no rows")
        kept = self._table.rows / rows
        low, high = self._asked.min_value, self._asked.max_value
        failed = (low is not None and kept < low) or (high is not None and kept > high)
        message = f"{self._table.rows:,} of {rows:,} rows of {told(chain.base)} are kept ({kept:.3g}"
        message += f", at least {low:g}" if low is not None else ""
        message += f", at most {high:g}" if high is not None else ""
        message += ")"
        if len(chain.steps) > 1:
            message += ": " + ", ".join(f"{s.name} {s.kept:,} of {s.looked_at:,}" for s in chain.steps)
        # However few rows a selection has, that many it kept: no share of a larger whole is guessed from it.
        groups = [replace(group(step.name, step.looked_at, step.kept), status="passed") for step in chain.steps]
        result = verdict(self._spec, None, 1, int(failed), message)
        return replace(result, numbers={"keep_rate": kept}, groups=tuple(groups))

    def _rows(self, chain: Chain) -> int:
        """How many rows the base had; the selection that looked at all of it has counted them."""
        first = chain.steps[0]
        if first.base == chain.base:
            return first.looked_at
        return sum(len(cells) for cells in column_of(self._world, chain.base, "sample_id"))

    def _insufficient(self, why: str) -> CheckResult:
        result = verdict(self._spec, None, 0, 0, f"{why}: there is nothing to compare it with")
        return replace(result, status="insufficient")
