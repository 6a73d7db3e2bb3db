"""Which expectations mmreg answers itself, from streamed columns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from mmreg.validators.expectations import distinct, measures, of_columns, of_rows, of_tables, of_texts, repeats
from mmreg.validators.expectations.arguments import Asked, ForGreatExpectations
from mmreg.validators.expectations.rows import OrderedRows, Question, SingleRows
from mmreg.validators.expectations.whole import PartedWhole, Whole

QUESTIONS: Mapping[str, Callable[[Asked], Question]] = {
    "expect_column_pair_values_a_to_be_greater_than_b": of_rows.pair_greater,
    "expect_column_pair_values_to_be_equal": of_rows.pair_equal,
    "expect_column_pair_values_to_be_in_set": of_rows.pair_in_set,
    "expect_column_value_lengths_to_be_between": of_columns.lengths_between,
    "expect_column_value_lengths_to_equal": of_columns.lengths_equal,
    "expect_column_values_to_be_between": of_columns.between,
    "expect_column_values_to_be_dateutil_parseable": of_texts.dateutil_parseable,
    "expect_column_values_to_be_decreasing": of_columns.decreasing,
    "expect_column_values_to_be_in_set": of_columns.in_set,
    "expect_column_values_to_be_increasing": of_columns.increasing,
    "expect_column_values_to_be_json_parseable": of_texts.json_parseable,
    "expect_column_values_to_be_null": of_columns.null,
    "expect_column_values_to_be_unique": repeats.unique,
    "expect_column_values_to_match_like_pattern": of_texts.match_like,
    "expect_column_values_to_match_like_pattern_list": of_texts.match_like_list,
    "expect_column_values_to_match_regex": of_texts.match_regex,
    "expect_column_values_to_match_regex_list": of_texts.match_regex_list,
    "expect_column_values_to_match_strftime_format": of_texts.match_strftime,
    "expect_column_values_to_not_be_in_set": of_columns.not_in_set,
    "expect_column_values_to_not_be_null": of_columns.not_null,
    "expect_column_values_to_not_match_like_pattern": of_texts.not_match_like,
    "expect_column_values_to_not_match_like_pattern_list": of_texts.not_match_like_list,
    "expect_column_values_to_not_match_regex": of_texts.not_match_regex,
    "expect_column_values_to_not_match_regex_list": of_texts.not_match_regex_list,
    "expect_compound_columns_to_be_unique": repeats.compound_unique,
    "expect_multicolumn_sum_to_equal": of_rows.sum_equal,
    "expect_multicolumn_values_to_be_equal": of_rows.values_equal,
    "expect_select_column_values_to_be_unique_within_record": of_rows.unique_within_record,
}
"""About every row."""

MEASURES: Mapping[str, Callable[[Asked], Any]] = {
    "expect_column_distinct_values_to_be_in_set": distinct.distinct_in_set,
    "expect_column_distinct_values_to_contain_set": distinct.distinct_contain,
    "expect_column_distinct_values_to_equal_set": distinct.distinct_equal,
    "expect_column_max_to_be_between": measures.maximum,
    "expect_column_mean_to_be_between": measures.mean,
    "expect_column_median_to_be_between": measures.median,
    "expect_column_min_to_be_between": measures.minimum,
    "expect_column_most_common_value_to_be_in_set": distinct.most_common,
    "expect_column_proportion_of_non_null_values_to_be_between": of_tables.non_null_share,
    "expect_column_proportion_of_unique_values_to_be_between": distinct.distinct_share,
    "expect_column_quantile_values_to_be_between": measures.quantiles,
    "expect_column_stdev_to_be_between": measures.stdev,
    "expect_column_sum_to_be_between": measures.total,
    "expect_column_to_exist": of_tables.column_exists,
    "expect_column_type_to_be": of_tables.type_is,
    "expect_column_unique_value_count_to_be_between": distinct.distinct_count,
    "expect_column_values_to_be_in_type_list": of_tables.in_types,
    "expect_column_values_to_be_of_type": of_tables.of_type,
    "expect_table_column_count_to_be_between": of_tables.column_count,
    "expect_table_column_count_to_equal": of_tables.column_count_equal,
    "expect_table_columns_to_match_ordered_list": of_tables.columns_ordered,
    "expect_table_columns_to_match_set": of_tables.columns_in_set,
    "expect_table_row_count_to_be_between": of_tables.row_count,
    "expect_table_row_count_to_equal": of_tables.row_count_equal,
}
"""About a version as a whole."""

WHOLE_TABLES = frozenset(
    {
        "expect_column_values_to_be_decreasing",
        "expect_column_values_to_be_increasing",
        "expect_column_values_to_be_unique",
        "expect_compound_columns_to_be_unique",
        "expect_column_distinct_values_to_be_in_set",
        "expect_column_distinct_values_to_contain_set",
        "expect_column_distinct_values_to_equal_set",
        "expect_column_max_to_be_between",
        "expect_column_min_to_be_between",
        "expect_column_proportion_of_unique_values_to_be_between",
        "expect_column_sum_to_be_between",
        "expect_column_unique_value_count_to_be_between",
    }
)
"""What a sample of the rows tells nothing of; nor of what begins with ``expect_table``."""


PARTED = frozenset(
    {
        "expect_column_mean_to_be_between",
        "expect_column_proportion_of_non_null_values_to_be_between",
        "expect_column_stdev_to_be_between",
        "expect_column_sum_to_be_between",
        "expect_column_type_to_be",
        "expect_column_values_to_be_in_type_list",
        "expect_column_values_to_be_of_type",
    }
)
"""Measures that add up from parts of a version, from states without a cell in them."""


def is_incremental(name: str) -> bool:
    """Whether what was seen of rows that have not changed need not be seen again."""
    return name in PARTED or (name in QUESTIONS and name not in WHOLE_TABLES)


def from_samples(name: str) -> bool:
    """Whether a sample of the rows answers the expectation."""
    return name not in WHOLE_TABLES and not name.startswith("expect_table") and name != "expect_column_to_exist"


def streamed(name: str, asked: Asked) -> OrderedRows | Whole | None:
    """The expectation as a check over batches; None where with such arguments or columns it is for GX."""
    if asked.get("row_condition") is not None:
        return None
    try:
        if name in QUESTIONS:
            return _rows(name, asked)
        return _whole(name, asked) if name in MEASURES else None
    except ForGreatExpectations:
        return None


def _rows(name: str, asked: Asked) -> OrderedRows:
    question, mostly = QUESTIONS[name](asked), asked.mostly()
    if name in ("expect_column_values_to_be_unique", "expect_compound_columns_to_be_unique"):
        return repeats.Repeats(asked.spec, question, mostly)
    return (SingleRows if question.alone else OrderedRows)(asked.spec, question, mostly)


def _whole(name: str, asked: Asked) -> Whole:
    measure = MEASURES[name](asked)
    return (PartedWhole if name in PARTED else Whole)(asked.spec, measure, samples=from_samples(name))
