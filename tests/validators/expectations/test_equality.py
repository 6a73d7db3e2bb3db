"""Every expectation that mmreg answers itself is answered as Great Expectations answers it on pandas."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from mmreg.schemas.check_spec import CheckSpec
from mmreg.validators.expectations.collected import Collected
from mmreg.validators.expectations.compile import MEASURES, QUESTIONS
from mmreg.validators.expectations.library import quiet
from mmreg.validators.expectations.load import load_expectation
from mmreg.validators.table import Table

TABLES = int(os.environ.get("MMREG_GX_TABLES", "12"))
"""How many random tables each expectation is asked about; 200 take some three minutes."""

NO_PANDAS = {name for name in QUESTIONS if "like_pattern" in name}
"""GX itself has these for databases alone."""

Asked = tuple[str, Mapping[str, Any]]

WHOLE = st.integers(-3, 3)
SHARES = st.sampled_from([-2.5, -1.0, -0.125, -0.0, 0.0, 0.1, 0.125, 1.0, 2.5, 1e6])
TEXTS = st.sampled_from(["", "a", "b", "ab", "ba\n", "é", "日本", "1", "12", "2024-01-02", '{"a": 1}', "[1", "x" * 7])
COLUMNS: Mapping[str, tuple[pa.DataType, st.SearchStrategy[Any]]] = {
    "i": (pa.int64(), st.none() | WHOLE),
    "j": (pa.int64(), WHOLE),
    "k": (pa.int32(), st.none() | WHOLE),
    "f": (pa.float64(), st.none() | st.just(math.nan) | SHARES),
    "g": (pa.float64(), st.none() | SHARES | st.sampled_from([math.inf, -math.inf])),
    "h": (pa.float32(), st.none() | st.just(math.nan) | SHARES),
    "s": (pa.string(), st.none() | TEXTS),
    "t": (pa.string(), st.none() | TEXTS),
    "b": (pa.bool_(), st.none() | st.booleans()),
    "c": (pa.bool_(), st.booleans()),
    "w": (pa.timestamp("us", tz="UTC"), st.none() | st.integers(0, 3)),
    "v": (pa.timestamp("us", tz="UTC"), st.none() | st.integers(0, 3)),
}
NUMBERS, TIMES, MOSTLY = "ijkfgh", ["1970-01-01T00:00:00.000001Z", "1970-01-01T00:00:00.000002+00:00"], [1, 0.5, 0.9, 0]


@st.composite
def tables(draw: st.DrawFn) -> pa.Table:
    rows = draw(st.integers(0, 12))
    missing = draw(st.sets(st.sampled_from(list(COLUMNS)), max_size=2)) if draw(st.booleans()) else set()
    made = {
        name: pa.array([None] * rows if name in missing else draw(st.lists(cells, min_size=rows, max_size=rows)), dtype)
        for name, (dtype, cells) in COLUMNS.items()
    }
    ids = pa.array([row.to_bytes(16, "big") for row in range(rows)], pa.binary(16))
    return pa.table({"sample_id": ids, **made})


@st.composite
def asked(draw: st.DrawFn) -> list[Asked]:
    """Each expectation, with arguments that sometimes hold."""
    return [(name, draw(arguments)) for name, arguments in EXPECTED.items()]


def _column(names: str) -> st.SearchStrategy[str]:
    return st.sampled_from(list(names))


def _mostly(**arguments: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(arguments, optional={"mostly": st.sampled_from(MOSTLY)})


def _bounds(numbers: st.SearchStrategy[Any], **arguments: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    flags = {"strict_min": st.booleans(), "strict_max": st.booleans()}
    either = st.fixed_dictionaries({**arguments, "min_value": numbers}, optional=flags) | st.fixed_dictionaries(
        {**arguments, "max_value": numbers}, optional=flags
    )
    both = st.fixed_dictionaries({**arguments, "min_value": numbers, "max_value": numbers}, optional=flags)
    return either | both.filter(lambda drawn: drawn["min_value"] <= drawn["max_value"])


def _of_kind(make: Callable[[str], Mapping[str, st.SearchStrategy[Any]]], *names: str) -> Any:
    """Arguments that depend on which kind of column they are about."""
    return st.one_of([_mostly(**make(name)) for name in names])


VALUES = {
    **dict.fromkeys(NUMBERS, WHOLE | SHARES),
    **dict.fromkeys("st", TEXTS),
    **dict.fromkeys("bc", st.booleans()),
}
SETS = {name: st.lists(values, max_size=4) for name, values in VALUES.items()}
IN_SETS = _of_kind(lambda name: {"column": st.just(name), "value_set": SETS[name]}, *SETS)
DISTINCT = st.one_of(
    [
        st.fixed_dictionaries({"column": st.just(n), "value_set": st.lists(VALUES[n], min_size=1, max_size=4)})
        for n in SETS
    ]
)
MODES = st.one_of(
    [
        st.fixed_dictionaries({"column": st.just(n), "value_set": SETS[n]}, optional={"ties_okay": st.booleans()})
        for n in "ijfgst"
    ]
)
EDGES = WHOLE | st.sampled_from([0.1, 0.125, -1.0, 2.5, 0.3])
REGEXES = st.sampled_from(["a", "^a", "b$", r"\d+", r"\w", ".", "(a)(b)?", "^$", r"é|日", "(?i)B", r"\s"])
PAIRS = [("i", "j"), ("i", "f"), ("j", "k"), ("f", "h"), ("s", "t"), ("w", "v"), ("g", "g")]
PAIR = st.sampled_from(PAIRS).map(lambda pair: {"column_A": pair[0], "column_B": pair[1]})
EQUAL_PAIR = st.sampled_from([*PAIRS, ("b", "c")]).map(lambda pair: {"column_A": pair[0], "column_B": pair[1]})
OF_PAIRS = {
    "ignore_row_if": st.sampled_from(["both_values_are_missing", "either_value_is_missing", "neither"]),
    "mostly": st.sampled_from(MOSTLY),
}
OF_LISTS = {
    "ignore_row_if": st.sampled_from(["all_values_are_missing", "any_value_is_missing", "never"]),
    "mostly": st.sampled_from(MOSTLY),
}


def _with(base: st.SearchStrategy[Any], more: Mapping[str, st.SearchStrategy[Any]], **own: Any) -> Any:
    return st.builds(lambda a, b: {**a, **b}, base, st.fixed_dictionaries(own, optional=dict(more)))


def _lists(*options: str) -> Any:
    return st.sampled_from([list(option) for option in options]).map(lambda names: {"column_list": names})


RANGES = (
    st.tuples(WHOLE, WHOLE).map(sorted)
    | st.tuples(st.none(), WHOLE | st.none()).map(list)
    | st.tuples(WHOLE, st.none()).map(list)
)
QUANTILES = st.lists(st.tuples(st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.75, 1.0]), RANGES), min_size=1, max_size=3).map(
    lambda drawn: {"quantiles": [one for one, _ in drawn], "value_ranges": [two for _, two in drawn]}
)
TYPES = st.sampled_from(["int64", "int", "float", "float32", "str", "object", "bool", "Int64Dtype", "nope"])
NAMES = ["sample_id", *COLUMNS]
EXPECTED: Mapping[str, st.SearchStrategy[Any]] = {
    "expect_column_pair_values_a_to_be_greater_than_b": _with(PAIR, {**OF_PAIRS, "or_equal": st.booleans()}),
    "expect_column_pair_values_to_be_equal": _with(EQUAL_PAIR, OF_PAIRS),
    "expect_column_pair_values_to_be_in_set": st.one_of(
        _with(
            st.just({"column_A": a, "column_B": b}),
            OF_PAIRS,
            value_pairs_set=st.lists(st.tuples(of_a, of_b), max_size=9),
        )
        for a, b, of_a, of_b in [
            ("i", "s", st.none() | WHOLE, st.none() | TEXTS),
            ("j", "f", WHOLE, st.none() | SHARES),
            ("b", "t", st.none() | st.booleans(), TEXTS),
        ]
    ),
    "expect_column_value_lengths_to_be_between": _with(
        _bounds(st.integers(0, 7), column=_column("st")), {"mostly": st.sampled_from(MOSTLY)}
    ),
    "expect_column_value_lengths_to_equal": _mostly(column=_column("st"), value=st.integers(0, 3)),
    "expect_column_values_to_be_between": _with(
        _bounds(EDGES, column=_column(NUMBERS)) | _bounds(st.sampled_from(TIMES), column=_column("wv")),
        {"mostly": st.sampled_from(MOSTLY)},
    ),
    "expect_column_values_to_be_dateutil_parseable": _mostly(column=_column("st")),
    "expect_column_values_to_be_decreasing": _with(
        _mostly(column=_column(NUMBERS + "wv")), {"strictly": st.booleans()}
    ),
    "expect_column_values_to_be_in_set": IN_SETS,
    "expect_column_values_to_be_increasing": _with(
        _mostly(column=_column(NUMBERS + "wv")), {"strictly": st.booleans()}
    ),
    "expect_column_values_to_be_json_parseable": _mostly(column=_column("st")),
    "expect_column_values_to_be_null": _mostly(column=st.sampled_from(list(COLUMNS))),
    "expect_column_values_to_be_unique": _mostly(column=st.sampled_from(list(COLUMNS))),
    "expect_column_values_to_match_regex": _with(_mostly(column=_column("st")), {"regex": REGEXES}),
    "expect_column_values_to_match_regex_list": _with(
        _mostly(column=_column("st"), regex_list=st.lists(REGEXES, min_size=1, max_size=3)),
        {"match_on": st.sampled_from(["any", "all"])},
    ),
    "expect_column_values_to_match_strftime_format": _mostly(
        column=_column("st"), strftime_format=st.sampled_from(["%Y-%m-%d", "%d", "%H:%M"])
    ),
    "expect_column_values_to_not_be_in_set": IN_SETS,
    "expect_column_values_to_not_be_null": _mostly(column=st.sampled_from(list(COLUMNS))),
    "expect_column_values_to_not_match_regex": _mostly(column=_column("st"), regex=REGEXES),
    "expect_column_values_to_not_match_regex_list": _mostly(
        column=_column("st"), regex_list=st.lists(REGEXES, min_size=1, max_size=3)
    ),
    "expect_compound_columns_to_be_unique": _with(_lists("is", "fb", "jkt", "gh", "wb"), OF_LISTS),
    "expect_multicolumn_sum_to_equal": _with(_lists("ij", "jf", "ijk", "jk"), OF_LISTS, sum_total=EDGES),
    "expect_multicolumn_values_to_be_equal": _with(_lists("ij", "jk", "fg", "st", "wv", "ijf"), OF_LISTS),
    "expect_select_column_values_to_be_unique_within_record": _with(_lists("ij", "st", "ijf", "fgs", "jk"), OF_LISTS),
    "expect_column_distinct_values_to_be_in_set": DISTINCT,
    "expect_column_distinct_values_to_contain_set": DISTINCT,
    "expect_column_distinct_values_to_equal_set": DISTINCT,
    "expect_column_max_to_be_between": _bounds(EDGES, column=_column(NUMBERS)),
    "expect_column_mean_to_be_between": _bounds(EDGES, column=_column(NUMBERS)),
    "expect_column_median_to_be_between": _bounds(EDGES, column=_column(NUMBERS)),
    "expect_column_min_to_be_between": _bounds(EDGES, column=_column(NUMBERS)),
    "expect_column_most_common_value_to_be_in_set": MODES,
    "expect_column_proportion_of_non_null_values_to_be_between": _bounds(
        st.sampled_from([0, 0.25, 0.5, 1]), column=st.sampled_from(list(COLUMNS))
    ),
    "expect_column_proportion_of_unique_values_to_be_between": _bounds(
        st.sampled_from([0, 0.25, 0.5, 1]), column=st.sampled_from(list(COLUMNS))
    ),
    "expect_column_quantile_values_to_be_between": _with(
        st.fixed_dictionaries({"column": _column("ijkfh"), "quantile_ranges": QUANTILES}),
        {"allow_relative_error": st.sampled_from(["linear", "lower", "higher", "midpoint", "nearest"])},
    ),
    "expect_column_stdev_to_be_between": _bounds(st.sampled_from([0.3, 1.3, 5e4]), column=_column(NUMBERS)),
    "expect_column_sum_to_be_between": _bounds(EDGES, column=_column(NUMBERS)),
    "expect_column_to_exist": st.fixed_dictionaries(
        {"column": st.sampled_from([*NAMES, "nope"])}, optional={"column_index": st.integers(-14, 14)}
    ),
    "expect_column_type_to_be": st.fixed_dictionaries(
        {
            "column": _column(NUMBERS + "bc"),
            "type_": st.sampled_from(["int64", "int32", "float64", "float32", "bool", "object", "int", "float"]),
        }
    ),
    "expect_column_unique_value_count_to_be_between": _bounds(st.integers(0, 9), column=st.sampled_from(list(COLUMNS))),
    "expect_column_values_to_be_in_type_list": _mostly(
        column=_column(NUMBERS), type_list=st.lists(TYPES, min_size=1, max_size=2)
    ),
    "expect_column_values_to_be_of_type": _mostly(
        column=_column(NUMBERS + "st"),
        type_=TYPES,
    ),
    "expect_table_column_count_to_be_between": _bounds(st.integers(12, 14)).map(
        lambda drawn: {"min_value": None, "max_value": None, **_without_flags(drawn)}
    ),
    "expect_table_column_count_to_equal": st.fixed_dictionaries({"value": st.integers(12, 14)}),
    "expect_table_columns_to_match_ordered_list": st.fixed_dictionaries(
        {"column_list": st.sampled_from([NAMES, NAMES[::-1], NAMES[1:]])}
    ),
    "expect_table_columns_to_match_set": st.fixed_dictionaries(
        {"column_set": st.sampled_from([NAMES, NAMES[::-1], NAMES[1:], [*NAMES, "nope"]])},
        optional={"exact_match": st.booleans()},
    ),
    "expect_table_row_count_to_be_between": _bounds(st.integers(0, 12)),
    "expect_table_row_count_to_equal": st.fixed_dictionaries({"value": st.integers(0, 4)}),
}


def _without_flags(drawn: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in drawn.items() if not name.startswith("strict")}


Ask = Callable[[pa.Table, Sequence[Asked]], list[Mapping[str, Any]]]


@pytest.fixture(scope="module")
def gx_says() -> Iterator[Ask]:
    """What Great Expectations itself says of a table, all expectations in one call."""
    with quiet("test") as gx:
        from great_expectations.expectations.registry import get_expectation_impl

        context = gx.get_context(mode="ephemeral")
        frame = context.data_sources.add_pandas("frame").add_dataframe_asset("frame")
        definition = frame.add_batch_definition_whole_dataframe("frame")

        def ask(table: pa.Table, expectations: Sequence[Asked]) -> list[Mapping[str, Any]]:
            suite = gx.ExpectationSuite(name="suite")
            for number, (name, arguments) in enumerate(expectations):
                # Equal expectations are one to a suite: meta keeps them apart.
                suite.expectations.append(get_expectation_impl(name)(**arguments, meta={"number": number}))
            batch = definition.get_batch({"dataframe": table.to_pandas()})
            found = batch.validate(suite, result_format="BASIC").results
            ordered = sorted(found, key=lambda result: result.expectation_config.meta["number"])
            return [{"success": one.success, "exception": str(one.exception_info), **one.result} for one in ordered]

        yield ask


def test_every_compiled_expectation_is_compared() -> None:
    assert set(EXPECTED) == (set(QUESTIONS) | set(MEASURES)) - NO_PANDAS


@settings(
    max_examples=TABLES,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.generate],  # to shrink takes minutes, and the message says which expectation and how
)
@given(table=tables(), expectations=asked(), cuts=st.sets(st.integers(0, 12), max_size=3))
def test_equals_great_expectations(gx_says: Ask, table: pa.Table, expectations: list[Asked], cuts: set[int]) -> None:
    theirs = gx_says(table, expectations)
    different = []
    for (name, arguments), expected in zip(expectations, theirs, strict=True):
        found = streamed(name, arguments, table, cuts)
        if not same_answer(found, expected):
            column = {key: table.column(key).to_pylist() for key in COLUMNS if key in str(arguments)}
            different.append(f"{name} {arguments}: {found} is not {expected}, {column}")
    assert not different, "\n".join(different)


def test_sums_that_depend_on_the_order_are_for_great_expectations() -> None:
    table = Table(pa.schema([("i", pa.int64()), ("j", pa.int64()), ("k", pa.int32()), ("f", pa.float64())]), rows=1)

    def asks(columns: str) -> bool:
        asked = CheckSpec(check="gx.expect_multicolumn_sum_to_equal", column_list=list(columns), sum_total=0.1)
        return isinstance(load_expectation(asked, table), Collected)

    assert asks("ijf")
    assert not asks("if")
    assert not asks("ijk")


def streamed(name: str, arguments: Mapping[str, Any], table: pa.Table, cuts: set[int]) -> Mapping[str, Any]:
    check: Any = load_expectation(CheckSpec(check=f"gx.{name}", **arguments), Table(table.schema, rows=len(table)))
    assert not isinstance(check, Collected), (name, arguments)
    whole = pa.record_batch([column.combine_chunks() for column in table.columns], schema=table.schema)
    if check.columns:
        for start, stop in pairwise([0, *sorted(cut for cut in cuts if cut < len(table)), len(table)]):
            check.update(whole.slice(start, stop - start))
    answer = check.answer()
    return {"success": answer.success, **answer.result}


def same_answer(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> bool:
    keys = {"success", "element_count", "unexpected_count", "missing_count", "observed_value"} & theirs.keys()
    return all(_same(ours.get(key), theirs[key]) for key in keys)


def _same(ours: Any, theirs: Any) -> bool:
    if isinstance(theirs, Mapping):
        return all(_same(ours[key], value) for key, value in theirs.items())
    if isinstance(theirs, list | tuple):
        return len(ours) == len(theirs) and all(map(_same, ours, theirs))
    if isinstance(theirs, bool | str) or theirs is None:
        return bool(ours == theirs)
    return ours == pytest.approx(theirs, rel=1e-6, nan_ok=True)
