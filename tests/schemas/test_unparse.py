"""A predicate's parts as text: what is quoted means what was said."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmreg.schemas.expression import (
    Between,
    Binary,
    Call,
    Column,
    Expression,
    In,
    Is,
    Literal,
    Logic,
    Negative,
    Not,
    parse,
)
from mmreg.schemas.predicate import Predicate
from mmreg.schemas.unparse import unparse

names = st.one_of(st.sampled_from(["a", "width", "order", "a b", "A", 'q"uote', "select"]), st.text("ab_", min_size=1))
columns = st.lists(names, min_size=1, max_size=2).map(lambda path: Column(tuple(path)))
literals = st.one_of(
    st.integers(-(2**40), 2**40),
    st.floats(-1e6, 1e6, allow_nan=False).map(lambda number: number + 0.0),
    st.booleans(),
    st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), max_size=5),
    st.binary(max_size=3),
).map(Literal)


def larger(inner: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
    several = st.lists(inner, min_size=2, max_size=3).map(tuple)
    return st.one_of(
        st.builds(Binary, st.sampled_from(["=", "<>", "<", ">=", "+", "-", "*", "/", "%", "LIKE"]), inner, inner),
        st.builds(Logic, st.sampled_from(["AND", "OR"]), several),
        st.builds(Not, inner),
        st.builds(Negative, columns),
        st.builds(Is, inner, st.sampled_from([None, True, False])),
        st.builds(In, inner, several),
        st.builds(Between, inner, inner, inner),
        st.builds(Call, st.sampled_from(["abs", "length", "coalesce"]), several),
    )


@given(st.recursive(columns | literals, larger, max_leaves=8))
def test_what_is_written_reads_as_the_same_expression(expression: Expression) -> None:
    assert parse(unparse(expression)) == expression


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("score >= 0.28", ["score >= 0.28"]),
        ("score>=0.28 and  width > 64 AND kind = 'it''s'", ["score >= 0.28", "width > 64", "kind = 'it''s'"]),
        ("a = 1 AND (b = 2 OR c IS NULL)", ["a = 1", "b = 2 OR c IS NULL"]),
        ("a BETWEEN 1 AND 2 AND NOT b IN (1, 2)", ["a BETWEEN 1 AND 2", "b NOT IN (1, 2)"]),
        ("a IS NOT NULL and b not like 'x%'", ["a IS NOT NULL", "NOT (b LIKE 'x%')"]),
        ("a = 1 OR b = 2 AND c = 3", ["a = 1 OR b = 2 AND c = 3"]),
    ],
)
def test_conditions_of_a_chain_are_told_apart(text: str, parts: list[str]) -> None:
    assert [part.text for part in Predicate.parse(text).conjuncts()] == parts
