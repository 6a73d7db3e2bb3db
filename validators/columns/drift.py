"""drift: a column is spread as it was."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

import numpy as np
import pyarrow as pa
from pydantic import Field

from mmreg.errors import UsageError
from mmreg.schemas.check import CheckResult, Histogram
from mmreg.schemas.check_spec import CheckSpec
from mmreg.schemas.declared import Declared, VersionRefText
from mmreg.validators.arguments import Number, parse_arguments
from mmreg.validators.columns.categories import Categories
from mmreg.validators.columns.histograms import histogram
from mmreg.validators.columns.kinds import demand, double, is_number, is_text
from mmreg.validators.columns.shift import Counts, in_deciles, ks, ks_by_chance, psi, psi_by_chance
from mmreg.validators.columns.spread import Spread
from mmreg.validators.table import Table, cells
from mmreg.validators.tally import verdict
from mmreg.validators.world import Rows

FEWEST = 30
"""Of fewer rows nothing is said."""
_TOP = 20
_MAX = {"psi": 0.25, "ks": 0.1}


class Arguments(Declared):
    column: str
    against: VersionRefText | None = None
    measure: Literal["psi", "ks"] = "psi"
    max_value: Number | None = Field(None, gt=0)


class Drift:
    """The column is spread as in the promoted version, or REF: by PSI at most 0.25, by KS at most 0.1, or max_value.

    PSI of numbers is over the deciles of the reference, with a bin below and one above them; of texts and truths over
    its 20 most frequent values and `other`; null and NaN are bins of their own. KS is of numbers alone, and leaves out
    null and NaN. `insufficient` are fewer than 30 rows on either side, a distance that chance alone would bring
    in more than 5 of 100 cases, texts with more than 65,536 different values, and a reference that is not there.

    What it has seen is not kept to be merged: numbers and values that occur once would be cells.
    """

    media = False

    def __init__(self, spec: CheckSpec, table: Table) -> None:
        self._spec, self._table, self._arguments = spec, table, parse_arguments(spec, Arguments)
        column, measure = self._arguments.column, self._arguments.measure
        if measure == "ks":
            demand("drift", table, column, is_number, "a column of numbers, which KS compares", "measure: psi")
        dtype = demand("drift", table, column, _known, "a column of numbers, texts or truths")
        self._max = self._arguments.max_value or _MAX[measure]
        self.columns = (column,)
        self._now = _Seen(is_number(dtype))

    def update(self, batch: pa.RecordBatch) -> None:
        self._now.add(cells(batch, self._arguments.column))

    def result(self) -> CheckResult:
        """Raises `NotFound` where there is no version ``against``."""
        world = self._table.around("drift")
        against = self._arguments.against or world.promoted()
        if against is None:
            return self._insufficient("no promoted version to compare with")
        rows = world.open(against)
        before = _seen(rows, self._arguments.column, self._now.numeric)
        if before is None:
            return self._insufficient(f"{rows.ref} has no such column to compare with")
        return self._compared(rows.ref, before)

    def _compared(self, ref: str, before: _Seen) -> CheckResult:
        now, measure = self._now, self._arguments.measure
        if before.too_many or now.too_many:
            return self._insufficient("more than 65,536 different values: these are no categories")
        counted = (len(before.numbers), len(now.numbers)) if measure == "ks" else (before.rows, now.rows)
        if min(counted) < FEWEST:
            return self._insufficient(f"{counted[1]:,} values against {counted[0]:,} of {ref}: too few to say")
        value, chance = self._measured(before, counted)
        message = f"{measure.upper()} {value:.3g} against {ref}, at most {self._max:g}"
        if self._max < value <= chance:
            message += f": but chance alone brings up to {chance:.3g} between {counted[1]:,} and {counted[0]:,} values"
        result = verdict(self._spec, self._arguments.column, 1, int(value > self._max), message)
        if self._max < value <= chance:
            result = replace(result, status="insufficient", failed=0)
        numbers = {measure: value, "by_chance": chance, "null": now.share("null"), "null_before": before.share("null")}
        return replace(result, numbers=numbers, histograms=_drawn(self._arguments.column, ref, before, now))

    def _measured(self, before: _Seen, counted: tuple[int, int]) -> tuple[float, float]:
        if self._arguments.measure == "ks":
            return ks(before.numbers, self._now.numbers), ks_by_chance(*counted)
        counts = before.binned(self._now)
        bins = np.count_nonzero(counts[0] + counts[1])
        return psi(*counts), psi_by_chance(*counted, int(bins))

    def _insufficient(self, why: str) -> CheckResult:
        return replace(verdict(self._spec, self._arguments.column, 0, 0, why), status="insufficient")


class _Seen:
    """The column of one version: its numbers or its categories, and the rows that have neither."""

    def __init__(self, numeric: bool) -> None:
        self.numeric = numeric
        self.numbers, self.categories = Spread(), Categories()
        self.lacking = {"null": 0, "nan": 0}
        self.rows = 0

    @property
    def too_many(self) -> bool:
        return self.categories.too_many

    def add(self, column: pa.Array[Any]) -> None:
        self.rows += len(column)
        self.lacking["null"] += column.null_count
        if not self.numeric:
            self.categories.add(column.drop_null())
            return
        numbers = double(column.drop_null()).to_numpy(zero_copy_only=False)
        nan = np.isnan(numbers)
        self.lacking["nan"] += int(np.count_nonzero(nan))
        self.numbers.add(numbers[~nan])

    def share(self, lacking: str) -> float:
        return self.lacking[lacking] / self.rows

    def binned(self, now: _Seen) -> tuple[Counts, Counts]:
        """This one's rows and those of ``now``, in the bins of this one."""
        if self.numeric:
            before, after = in_deciles(self.numbers, now.numbers)
        else:
            top = self.categories.most(_TOP)
            before, after = (np.array(_rows(seen.categories, top)) for seen in (self, now))
        lacking = ([*seen.lacking.values()] for seen in (self, now))
        return np.append(before, next(lacking)), np.append(after, next(lacking))


def _rows(categories: Categories, top: list[str]) -> list[int]:
    known = [categories.rows[value] for value in top]
    return [*known, categories.rows.total() - sum(known)]


def _seen(rows: Rows, column: str, numeric: bool) -> _Seen | None:
    """The column of the reference; None where it has none of this name and kind."""
    try:
        dtype = Table(rows.schema).type(column)
    except UsageError:
        return None
    if not _known(dtype) or is_number(dtype) != numeric:
        return None
    seen = _Seen(numeric)
    for batch in rows.batches([column], batch_size=65_536, media=False):
        seen.add(cells(batch, column))
    return seen


def _known(dtype: pa.DataType) -> bool:
    return is_number(dtype) or is_text(dtype) or pa.types.is_boolean(dtype)


def _drawn(column: str, ref: str, before: _Seen, now: _Seen) -> tuple[Histogram, ...]:
    series: Mapping[str, _Seen] = {ref: before, "now": now}
    if before.numeric:
        return histogram(column, {name: seen.numbers for name, seen in series.items()})
    top = before.categories.most(_TOP)
    counts = {name: (*_rows(seen.categories, top), seen.lacking["null"]) for name, seen in series.items()}
    return (Histogram(column, counts, labels=(*top, "(other)", "(null)"), cells=True),)
