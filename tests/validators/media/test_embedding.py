"""embedding: length, finiteness, zeros and norms of vectors of any float type."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmreg.errors import UsageError
from mmreg.schemas.check import CheckResult

Judge = Callable[..., CheckResult]
NUMBERS = st.none() | st.floats(width=16) | st.sampled_from([0.0, 1.0, -0.0])
VECTORS = st.none() | st.lists(NUMBERS, max_size=4)
FLOATS = [pa.float16(), pa.float32(), pa.float64()]


def told(judge: Judge, vectors: list[Any], dtype: pa.DataType, **options: Any) -> CheckResult:
    return judge({"vector": pa.array(vectors, dtype)}, check="embedding", column="vector", **options)


@pytest.mark.parametrize("number", FLOATS, ids=str)
def test_what_is_wrong_with_each(judge: Judge, number: pa.DataType) -> None:
    vectors = [[0.6, 0.8], None, [0, 0], [math.nan, 1], [math.inf, 1], [None, 1], [3, 4], [1], []]
    result = told(judge, vectors, pa.list_(number), dim=2, norm=1, examples=20)
    assert (result.examined, result.failed, result.message) == (
        8, 7, "7 of 8 vectors are not as they should be (87.5%)",
    )  # fmt: skip
    assert [example["reason"] for example in result.examples] == [
        "is zero", *["has NaN, infinity or null"] * 3, "its norm is not 1, within 0.01", "has 1 numbers, not 2",
        "has 0 numbers, not 2",
    ]  # fmt: skip
    assert result.examples[4]["value"] == "2 numbers, norm 5"
    assert told(judge, vectors, pa.list_(number), examples=20).failed == 5


@pytest.mark.parametrize("number", FLOATS, ids=str)
def test_fixed_lists_and_slices_of_them(judge: Judge, number: pa.DataType) -> None:
    vectors = [[1, 0], None, [0, 0], [0, 1], None, [3, 4]]
    for cuts in ((), (2, 3), (1, 4)):
        result = told(judge, vectors, pa.list_(number, 2), dim=2, norm=1, cuts=cuts)
        assert (result.examined, result.failed) == (4, 2)
        assert result.numbers == {"min": 0, "max": 5}
    assert told(judge, vectors, pa.list_(number, 2), dim=3).failed == 4


def test_numbers_whose_squares_no_float_has(judge: Judge) -> None:
    result = told(judge, [[1e-200, 1e-200], [1e200, 1e200], [5e-324]], pa.list_(pa.float64()))
    assert (result.status, result.failed) == ("passed", 0)
    assert result.numbers["max"] == pytest.approx(math.sqrt(2) * 1e200)


def test_the_spread_of_norms(judge: Judge) -> None:
    result = told(judge, [[1.0, 0], [0.9, 0], [2, 0]], pa.list_(pa.float32(), 2), norm=1, tolerance=0.2)
    assert result.failed == 1
    assert sum(result.histograms[0].counts["values"]) == 3
    assert result.histograms[0].edges[0] <= 0.9 and result.histograms[0].edges[-1] >= 2


@given(
    vectors=st.lists(VECTORS, max_size=20),
    number=st.sampled_from(FLOATS),
    cuts=st.lists(st.integers(0, 99), max_size=4),
    norm=st.none() | st.floats(0.5, 2),
    parts=st.booleans(),
)
def test_by_its_definition(
    judge: Judge, vectors: list[Any], number: pa.DataType, cuts: list[int], norm: float | None, parts: bool
) -> None:
    def wrong(vector: list[float | None]) -> bool:
        known = [one for one in vector if one is not None]
        if len(known) != 3 or len(vector) != 3 or not all(map(math.isfinite, known)):
            return True
        length = math.hypot(*known)
        return length == 0 or (norm is not None and abs(length - norm) > 0.01)

    options = {"dim": 3} | ({"norm": norm} if norm is not None else {})
    result = told(judge, vectors, pa.list_(number), cuts=cuts, parts=parts, **options)
    known = [vector for vector in vectors if vector is not None]
    assert (result.examined, result.failed) == (len(known), sum(map(wrong, known)))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"tolerance": 0.1}, "'tolerance' is how far from 'norm'"),
        ({"norm": 0}, "greater than 0"),
        ({"dim": 0}, "greater than 0"),
        ({"norm": 1, "tolerance": -1}, "greater than or equal to 0"),
    ],
)
def test_senseless_arguments_are_refused(judge: Judge, arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        told(judge, [], pa.list_(pa.float32(), 2), **arguments)


@pytest.mark.parametrize("dtype", [pa.float32(), pa.list_(pa.int64()), pa.list_(pa.string())], ids=str)
def test_other_columns_are_refused(judge: Judge, dtype: pa.DataType) -> None:
    with pytest.raises(UsageError, match="not a column of lists of float numbers"):
        told(judge, [], dtype)
