"""Bounds of numbers and of times, open or closed on either side."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa

from mmreg.validators.expectations.arguments import Asked, ForGreatExpectations


@dataclass(frozen=True)
class Bounds:
    """``strict``: the bound itself is outside. ``outside`` says what is wrong with what does not hold."""

    low: float | None
    high: float | None
    strict_low: bool
    strict_high: bool
    outside: str

    def hold(self, found: Any) -> Any:
        """Whether a number, or each of an array of them, lies within."""
        fine: Any = np.ones(np.shape(found), dtype=np.bool_)
        if self.low is not None:
            fine &= found > self.low if self.strict_low else found >= self.low
        if self.high is not None:
            fine &= found < self.high if self.strict_high else found <= self.high
        return fine


def bounds_of(asked: Asked, *, needed: bool = False, ordered: bool = True) -> Bounds:
    """The bounds that are declared. ``needed``: there must be one; ``ordered``: not the wrong way round."""
    low, high = asked.number("min_value"), asked.number("max_value")
    return _checked(asked, low, high, needed, ordered)


def times_of(asked: Asked, dtype: pa.DataType) -> Bounds:
    """The bounds of a column of times, as its own integers."""
    if not isinstance(dtype, pa.TimestampType) or dtype.unit != "us":
        raise ForGreatExpectations
    low, high = (_moment(asked.get(name), dtype) for name in ("min_value", "max_value"))
    return _checked(asked, low, high, True, True)


def _checked(asked: Asked, low: float | None, high: float | None, needed: bool, ordered: bool) -> Bounds:
    if needed and low is None and high is None:
        raise asked.wrong("min_value", "is required, or max_value, or both")
    said = (asked.get("min_value"), asked.get("max_value"))
    if ordered and low is not None and high is not None and low > high:
        raise asked.wrong("min_value", f"{said[0]} is above max_value {said[1]}")
    strict_low, strict_high = asked.flag("strict_min"), asked.flag("strict_max")
    return Bounds(low, high, strict_low, strict_high, _outside(*said, strict_low, strict_high))


def _outside(low: object, high: object, strict_low: bool, strict_high: bool) -> str:
    if low is None and high is None:
        return "not a number"
    if low is None:
        return f"not below {high}" if strict_high else f"above {high}"
    if high is None:
        return f"not above {low}" if strict_low else f"below {low}"
    return f"outside {low} to {high}"


def _moment(said: object, dtype: pa.TimestampType[Any, Any]) -> int | None:
    """Microseconds, if the bound knows its time zone where the column does; GX refuses to compare others."""
    if said is None:
        return None
    if isinstance(said, str) and "T" in said:
        try:
            said = datetime.fromisoformat(said)
        except ValueError:
            raise ForGreatExpectations from None
    if not isinstance(said, datetime) or (said.tzinfo is None) != (dtype.tz is None):
        raise ForGreatExpectations
    found: int = pa.scalar(said, dtype).cast(pa.int64()).as_py()
    return found
