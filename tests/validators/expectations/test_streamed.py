"""Expectations that mmreg answers itself: without Great Expectations, from parts, whatever the batches."""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmreg.errors import UsageError
from mmreg.schemas.arrow import media_type
from mmreg.schemas.check import CheckResult
from mmreg.schemas.check_spec import CheckSpec
from mmreg.validators import Table, load_check
from mmreg.validators.expectations.compile import MEASURES, PARTED, QUESTIONS, is_incremental
from mmreg.validators.expectations.exact import Moments
from mmreg.validators.expectations.listing import table
from mmreg.validators.expectations.names import CORE
from mmreg.validators.protocol import Mergeable

Judge = Callable[..., CheckResult]
PAGE = Path(__file__).parents[3] / "docs" / "great-expectations.md"
SCHEMA = pa.schema(
    {"sample_id": pa.binary(16), "image": media_type("image"), "caption": pa.string(), "score": pa.float64()}
)


def refusal(**declared: Any) -> UsageError:
    with pytest.raises(UsageError) as caught:
        load_check(CheckSpec(**declared), Table(SCHEMA))
    return caught.value


@pytest.mark.parametrize(
    ("declared", "says"),
    [
        ({"check": "gx.expect_column_values_to_be_in_sets"}, "did you mean 'expect_column_values_to_be_in_set'"),
        ({"check": "gx.xyzzy"}, "unknown expectation 'xyzzy'"),
        ({"check": "gx.expect_column_values_to_not_be_null", "colunm": "caption"}, "did you mean 'column'"),
        ({"check": "gx.expect_column_values_to_be_in_set", "column": "caption"}, "value_set: is required"),
        ({"check": "gx.expect_column_values_to_not_be_null", "column": "captoin"}, "unknown column 'captoin'"),
        ({"check": "gx.expect_column_values_to_not_be_null", "column": 3}, "column: needs the name"),
        ({"check": "gx.expect_column_values_to_be_between", "column": "score"}, "min_value: is required"),
        (
            {"check": "gx.expect_column_values_to_be_between", "column": "score", "min_value": 2, "max_value": 1},
            "min_value: 2 is above max_value 1",
        ),
        (
            {"check": "gx.expect_column_values_to_not_be_null", "column": "score", "mostly": 1.5},
            "mostly: must lie between 0 and 1",
        ),
        (
            {
                "check": "gx.expect_column_values_to_not_be_null",
                "column": "score",
                "mostly": 0.5,
                "max_failure_rate": 0.5,
            },
            "say the same, and both are given",
        ),
        (
            {"check": "gx.expect_column_mean_to_be_between", "column": "score", "max_failure_rate": 0.5},
            "about the version as a whole",
        ),
        (
            {"check": "gx.expect_column_values_to_match_regex", "column": "caption", "regex": "("},
            "regex: '(' is no pattern",
        ),
        (
            {"check": "gx.expect_column_values_to_match_regex_list", "column": "caption", "regex_list": []},
            "regex_list: must not be empty",
        ),
        (
            {"check": "gx.expect_column_values_to_match_strftime_format", "column": "caption", "strftime_format": "%Q"},
            "strftime_format: '%Q' writes times that it cannot read",
        ),
        ({"check": "gx.expect_compound_columns_to_be_unique", "column_list": ["score"]}, "at least two columns"),
        (
            {"check": "gx.expect_column_values_to_be_unique", "column": "caption", "sample": 100},
            "a sample does not tell",
        ),
        ({"check": "gx.expect_table_row_count_to_equal", "value": 3, "sample": 100}, "a sample does not tell"),
        (
            {
                "check": "gx.expect_query_results_to_match_comparison",
                "base_query": "",
                "comparison_data_source_name": "",
                "comparison_query": "",
            },
            "asks a database",
        ),
        ({"check": "gx.expect_table_row_count_to_equal_other_table", "other_table_name": "x"}, "asks a database"),
        (
            {
                "check": "gx.expect_column_quantile_values_to_be_between",
                "column": "score",
                "quantile_ranges": {"quantiles": [2], "value_ranges": [[0, 1]]},
            },
            "quantiles must lie between 0 and 1",
        ),
    ],
)
def test_what_cannot_be_meant_is_refused(declared: Any, says: str) -> None:
    assert says in refusal(**declared).message


