from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmreg.errors import UsageError
from mmreg.schemas.check import CheckResult

Judge = Callable[..., CheckResult]


def test_others_fail_and_null_is_not_examined(judge: Judge) -> None:
    result = judge({"x": pa.array(["cat", "dog", None, "cow"])}, check="one_of", column="x", values=["cat", "dog"])
    assert (result.status, result.examined, result.failed) == ("failed", 3, 1)
    assert result.message == "1 of 3 values are not one of 'cat', 'dog' (33.3%)"
    assert result.examples == ({"sample_id": f"{3:032x}", "value": "'cow'", "reason": "not in the list"},)


def test_a_long_list_is_counted(judge: Judge) -> None:
    result = judge({"x": pa.array([99])}, check="one_of", column="x", values=list(range(9)))
    assert result.message == "1 of 1 values are not one of 9 (100%)"


@pytest.mark.parametrize(
    ("column", "values", "failed"),
    [
        (pa.array([0.1, 0.2, float("nan")], pa.float32()), [0.1, 1], 2),
        (pa.array([0.5, 1.0], pa.float16()), [1], 1),
        (pa.array([-0.0], pa.float64()), [0.0], 0),
        (pa.array([True, False]), [True], 1),
        (pa.array([2**63 - 1, 2**63 - 2]), [2**63 - 1], 1),
        (pa.array(["", "a"], pa.large_string()), ["a"], 1),
    ],
)
def test_every_plain_type(judge: Judge, column: pa.Array, values: list[Any], failed: int) -> None:
    assert judge({"x": column}, check="one_of", column="x", values=values).failed == failed


@pytest.mark.parametrize(
    ("column", "values", "message"),
    [
        (pa.array([1]), ["1"], "values: '1' is no value of x, which is int64"),
        (pa.array([1]), [True], "values: True is no value of x, which is int64"),
        (pa.array([1]), [1.5], "values: 1.5 is no value of x, which is int64"),
        (pa.array([1], pa.int8()), [300], "values: 300 is out of the range of x, which is int8"),
        (pa.array(["a"]), [], "values: Tuple should have at least 1 item"),
        (pa.array([[1]]), [1], r"x is list<item: int64>, not a column of texts, numbers or truths"),
    ],
)
def test_values_that_the_column_cannot_have(judge: Judge, column: pa.Array, values: list[Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        judge({"x": column}, check="one_of", column="x", values=values)


@given(
    values=st.lists(st.none() | st.floats(width=32)),
    among=st.lists(st.floats(allow_nan=False, allow_infinity=False, width=32), min_size=1),
)
def test_as_plain_python_counts(judge: Judge, values: list[float | None], among: list[float]) -> None:
    result = judge({"x": pa.array(values, pa.float32())}, check="one_of", column="x", values=among)
    there = [value for value in values if value is not None]
    single = {float(np.float32(value)) for value in among}
    assert (result.examined, result.failed) == (len(there), sum(value not in single for value in there))
