"""Expectations about one number of a column: its least, largest, mean, sum, spread and quantiles."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from mmreg.validators.expectations.answer import Answer
from mmreg.validators.expectations.arguments import Asked, ForGreatExpectations
from mmreg.validators.expectations.bounds import Bounds, bounds_of
from mmreg.validators.expectations.exact import Moments
from mmreg.validators.expectations.of_columns import column
from mmreg.validators.expectations.values import missing, numbers, present

_METHODS = ("nearest", "linear", "lower", "higher", "midpoint")


def measured(what: str, found: Any, bounds: Bounds) -> Answer:
    """The answer about one number; where there is none, as of a column without values, nothing is as expected."""
    if found is None or math.isnan(found):
        return Answer(False, {"observed_value": None}, f"no values to take the {what} of")
    good = bool(bounds.hold(found))
    plain = found.item() if isinstance(found, np.generic) else found
    shown = f"{plain:,}" if isinstance(plain, int) else f"{plain:.6g}"
    message = f"the {what} is {shown}" + ("" if good else f", {bounds.outside}")
    return Answer(good, {"observed_value": plain}, message)


class Extreme:
    """The least or the largest value. Of a cell: it is not kept from version to version."""

    def __init__(self, path: str, what: str, bounds: Bounds) -> None:
        self.paths, self._what, self._bounds = (path,), what, bounds
        self._take: Callable[[Any], Any] = np.min if what == "minimum" else np.max
        self._found: Any = None

    def add(self, cells: pa.Array[Any], samples: pa.Array[Any]) -> None:
        values = _numbers(cells)
        if len(values):
            best = self._take(values)
            self._found = best if self._found is None else self._take([self._found, best]).astype(values.dtype)

    def answer(self) -> Answer:
        return measured(self._what, self._found, self._bounds)


class Moment:
    """Mean, sum or standard deviation, of sums that lose nothing and are rounded once."""

    def __init__(self, path: str, dtype: pa.DataType, what: str, bounds: Bounds) -> None:
        self.paths, self._what, self._bounds = (path,), what, bounds
        self._dtype, self._moments = dtype, Moments()

    def add(self, cells: pa.Array[Any], samples: pa.Array[Any]) -> None:
        self._moments.add(_numbers(cells))

    def answer(self) -> Answer:
        return measured(self._what, self._observed(), self._bounds)

    def _observed(self) -> Any:
        if self._what == "sum" and pa.types.is_integer(self._dtype):
            return self._moments.whole_sum()
        found = {"mean": self._moments.mean, "sum": self._moments.sum, "standard deviation": self._moments.stdev}
        # To pandas what comes of float32 is float32, and bounds are rounded to it.
        return np.float32(found[self._what]()) if pa.types.is_float32(self._dtype) else found[self._what]()

    def state(self) -> Mapping[str, Any]:
        return self._moments.state()

    def merge(self, state: Mapping[str, Any]) -> None:
        self._moments.merge(state)


class Quantiles:
    """The median or quantiles, exactly: the numbers are kept, 8 bytes each or less."""

    def __init__(self, path: str, judge: Callable[[Any], Answer]) -> None:
        self.paths, self._judge = (path,), judge
        self._kept: list[Any] = []

    def add(self, cells: pa.Array[Any], samples: pa.Array[Any]) -> None:
        self._kept.append(_numbers(cells))

    def answer(self) -> Answer:
        return self._judge(np.concatenate(self._kept) if self._kept else np.array([], np.float64))


def minimum(asked: Asked) -> Extreme:
    return Extreme(_number(asked)[0], "minimum", bounds_of(asked, ordered=False))


def maximum(asked: Asked) -> Extreme:
    return Extreme(_number(asked)[0], "maximum", bounds_of(asked, ordered=False))


def mean(asked: Asked) -> Moment:
    return Moment(*_number(asked), "mean", bounds_of(asked, ordered=False))


def total(asked: Asked) -> Moment:
    return Moment(*_number(asked), "sum", bounds_of(asked, ordered=False))


def stdev(asked: Asked) -> Moment:
    return Moment(*_number(asked), "standard deviation", bounds_of(asked, ordered=False))


def median(asked: Asked) -> Quantiles:
    path, _ = _number(asked)
    bounds = bounds_of(asked, ordered=False)
    return Quantiles(path, lambda kept: measured("median", _median(kept), bounds))


def quantiles(asked: Asked) -> Quantiles:
    path, _ = _number(asked)
    wanted, ranges = _ranges(asked)
    method = asked.get("allow_relative_error") or "nearest"
    if method not in _METHODS:
        raise asked.wrong("allow_relative_error", f"must be one of {', '.join(_METHODS)}")
    return Quantiles(path, lambda kept: _quantiles(kept, wanted, ranges, method))


def _number(asked: Asked) -> tuple[str, pa.DataType]:
    return column(asked, "integer", "number")


def _numbers(cells: pa.Array[Any]) -> Any:
    return numbers(present(cells, missing(cells)))


def _median(kept: Any) -> Any:
    if len(kept) == 0:
        return None
    with np.errstate(invalid="ignore"):  # between -inf and inf there is no middle
        return kept.dtype.type(np.median(kept.astype(np.float64))) if kept.dtype == np.float32 else np.median(kept)


def _ranges(asked: Asked) -> tuple[list[float], list[tuple[float, float]]]:
    said = asked.get("quantile_ranges")
    if not isinstance(said, Mapping) or set(said) != {"quantiles", "value_ranges"}:
        raise asked.wrong("quantile_ranges", "needs quantiles and value_ranges")
    wanted, ranges = said["quantiles"], said["value_ranges"]
    if not _are(wanted, float | int) or not all(0 <= one <= 1 for one in wanted):
        raise asked.wrong("quantile_ranges", "quantiles must lie between 0 and 1")
    if not isinstance(ranges, Sequence) or not all(_are(one, float | int | None) and len(one) == 2 for one in ranges):
        raise asked.wrong("quantile_ranges", "value_ranges must be pairs of numbers")
    if len(wanted) != len(ranges):
        raise asked.wrong("quantile_ranges", "needs as many value_ranges as quantiles")
    if any(low is not None and high is not None and low > high for low, high in ranges):
        raise asked.wrong("quantile_ranges", "a range is the wrong way round")
    if not wanted:
        raise ForGreatExpectations
    return [float(one) for one in wanted], [
        (-math.inf if low is None else float(low), math.inf if high is None else float(high)) for low, high in ranges
    ]


def _are(found: object, kind: Any) -> bool:
    return isinstance(found, Sequence) and not isinstance(found, str) and all(isinstance(one, kind) for one in found)


def _quantiles(kept: Any, wanted: list[float], ranges: list[tuple[float, float]], method: Any) -> Answer:
    with np.errstate(invalid="ignore"):
        found = (
            np.percentile(kept, np.array(wanted) * 100, method=method).tolist()
            if len(kept)
            else [math.nan] * len(wanted)
        )
    good = [_in_range(value, low, high) for value, (low, high) in zip(found, ranges, strict=True)]
    said = ", ".join(
        f"{quantile:g}: {value:.6g}" + ("" if fine else f", outside {low:g} to {high:g}")
        for quantile, value, fine, (low, high) in zip(wanted, found, good, ranges, strict=True)
    )
    result = {f"quantile_{quantile:g}": value for quantile, value in zip(wanted, found, strict=True)}
    observed = {"quantiles": wanted, "values": found}
    return Answer(all(good), {**result, "observed_value": observed}, f"quantiles: {said}")


def _in_range(value: float, low: float, high: float) -> bool:
    """As GX: a bound holds to within a ten-thousandth of itself."""
    close = np.isclose(value, [low, high], rtol=1e-4, atol=1e-8).any()
    return bool(close) or low <= value <= high
