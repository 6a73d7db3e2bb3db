"""The expectations of Great Expectations 1.x with their arguments, known here so that typing errors need no import.

A test holds this table and the installed library in step.
"""

from __future__ import annotations

from collections.abc import Mapping

from mmreg.errors import UsageError
from mmreg.schemas.check_spec import CheckSpec
from mmreg.schemas.suggest import near
from mmreg.validators.unknown import unknown

PREFIX = "gx."
EXPECTATIONS: Mapping[str, str] = {
    "gx.expect_*": "What the expectation of that name in Great Expectations demands; the arguments are its own.",
    "gx.suite": "All that a suite of Great Expectations demands, each expectation as a check.",
}
"""What there is to be declared, with one line on each."""

PAGE = "docs/great-expectations.md lists them"

_BOUNDS = "min_value max_value strict_min strict_max"

CORE: Mapping[str, str] = {
    "expect_column_distinct_values_to_be_in_set": "column! value_set!",
    "expect_column_distinct_values_to_contain_set": "column! value_set!",
    "expect_column_distinct_values_to_equal_set": "column! value_set!",
    "expect_column_kl_divergence_to_be_less_than": (
        "column! partition_object threshold internal_weight_holdout tail_weight_holdout bucketize_data"
        " min_value max_value"
    ),
    "expect_column_max_to_be_between": f"column! {_BOUNDS}",
    "expect_column_mean_to_be_between": f"column! {_BOUNDS}",
    "expect_column_median_to_be_between": f"column! {_BOUNDS}",
    "expect_column_min_to_be_between": f"column! {_BOUNDS}",
    "expect_column_most_common_value_to_be_in_set": "column! value_set! ties_okay",
    "expect_column_pair_values_a_to_be_greater_than_b": "column_A! column_B! mostly or_equal ignore_row_if",
    "expect_column_pair_values_to_be_equal": "column_A! column_B! mostly ignore_row_if",
    "expect_column_pair_values_to_be_in_set": "column_A! column_B! mostly value_pairs_set! ignore_row_if",
    "expect_column_proportion_of_non_null_values_to_be_between": f"column! {_BOUNDS}",
    "expect_column_proportion_of_unique_values_to_be_between": f"column! {_BOUNDS}",
    "expect_column_quantile_values_to_be_between": "column! quantile_ranges! allow_relative_error",
    "expect_column_stdev_to_be_between": f"column! {_BOUNDS}",
    "expect_column_sum_to_be_between": f"column! {_BOUNDS}",
    "expect_column_to_exist": "column! column_index",
    "expect_column_type_to_be": "column! type_!",
    "expect_column_unique_value_count_to_be_between": f"column! {_BOUNDS}",
    "expect_column_value_lengths_to_be_between": f"column! mostly {_BOUNDS}",
    "expect_column_value_lengths_to_equal": "column! mostly value!",
    "expect_column_value_z_scores_to_be_less_than": "column! mostly threshold! double_sided!",
    "expect_column_values_to_be_between": f"column! mostly {_BOUNDS}",
    "expect_column_values_to_be_dateutil_parseable": "column! mostly",
    "expect_column_values_to_be_decreasing": "column! mostly strictly",
    "expect_column_values_to_be_in_set": "column! mostly value_set!",
    "expect_column_values_to_be_in_type_list": "column! mostly type_list",
    "expect_column_values_to_be_increasing": "column! mostly strictly",
    "expect_column_values_to_be_json_parseable": "column! mostly",
    "expect_column_values_to_be_null": "column! mostly",
    "expect_column_values_to_be_of_type": "column! mostly type_!",
    "expect_column_values_to_be_unique": "column! mostly",
    "expect_column_values_to_match_json_schema": "column! mostly json_schema!",
    "expect_column_values_to_match_like_pattern": "column! mostly like_pattern! escape",
    "expect_column_values_to_match_like_pattern_list": "column! mostly like_pattern_list! match_on escape",
    "expect_column_values_to_match_regex": "column! mostly regex",
    "expect_column_values_to_match_regex_list": "column! mostly regex_list! match_on",
    "expect_column_values_to_match_strftime_format": "column! mostly strftime_format!",
    "expect_column_values_to_not_be_in_set": "column! mostly value_set!",
    "expect_column_values_to_not_be_null": "column! mostly",
    "expect_column_values_to_not_be_outliers": "column! mostly method multiplier",
    "expect_column_values_to_not_match_like_pattern": "column! mostly like_pattern! escape",
    "expect_column_values_to_not_match_like_pattern_list": "column! mostly like_pattern_list! escape",
    "expect_column_values_to_not_match_regex": "column! mostly regex!",
    "expect_column_values_to_not_match_regex_list": "column! mostly regex_list!",
    "expect_compound_columns_to_be_unique": "column_list! mostly ignore_row_if",
    "expect_multicolumn_sum_to_equal": "column_list! mostly ignore_row_if sum_total!",
    "expect_multicolumn_values_to_be_equal": "column_list! mostly ignore_row_if",
    "expect_query_results_to_match_comparison": (
        "base_query! comparison_data_source_name! comparison_query! mostly"
    ),
    "expect_select_column_values_to_be_unique_within_record": "column_list! mostly ignore_row_if",
    "expect_table_column_count_to_be_between": "min_value max_value",
    "expect_table_column_count_to_equal": "value!",
    "expect_table_columns_to_match_ordered_list": "column_list",
    "expect_table_columns_to_match_set": "column_set exact_match",
    "expect_table_row_count_to_be_between": _BOUNDS,
    "expect_table_row_count_to_equal": "value!",
    "expect_table_row_count_to_equal_other_table": "other_table_name!",
}  # fmt: skip
"""By name the arguments, separated by blanks; those with ``!`` must be there."""

NO_CONDITION = frozenset(
    {
        "expect_column_to_exist",
        "expect_column_type_to_be",
        "expect_query_results_to_match_comparison",
        "expect_table_column_count_to_be_between",
        "expect_table_column_count_to_equal",
        "expect_table_columns_to_match_ordered_list",
        "expect_table_columns_to_match_set",
    }
)
"""Those which take no ``row_condition``."""


def expectation_name(spec: CheckSpec) -> str:
    """Which expectation ``spec`` declares, its arguments all known and none missing; else a `UsageError`."""
    name = spec.check.removeprefix(PREFIX)
    if name not in CORE:
        meant = near(name, CORE, limit=1)
        raise UsageError(
            f"unknown expectation {name!r}" + (f"; did you mean {meant[0]!r}?" if meant else ""),
            hint=f"check: {PREFIX}{meant[0]}" if meant else PAGE,
        )
    known = arguments_of(name)
    for argument in spec.arguments:
        if argument not in known:
            raise unknown(f"argument of {spec.check}", argument, known)
    for argument in CORE[name].split():
        if argument.endswith("!") and argument[:-1] not in spec.arguments:
            raise UsageError(
                f"{spec.check}: {argument[:-1]}: is required", hint=f"{spec.check} takes {', '.join(known)}"
            )
    return name


def arguments_of(name: str) -> tuple[str, ...]:
    """Every argument that an expectation takes."""
    own = tuple(argument.rstrip("!") for argument in CORE[name].split())
    return own if name in NO_CONDITION else (*own, "row_condition", "condition_parser")
