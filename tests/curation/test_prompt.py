"""Prompts: each place is filled, none is forgotten, and braces that mean themselves stay."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmreg.curation.prompt import Prompt
from mmreg.errors import UsageError

NAMES = st.from_regex(r"\A[a-z][a-z0-9_]{0,8}\Z")


@pytest.mark.parametrize(
    ("text", "row", "due"),
    [
        ("no place at all", {}, "no place at all"),
        ("the title is {title}.", {"title": "Two dogs"}, "the title is Two dogs."),
        ("{a}{b}{a}", {"a": "1", "b": "2"}, "121"),
        ("{n} of {xs}, {f}, {ok}", {"n": 3, "xs": ["é", None], "f": 0.5, "ok": True}, '3 of ["é", null], 0.5, true'),
        ('answer {"a": {"b": 1}} or {}', {}, 'answer {"a": {"b": 1}} or {}'),
        ("write {{title}} for {title}", {"title": "x"}, "write {title} for x"),
        ("{title}", {"title": "{other} {{title}} \\1"}, "{other} {{title}} \\1"),
        ("{title}", {"title": " as it is\n"}, " as it is\n"),
        ("\nTwo lines,\nno more.\n", {}, "Two lines,\nno more."),
    ],
)
def test_places_are_filled(text: str, row: dict[str, object], due: str) -> None:
    assert Prompt(text, list(row)).fill(row) == due


def test_a_null_has_no_place() -> None:
    with pytest.raises(KeyError, match="title"):
        Prompt("{title}", ["title"]).fill({"title": None})


def test_a_place_that_is_no_input() -> None:
    with pytest.raises(UsageError, match=r"a place for 'titel', which is no input; did you mean 'title'") as told:
        Prompt("{titel}", ["title"])
    assert told.value.hint == "inputs: {titel: COLUMN}, or {{titel}} in the prompt where it means itself"


def test_an_input_without_a_place_would_make_rows_stale_for_nothing() -> None:
    with pytest.raises(UsageError, match="the input 'title' has no place in the prompt"):
        Prompt("what is this?", ["title"])


@given(st.dictionaries(NAMES, st.text(), max_size=4), st.text())
def test_what_is_no_place_is_never_touched(row: dict[str, str], around: str) -> None:
    plain = around.replace("{", "(").replace("}", ")")
    text = plain + "".join(f"{{{name}}}{plain}" for name in row)
    due = plain + "".join(value + plain for value in row.values())
    assert Prompt(f"({text})", row).fill(row) == f"({due})"


@given(st.recursive(st.integers() | st.text(), lambda inner: st.dictionaries(st.text(), inner), max_leaves=5))
def test_json_in_a_prompt_stays_as_it_is(value: object) -> None:
    text = json.dumps({"example": value})
    assert Prompt(text, []).fill({}) == text