def test_great_expectations_need_not_be_there() -> None:
    code = (
        "import sys, pyarrow as pa\n"
        "sys.modules['great_expectations'] = None\n"
        "from mmreg.errors import MissingExtra\n"
        "from mmreg.schemas.check_spec import CheckSpec\n"
        "from mmreg.validators import Table, load_check\n"
        "cells = pa.record_batch({'sample_id': pa.array([bytes(16)], pa.binary(16)), 's': ['a'], 'x': [1.0]})\n"
        "for declared in [{'check': 'gx.expect_column_values_to_match_regex', 'column': 's', 'regex': 'a'},\n"
        "                 {'check': 'gx.expect_column_median_to_be_between', 'column': 'x', 'min_value': 1},\n"
        "                 {'check': 'gx.expect_column_values_to_be_unique', 'column': 's'}]:\n"
        "    check = load_check(CheckSpec(**declared), Table(cells.schema))\n"
        "    check.update(cells)\n"
        "    assert check.result().status == 'passed'\n"
        "try:\n"
        "    asks = CheckSpec(check='gx.expect_column_values_to_not_be_outliers', column='x')\n"
        "    load_check(asks, Table(cells.schema))\n"
        "except MissingExtra as missing:\n"
        "    print(missing.extra, missing)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.splitlines() == [
        "validate gx.expect_column_values_to_not_be_outliers needs the extra 'validate'",
        "  Try: pip install 'mmreg[validate]'",
    ], done.stderr


def test_of_an_image_the_digest_is_read() -> None:
    spec = CheckSpec(check="gx.expect_column_values_to_not_be_null", column="image")
    check = load_check(spec, Table(SCHEMA))
    assert (check.columns, check.media) == (("image.sha256",), False)


def test_a_result_counts_as_great_expectations_does(judge: Judge) -> None:
    cells = pa.array(["a", "b", None, "c"])
    result = judge({"x": cells}, check="gx.expect_column_values_to_be_in_set", column="x", value_set=["a", "b"])
    assert (result.status, result.examined, result.failed, result.how) == ("failed", 3, 1, "streamed")
    assert result.numbers == {"element_count": 4, "missing_count": 1, "unexpected_count": 1}
    assert result.message == "1 of 3 values are not in the set (33.3%)"
    assert [(e["sample_id"][-2:], e["value"], e["reason"]) for e in result.examples] == [("03", "'c'", "not in it")]


def test_mostly_is_computed_as_there_and_said(judge: Judge) -> None:
    cells = pa.array([None, *range(9)])
    met = judge({"x": cells}, check="gx.expect_column_values_to_not_be_null", column="x", mostly=0.9)
    assert (met.status, met.max_failure_rate) == ("passed", 0.1)
    assert met.message == "1 of 10 values are missing (10%), mostly 0.9"
    not_met = judge({"x": cells}, check="gx.expect_column_values_to_not_be_null", column="x", mostly=0.91)
    assert not_met.status == "failed"


def test_the_share_may_be_declared_as_for_any_check(judge: Judge) -> None:
    declared: dict[str, Any] = {"check": "gx.expect_column_values_to_not_be_null", "column": "x"}
    cells = pa.array([None, *range(9)])
    assert judge({"x": cells}, **declared, max_failure_rate=0.1).status == "passed"
    assert judge({"x": cells}, **declared, max_failure_rate=0.09).status == "failed"


def test_a_measure_says_what_it_found(judge: Judge) -> None:
    result = judge(
        {"x": pa.array([1.0, 2.0, None])}, check="gx.expect_column_mean_to_be_between", column="x", min_value=2
    )
    assert (result.status, result.examined, result.failed) == ("failed", 1, 1)
    assert (result.message, result.numbers) == ("the mean is 1.5, below 2", {"observed_value": 1.5})


def test_values_that_are_not_in_the_set_are_shown_once(judge: Judge) -> None:
    result = judge(
        {"x": pa.array(["a", "z", "z", "y", None])},
        check="gx.expect_column_distinct_values_to_equal_set",
        column="x",
        value_set=["a", "b"],
        cuts=[2],
    )
    assert result.message == "2 different values are not in the set; 1 of the set do not come: 'b'"
    assert [(e["sample_id"][-2:], e["value"]) for e in result.examples] == [("01", "'z'"), ("03", "'y'")]


@pytest.mark.parametrize(
    ("pattern", "escape", "found"),
    [
        ("a%", None, ["ab", "a\nb", "a%"]),
        ("a_", None, ["ab", "a%"]),
        ("_b", None, ["ab"]),
        ("a!%", "!", ["a%"]),
        ("A%", None, []),
        (".*", None, []),
    ],
)
def test_like_is_that_of_sql(judge: Judge, pattern: str, escape: str | None, found: list[str]) -> None:
    texts = ["ab", "a\nb", "a%", "b"]
    declared = {"column": "x", "like_pattern": pattern, "escape": escape}
    cells = {"x": pa.array(texts)}
    result = judge(cells, check="gx.expect_column_values_to_match_like_pattern", **declared)
    assert [e["value"] for e in result.examples] == [repr(text) for text in texts if text not in found]
    other = judge(cells, check="gx.expect_column_values_to_not_match_like_pattern", **declared)
    assert [e["value"] for e in other.examples] == [repr(text) for text in found]
    several = {"column": "x", "like_pattern_list": [pattern, "zz"], "escape": escape}
    assert judge(cells, check="gx.expect_column_values_to_match_like_pattern_list", **several).failed == 4 - len(found)
    none = judge(cells, check="gx.expect_column_values_to_not_match_like_pattern_list", **several)
    assert none.failed == len(found)


