"""Sets of values, and whether cells are in them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from mmreg.validators.expectations.arguments import Asked, ForGreatExpectations
from mmreg.validators.expectations.values import Bools, kind_of, numbers

Members: TypeAlias = "pa.Array[Any] | NDArray[Any]"


def members_of(asked: Asked, dtype: pa.DataType) -> Members:
    """``value_set``, where its values are of the kind of the column; what else is in a column only GX knows."""
    return members(asked.items("value_set"), dtype)


def members(values: Sequence[Any], dtype: pa.DataType) -> Members:
    """``values`` to compare cells of ``dtype`` with."""
    match kind_of(dtype):
        case "text" if all(isinstance(value, str) for value in values):
            return pa.array(values, dtype)
        case "truth" if all(isinstance(value, bool) for value in values):
            return pa.array(values, dtype)
        case "integer" | "number" if all(map(_is_number, values)):
            whole = all(isinstance(value, int) and -(2**63) <= value < 2**63 for value in values)
            return np.array(values, np.int64 if whole else np.float64)
    raise ForGreatExpectations


def isin(cells: pa.Array[Any], members: Members) -> Bools:
    """Of cells of which none is missing: whether each is one of ``members``."""
    found: Bools
    if isinstance(members, np.ndarray):
        found = np.isin(numbers(cells), members)
    else:
        found = pc.is_in(cells, value_set=members).to_numpy(zero_copy_only=False)
    return found


def _is_number(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return not math.isnan(value) and abs(value) < 2**1023
