from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa
import pytest

from mmreg.schemas.check import CheckResult

Judge = Callable[..., CheckResult]


@pytest.mark.parametrize(
    ("rows", "bounds", "status", "message"),
    [
        (3, {"min_value": 3}, "passed", "3 rows"),
        (3, {"max_value": 3}, "passed", "3 rows"),
        (2, {"min_value": 3}, "failed", "2 rows, fewer than 3"),
        (1500, {"min_value": 1, "max_value": 1000}, "failed", "1,500 rows, more than 1,000"),
        (0, {"max_value": 0}, "passed", "0 rows"),
        (0, {"min_value": 1}, "failed", "0 rows, fewer than 1"),
    ],
)
def test_rows_are_counted(judge: Judge, rows: int, bounds: dict[str, int], status: str, message: str) -> None:
    result = judge({"x": pa.nulls(rows)}, cuts=[1, 2], check="row_count", **bounds)
    assert (result.status, result.message) == (status, message)
    assert (result.examined, result.failed, result.column) == (1, int(status == "failed"), None)


def test_a_rate_of_one_tolerates_any_count(judge: Judge) -> None:
    assert judge({"x": pa.nulls(1)}, check="row_count", min_value=2, max_failure_rate=1.0).status == "passed"
