"""Predicates: exactly one safe expression, and values that stay values."""

from __future__ import annotations

import math

import lance
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmreg.errors import FilterError
from mmreg.schemas.expression import MAX_TEXT
from mmreg.schemas.literal import quote
from mmreg.schemas.predicate import Predicate


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "not exactly one expression"),
        ("   ", "not exactly one expression"),
        ("a = 1; DROP TABLE x", "';' is not allowed"),
        ("a = 1;", "';' is not allowed"),
        ("a = 1 -- or more", "comments are not allowed"),
        ("a = 1 /* or more */", "comments are not allowed"),
        ("-- nothing", "not exactly one expression"),
        ("DROP TABLE x", "is not allowed"),
        ("SELECT 1", "is not allowed"),
        ("(SELECT 1)", "is not allowed"),
        ("a IN (SELECT b FROM c)", "is not allowed"),
        ("EXISTS (SELECT 1)", "is not allowed"),
        ("a > 1 UNION SELECT 1", "is not allowed"),
        ("a, b", "no expression"),
        ("a AS b", "is not allowed"),
        ("*", "is not allowed"),
        ("t.*", "is not allowed"),
        ("a AND", "no expression"),
        ("a = = 1", "no expression"),
        ("'open", "no expression"),
        ("a = NULL", "say IS NULL"),
        ("a LIKE 'x' ESCAPE 'y'", "is not allowed"),
        ("a LIKE ANY ('x')", "is not allowed"),
        ("a BETWEEN SYMMETRIC 2 AND 1", "is not allowed"),
        ("a::int > 1", "is not allowed"),
        ("a[1] > 1", "is not allowed"),
        ("a || 'x' = 'y'", "is not allowed"),
        ("a > :p", "is not allowed"),
        ("a > ?", "is not allowed"),
        ("a = N'x'", "is not allowed"),
        ("CASE WHEN a THEN b END", "no expression"),
        ("count(DISTINCT a) > 1", "is not allowed"),
        ("length(*) > 1", "is not allowed"),
        ("length(a) OVER () > 1", "is not allowed"),
        ("length(a) FILTER (WHERE b) > 1", "is not allowed"),
        ("a IN ()", "is not allowed"),
        ("lenght(a) > 1", "no function 'lenght'; did you mean 'length'?"),
        ("random() > 0", "no function 'random'"),
        ("repeat('x', 1000000000) = a", "no function 'repeat'"),
        ("a = x'0'", "bytes are written as"),
        ("a = 1e999", "the number 1e999 is not allowed"),
        ("(" * 5000 + "a" + ")" * 5000, "nested too deeply"),
        ("NOT " * 100 + "a", "nested too deeply"),
        ("NOT " * 20000 + "a", "no expression"),
        ("a " * MAX_TEXT, f"at most {MAX_TEXT} characters"),
    ],
    ids=lambda text: text[:30],
)  # fmt: skip
def test_what_is_no_predicate(text: str, reason: str) -> None:
    with pytest.raises(FilterError) as caught:
        Predicate.parse(text)
    assert reason in str(caught.value) and len(str(caught.value)) < 500
    assert caught.value.exit_status == 2


def test_columns_are_named_once_and_in_order() -> None:
    text = (
        "image.width > 3 AND (s = 'x' OR NOT isnan(f)) AND image.width < 9 AND length(s) IN (i, 2) AND \"a-b\" IS NULL"
    )
    assert Predicate.parse(text).columns == ("image.width", "s", "f", "i", "a-b")
    assert str(Predicate.parse(text)) == text
    assert Predicate.parse("a=1").expression == Predicate.parse("(a  =  1)").expression


names = ["a", "b.c", "`", '"', "date", "interval", "case", "when", "select", "union", "from", "as", "exists("]
signs = [
    "=",
    "<",
    ">",
    "(",
    ")",
    "+",
    "-",
    "*",
    "/",
    "%",
    ",",
    ";",
    "--",
    "/*",
    "*/",
    "::",
    "[",
    "]",
    "{",
    "}",
    "$",
    "@",
]
others = [
    "and",
    "or",
    "not",
    "in",
    "between",
    "like",
    "is",
    "null",
    "1",
    "1.5",
    "'x'",
    "x'00'",
    "length(",
    "isnan(",
    "'",
]
words = st.sampled_from([*names, *signs, *others, "?", "\\"])


