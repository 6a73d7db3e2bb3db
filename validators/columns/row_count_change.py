"""row_count_change: a version has not lost or won a large share of its rows at once."""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa
from pydantic import Field, model_validator

from mmreg.schemas.check import CheckResult
from mmreg.schemas.check_spec import CheckSpec
from mmreg.schemas.declared import Declared
from mmreg.validators.arguments import Number, parse_arguments
from mmreg.validators.table import Table
from mmreg.validators.tally import verdict


class Arguments(Declared):
    against: str | None = None
    max_drop: Number | None = Field(None, ge=0, le=1)
    max_growth: Number | None = Field(None, ge=0)

    @model_validator(mode="after")
    def _one(self) -> Arguments:
        if self.max_drop is None and self.max_growth is None:
            raise ValueError("needs 'max_drop', 'max_growth' or both")
        return self


class RowCountChange:
    """Of the rows of the promoted version, or REF, at most max_drop are gone and at most max_growth have come.

    Both are shares of that version's rows. `insufficient` where nothing was promoted yet.
    """

    columns: tuple[str, ...] = ()
    media = False

    def __init__(self, spec: CheckSpec, table: Table) -> None:
        self._spec, self._table, self._arguments = spec, table, parse_arguments(spec, Arguments)

    def update(self, batch: pa.RecordBatch) -> None:
        """Reads nothing: versions know how many rows they have."""

    def result(self) -> CheckResult:
        """Raises `NotFound` where there is no version ``against``."""
        world, now = self._table.around("row_count_change"), self._table.rows
        against = self._arguments.against or world.promoted()
        if against is None:
            told = f"{now:,} rows, and no promoted version to compare with"
            return replace(verdict(self._spec, None, 0, 0, told), status="insufficient")
        other = world.open(against)
        before = len(other)
        change = (now - before) / before if before else float(now > 0)
        wrong = self._wrong(change)
        message = f"{now:,} rows, {_signed(now, before, change)} {other.ref} with {before:,}"
        result = verdict(self._spec, None, 1, int(wrong is not None), f"{message}{wrong or ''}")
        return replace(result, numbers={"rows": now, "before": before, "change": change})

    def _wrong(self, change: float) -> str | None:
        drop, growth = self._arguments.max_drop, self._arguments.max_growth
        if drop is not None and -change > drop:
            return f": at most {100 * drop:.3g}% may go"
        if growth is not None and change > growth:
            return f": at most {100 * growth:.3g}% may come"
        return None


def _signed(now: int, before: int, change: float) -> str:
    if now == before:
        return "as many as"
    return f"{100 * abs(change):.3g}% {'more' if now > before else 'fewer'} than"
