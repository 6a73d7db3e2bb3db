from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmreg.schemas.arrow import media_type
from mmreg.schemas.check import CheckResult

Judge = Callable[..., CheckResult]
IMAGES = pa.array([{"width": 1}, {"width": None}, None], pa.struct({"width": pa.int32()}))


def test_a_full_column_passes(judge: Judge) -> None:
    result = judge({"x": pa.array(["", "a"])}, check="not_null", column="x")
    assert (result.status, result.examined, result.failed, result.examples) == ("passed", 2, 0, ())
    assert result.message == "0 of 2 values are null"


def test_nulls_fail_with_the_samples_that_have_them(judge: Judge) -> None:
    result = judge({"x": pa.array(["a", None, "b", None])}, check="not_null", column="x", severity="warning")
    assert (result.status, result.severity, result.failed) == ("failed", "warning", 2)
    assert result.message == "2 of 4 values are null (50%)"
    assert result.examples[0] == {"sample_id": f"{1:032x}", "value": "null", "reason": "null"}
    assert (result.check, result.column, result.arguments) == ("not_null", "x", {"column": "x"})


@pytest.mark.parametrize(("rate", "status"), [(0.1, "failed"), (0.25, "passed"), (0.5, "passed")])
def test_a_share_of_failures_may_be_tolerated(judge: Judge, rate: float, status: str) -> None:
    result = judge({"x": pa.array([1, None, 2, 3])}, check="not_null", column="x", max_failure_rate=rate)
    assert (result.status, result.failed, result.max_failure_rate) == (status, 1, rate)
    assert result.message == f"1 of 4 values are null (25%, {100 * rate:.3g}% allowed)"


def test_at_most_five_examples(judge: Judge) -> None:
    result = judge({"x": pa.nulls(9, pa.string())}, cuts=[2, 4], check="not_null", column="x")
    assert result.failed == 9
    assert [example["sample_id"] for example in result.examples] == [f"{row:032x}" for row in range(5)]


@pytest.mark.parametrize(("column", "failed"), [("image", 1), ("image.width", 2)])
def test_a_field_is_null_where_its_struct_is(judge: Judge, column: str, failed: int) -> None:
    assert judge({"image": IMAGES}, check="not_null", column=column).failed == failed


def test_a_field_may_come_under_its_full_name(judge: Judge) -> None:
    width = pa.array([1, None], pa.int32())
    assert judge({"image.width": width}, check="not_null", column="image.width").failed == 1


def test_media_are_there_where_their_digest_is(judge: Judge) -> None:
    images = pa.array([{"sha256": bytes(32)}, None], media_type("image"))
    result = judge({"image": images}, check="not_null", column="image")
    assert (result.failed, result.column) == (1, "image")


def test_nan_is_a_value(judge: Judge) -> None:
    assert judge({"x": pa.array([float("nan")])}, check="not_null", column="x").status == "passed"


def test_no_rows_pass_and_say_so(judge: Judge) -> None:
    result = judge({"x": pa.array([], pa.string())}, check="not_null", column="x")
    assert (result.status, result.examined, result.message) == ("passed", 0, "no rows")


@given(values=st.lists(st.none() | st.integers(0, 9)))
def test_as_plain_python_counts(judge: Judge, values: list[int | None]) -> None:
    result = judge({"x": pa.array(values, pa.int64())}, check="not_null", column="x")
    assert (result.examined, result.failed) == (len(values), sum(value is None for value in values))