@settings(deadline=None, max_examples=300)
@given(st.lists(words, max_size=10).map(" ".join) | st.text(max_size=20))
def test_any_text_is_a_predicate_or_refused_by_us(text: str) -> None:
    try:
        predicate = Predicate.parse(text)
    except FilterError as error:
        assert str(error)
    else:
        assert predicate.text == text
        assert ";" not in text or any(quote in text for quote in "'\"`")


# Values

texts = st.text(st.characters(codec="utf-8"), max_size=20) | st.sampled_from(
    [
        "'",
        "''",
        "\\",
        "\\'",
        "x' OR 1=1 --",
        "'; DROP TABLE x; --",
        "/*",
        "`",
        '"',
        "\0",
        "%",
        "\n",
        "\u202e",
        "é",
        "e\u0301",
    ]
)


def found(stored: lance.LanceDataset, column: str, value: str | int | float | bytes) -> list[object]:
    condition = Predicate.parse(f"{column} = {quote(value)}").to_lance(stored.schema)
    return list(stored.to_table(filter=condition)[column].to_pylist())


@pytest.fixture(scope="module")
def quotations(tmp_path_factory: pytest.TempPathFactory) -> lance.LanceDataset:
    rows = pa.table({"s": ["x' OR 1=1 --", "no", "", None]})
    return lance.write_dataset(rows, tmp_path_factory.mktemp("lake") / "s.lance")


def test_an_injected_text_finds_itself_and_nothing_else(quotations: lance.LanceDataset) -> None:
    assert found(quotations, "s", "y' OR 1=1 --") == []
    assert found(quotations, "s", "x' OR 1=1 --") == ["x' OR 1=1 --"]


@settings(deadline=None, max_examples=150)
@given(texts)
def test_any_text_stays_a_value(quotations: lance.LanceDataset, text: str) -> None:
    assert Predicate.parse(f"s = {quote(text)}").to_lance(quotations.schema) == f"(`s` = {quote(text)})"
    assert found(quotations, "s", text) == [s for s in quotations.to_table()["s"].to_pylist() if s == text]


@settings(deadline=None, max_examples=40)
@given(st.lists(texts, min_size=1, max_size=6), st.lists(st.binary(max_size=8), min_size=1, max_size=6))
def test_stored_values_are_found_by_their_literals(
    tmp_path_factory: pytest.TempPathFactory, strings: list[str], blobs: list[bytes]
) -> None:
    size = min(len(strings), len(blobs))
    rows = pa.table({"s": strings[:size], "b": pa.array(blobs[:size], pa.large_binary())})
    stored = lance.write_dataset(rows, tmp_path_factory.mktemp("values") / "v.lance")
    for column in ("s", "b"):
        values = rows[column].to_pylist()
        for value in values:
            assert found(stored, column, value) == [v for v in values if v == value]


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=5),
    st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=5),
)
def test_stored_numbers_are_found_by_their_literals(
    tmp_path_factory: pytest.TempPathFactory, wholes: list[int], fractions: list[float]
) -> None:
    size = min(len(wholes), len(fractions))
    rows = pa.table({"i": pa.array(wholes[:size], pa.int64()), "f": pa.array(fractions[:size], pa.float64())})
    stored = lance.write_dataset(rows, tmp_path_factory.mktemp("values") / "n.lance")
    for column in ("i", "f"):
        values = rows[column].to_pylist()
        for value in values:
            assert found(stored, column, value) == [v for v in values if v == value]


def test_other_values_have_no_literal() -> None:
    assert (quote(True), quote(-3), quote(0.1), quote(b"\x00'")) == ("TRUE", "-3", "0.1", "x'0027'")
    for value in (math.nan, math.inf, "\ud800", None, [1]):
        with pytest.raises(FilterError, match="cannot stand in a predicate"):
            quote(value)  # type: ignore[arg-type]