PARTS: dict[str, dict[str, Any]] = {
    "expect_column_mean_to_be_between": {"column": "f", "min_value": 0},
    "expect_column_sum_to_be_between": {"column": "i", "min_value": 0},
    "expect_column_stdev_to_be_between": {"column": "f", "max_value": 1},
    "expect_column_proportion_of_non_null_values_to_be_between": {"column": "s", "min_value": 0.5},
    "expect_column_values_to_be_of_type": {"column": "i", "type_": "int64"},
    "expect_column_type_to_be": {"column": "i", "type_": "int64"},
    "expect_column_values_to_be_between": {"column": "f", "min_value": 0},
    "expect_column_values_to_match_regex": {"column": "s", "regex": "a"},
    "expect_column_pair_values_to_be_equal": {"column_A": "i", "column_B": "f", "mostly": 0.5},
    "expect_multicolumn_sum_to_equal": {"column_list": ["i", "f"], "sum_total": 1},
}


@settings(max_examples=40, deadline=None)
@given(
    rows=st.lists(
        st.tuples(
            st.none() | st.integers(-3, 3),
            st.none() | st.floats(-1e9, 1e9) | st.sampled_from([math.nan, 0.1, 0.2, 0.3]),
            st.none() | st.sampled_from(["a", "b"]),
        ),
        max_size=12,
    ),
    cut=st.integers(0, 12),
)
def test_the_answer_from_parts_is_the_answer_from_all(rows: list[Any], cut: int) -> None:
    ids = pa.array([row.to_bytes(16, "big") for row in range(len(rows))], pa.binary(16))
    types = {"i": pa.int64(), "f": pa.float64(), "s": pa.string()}
    columns = {name: pa.array([row[at] for row in rows], dtype) for at, (name, dtype) in enumerate(types.items())}
    whole = pa.record_batch({"sample_id": ids, **columns})
    for name, arguments in PARTS.items():

        def seen(batch: pa.RecordBatch, name: str = name, arguments: Any = arguments) -> Any:
            check = load_check(CheckSpec(check=f"gx.{name}", **arguments), Table(whole.schema))
            check.update(batch)
            return check

        first, second, merged = seen(whole[:cut]), seen(whole[cut:]), seen(whole[:0])
        assert isinstance(merged, Mergeable)
        merged.merge(first.state())
        merged.merge(second.state())
        assert without_values(merged.result()) == without_values(seen(whole).result())


def without_values(result: CheckResult) -> Any:
    ids = [example["sample_id"] for example in result.examples]
    return (result.status, result.examined, result.failed, result.message, repr(result.numbers), ids)


FLOATS = st.floats(-1e300, 1e300) | st.sampled_from([math.inf, -math.inf, 5e-324])


@given(st.lists(FLOATS, max_size=20), st.integers(0, 20))
def test_sums_lose_nothing(values: list[float], cut: int) -> None:
    moments, other = Moments(), Moments()
    moments.add(np.array(values[:cut]))
    other.add(np.array(values[cut:]))
    moments.merge(other.state())
    if math.inf in values and -math.inf in values:
        assert math.isnan(moments.sum())
    else:
        assert moments.sum() == math.fsum(values)


@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=2, max_size=20))
def test_sums_of_integers_are_exact(values: list[int]) -> None:
    moments = Moments()
    moments.add(np.array(values, np.int64))
    assert moments.whole_sum() == sum(values)
    assert moments.mean() == sum(values) / len(values)


def test_the_spread_of_numbers_far_from_zero() -> None:
    moments = Moments()
    moments.add(np.array([1e15 + 1, 1e15 + 2, 1e15 + 3]))
    assert moments.stdev() == 1.0


def test_what_is_kept_from_version_to_version_is_known() -> None:
    assert set(PARTED) <= set(MEASURES)
    assert {name for name in PARTS if is_incremental(name)} == set(PARTS)
    assert set(QUESTIONS) | set(MEASURES) <= set(CORE)


def test_the_page_holds_the_list() -> None:
    assert table() in PAGE.read_text(encoding="utf-8")
