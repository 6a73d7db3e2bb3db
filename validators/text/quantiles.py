"""quantiles: most of the numbers lie where they should."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from math import ceil
from typing import Annotated, Any, ClassVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pydantic import BeforeValidator, Field, model_validator

from mmreg.schemas.check import CheckResult
from mmreg.schemas.check_spec import CheckSpec
from mmreg.schemas.declared import Declared
from mmreg.validators.arguments import Number, parse_arguments
from mmreg.validators.columns.histograms import histogram
from mmreg.validators.columns.kinds import demand, double, is_number
from mmreg.validators.columns.spread import Spread
from mmreg.validators.table import Table, cells
from mmreg.validators.tally import verdict


def _share(key: object) -> object:
    """``5%``, ``"0.05"`` and 0.05 are the same: a key of YAML is text."""
    if not isinstance(key, str):
        return key
    try:
        return float(Fraction(key.removesuffix("%")) / (100 if key.endswith("%") else 1))
    except (ValueError, ZeroDivisionError):
        raise ValueError(f"{key!r} is no share: write 5% or '0.05'") from None


Share = Annotated[float, BeforeValidator(_share), Field(ge=0, le=1)]
_BINS, _PRECISION = 1_024, 47
"""Of the histogram to look at: so many bins at most, each a thirty-second of its number wide or more, which is too
coarse to tell of single cells."""


class Arguments(Declared):
    column: str
    at_least: dict[Share, Number] = Field(default_factory=dict)
    at_most: dict[Share, Number] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _one(self) -> Arguments:
        if not self.at_least and not self.at_most:
            raise ValueError("needs 'at_least', 'at_most' or both, such as {5%: 0.2}")
        return self


@dataclass
class _Bound:
    """One demand on a quantile, and how many numbers lie beyond the bound."""

    quantile: float
    bound: float
    least: bool
    precise: float
    beyond: int = 0

    def count(self, numbers: NDArray[np.float64]) -> None:
        # NaN is on neither side, and so beyond both.
        within = numbers >= self.precise if self.least else numbers <= self.precise
        self.beyond += int(np.count_nonzero(~within))

    def holds(self, values: int) -> bool:
        # The quantile is the k-th smallest number.
        k = max(1, ceil(Fraction(repr(self.quantile)) * values))
        return self.beyond < k if self.least else values - self.beyond >= k

    def told(self) -> str:
        return f"{'below' if self.least else 'above'} {self.bound:g}"


class Quantiles:
    """Quantiles of the column lie where at_least and at_most say, as {5%: 0.2}: at most 5 % are below 0.2.

    The q-quantile is the smallest number that a share of q of all numbers does not exceed (the inverse of the
    empirical distribution function; R. J. Hyndman and Y. Fan, Sample Quantiles in Statistical Packages, 1996,
    definition 1). It is not computed: how many numbers lie beyond a bound says exactly whether it holds. Bounds are
    rounded to the column's own precision. Null is not examined; NaN lies beyond every bound.
    """

    version: ClassVar[str] = "1"
    media = False

    def __init__(self, spec: CheckSpec, table: Table) -> None:
        arguments = parse_arguments(spec, Arguments)
        self._spec, self._column = spec, arguments.column
        dtype = demand("quantiles", table, self._column, is_number, "a column of numbers")
        both = ((arguments.at_least, True), (arguments.at_most, False))
        self._bounds = [
            _Bound(quantile, bound, least, _rounded(bound, dtype))
            for bounds, least in both
            for quantile, bound in bounds.items()
        ]
        self.columns = (self._column,)
        self._values = 0
        self._spread = Spread(_BINS, _PRECISION)

    def update(self, batch: pa.RecordBatch) -> None:
        numbers = double(cells(batch, self._column).drop_null()).to_numpy(zero_copy_only=False)
        self._values += len(numbers)
        for bound in self._bounds:
            bound.count(numbers)
        self._spread.add(numbers[~np.isnan(numbers)])

    def state(self) -> Mapping[str, Any]:
        beyond = [bound.beyond for bound in self._bounds]
        return {"values": self._values, "beyond": beyond, "spread": self._spread.state()}

    def merge(self, state: Mapping[str, Any]) -> None:
        self._values += state["values"]
        for bound, beyond in zip(self._bounds, state["beyond"], strict=True):
            bound.beyond += beyond
        self._spread.merge(state["spread"])

    def result(self) -> CheckResult:
        if not self._values:
            return replace(verdict(self._spec, self._column, 0, 0, "no values to examine"), status="insufficient")
        broken = [bound for bound in self._bounds if not bound.holds(self._values)]
        message = f"{len(self._bounds):,} quantiles of {self._values:,} values are within bounds"
        if broken:
            message = "; ".join(map(self._told, broken)) + f", of {self._values:,}"
        result = verdict(self._spec, self._column, len(self._bounds), len(broken), message)
        numbers = {bound.told(): bound.beyond / self._values for bound in self._bounds}
        return replace(result, numbers=numbers, histograms=histogram(self._column, {"values": self._spread}))

    def _told(self, bound: _Bound) -> str:
        share = 100 * bound.beyond / self._values
        return f"the {100 * bound.quantile:g}% quantile is {bound.told()}: {share:.3g}% of values are"


def _rounded(bound: int | float, dtype: pa.DataType) -> float:
    """``bound`` as a cell of the column would have it, so that a float32 that was written as 0.2 is at least 0.2."""
    if pa.types.is_integer(dtype):
        return float(bound)
    return float(pa.scalar(float(bound), pa.float64()).cast(dtype).as_py())
