"""Expectations about each value of a column. Missing values never count, but where they are what is asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mmreg.validators.expectations.arguments import Asked, ForGreatExpectations
from mmreg.validators.expectations.bounds import bounds_of, times_of
from mmreg.validators.expectations.rows import Cells, Question, of_present
from mmreg.validators.expectations.sets import isin, members_of
from mmreg.validators.expectations.values import Bools, Kind, kind_of, missing, numbers


def not_null(asked: Asked) -> Question:
    def judge(columns: Cells) -> tuple[Bools, Bools]:
        absent = missing(columns[0])
        return absent, np.ones_like(absent)

    return Question((asked.path(),), judge, "values are missing", "is missing")


def null(asked: Asked) -> Question:
    def judge(columns: Cells) -> tuple[Bools, Bools]:
        absent = missing(columns[0])
        return ~absent, np.ones_like(absent)

    return Question((asked.path(),), judge, "values are not missing", "is not missing")


def between(asked: Asked) -> Question:
    path, dtype = column(asked, "integer", "number", "time")
    bounds = times_of(asked, dtype) if kind_of(dtype) == "time" else bounds_of(asked, needed=True)

    def fine(cells: pa.Array[Any]) -> Bools:
        # float32 as float64: what was written as 0.1 is above 0.1 to GX.
        found = numbers(cells)
        held: Bools = bounds.hold(found.astype(np.float64) if found.dtype == np.float32 else found)
        return held

    return Question((path,), of_present(fine), f"values are {bounds.outside}", bounds.outside)


def lengths_between(asked: Asked) -> Question:
    path, _ = column(asked, "text")
    asked.whole("min_value")
    asked.whole("max_value")
    bounds = bounds_of(asked, needed=True, ordered=False)
    fine = of_present(lambda cells: bounds.hold(_lengths(cells)))
    return Question((path,), fine, f"lengths are {bounds.outside}", f"its length is {bounds.outside}")


def lengths_equal(asked: Asked) -> Question:
    path, _ = column(asked, "text")
    length = asked.number("value")
    fine = of_present(lambda cells: _lengths(cells) == length)
    return Question((path,), fine, f"lengths are not {length:g}", f"its length is not {length:g}")


def in_set(asked: Asked) -> Question:
    path, dtype = column(asked, "integer", "number", "text", "truth")
    members = members_of(asked, dtype)
    return Question((path,), of_present(lambda cells: isin(cells, members)), "values are not in the set", "not in it")


def not_in_set(asked: Asked) -> Question:
    path, dtype = column(asked, "integer", "number", "text", "truth")
    members = members_of(asked, dtype)
    return Question((path,), of_present(lambda cells: ~isin(cells, members)), "values are in the set", "in it")


def increasing(asked: Asked) -> Question:
    strictly = asked.flag("strictly")
    failing = "values do not rise" if strictly else "values are below the one before"
    return _ordered(asked, np.greater if strictly else np.greater_equal, failing)


def decreasing(asked: Asked) -> Question:
    strictly = asked.flag("strictly")
    failing = "values do not fall" if strictly else "values are above the one before"
    return _ordered(asked, np.less if strictly else np.less_equal, failing)


def column(asked: Asked, *kinds: Kind) -> tuple[str, pa.DataType]:
    """The column that is asked about, if of one of ``kinds``; what others are to pandas only GX knows."""
    path = asked.path()
    dtype = asked.table.type(path)
    if kind_of(dtype) not in kinds:
        raise ForGreatExpectations
    return path, dtype


def _ordered(asked: Asked, in_order: Callable[[Any, Any], Any], failing: str) -> Question:
    path, dtype = column(asked, "integer", "number", "time")
    if pa.types.is_unsigned_integer(dtype):
        raise ForGreatExpectations
    last: list[Any] = []

    def fine(cells: pa.Array[Any]) -> Bools:
        found = numbers(cells)
        if len(found) == 0:
            return np.ones(0, dtype=np.bool_)
        before = np.concatenate([np.array(last[-1:] or found[:1], found.dtype), found[:-1]])
        held: Bools = in_order(found, before)
        if found.dtype.kind == "f":
            held |= np.isinf(found) & (found == before)  # inf - inf is no number, and nothing to GX
        if not last:
            held[0] = True
        last[:] = [found[-1]]
        return held

    return Question((path,), of_present(fine), failing, failing.partition(" ")[2], alone=False)


def _lengths(texts: Any) -> Any:
    return pc.utf8_length(texts).to_numpy(zero_copy_only=False)
