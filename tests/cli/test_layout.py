from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmreg.cli.render import render
from mmreg.cli.render.layout import Cell, Styled, facts, paint, table
from mmreg.cli.text import HOSTILE, width

ANY_TEXT = st.text(st.characters(categories=None, exclude_categories=()), max_size=20)
CELLS = ANY_TEXT | st.integers() | st.none() | st.builds(Styled, ANY_TEXT, st.just("red"))


def test_words_to_the_left_numbers_to_the_right() -> None:
    rows: list[list[Cell]] = [["pairs", 8101, Styled("v5", "green")], ["画像", 7, None]]
    assert [paint(line, colour=False) for line in table(("NAME", "ROWS", "AT"), rows)] == [
        "NAME    ROWS  AT",
        "pairs  8,101  v5",
        "画像       7",
    ]


def test_no_rows_no_table() -> None:
    assert list(table(("NAME",), [])) == []


def test_facts_leave_out_what_is_not_there() -> None:
    lines = facts({"rows": 5, "license": None, "note": "", "made by": "x"}, indent="  ")
    assert [paint(line, colour=False) for line in lines] == ["  rows     5", "  made by  x"]


def test_colour_is_ours_alone() -> None:
    line = ["plain ", Styled("bo\x1b[0mld", "bold"), Styled("", "red")]
    assert paint(line, colour=True) == "plain \x1b[1mbo\\x1b[0mld\x1b[0m"
    assert paint(line, colour=False) == "plain bo\\x1b[0mld"


@given(st.lists(st.tuples(CELLS, CELLS, CELLS), min_size=1, max_size=5))
def test_whatever_the_cells_columns_line_up(rows: list[tuple[Cell, Cell, Cell]]) -> None:
    lines = ["".join(_painted(piece) for piece in line) for line in table(("A", "B", "C"), rows)]
    assert len(lines) == len(rows) + 1
    assert len({width(line) for line in lines}) == 1
    assert not any(HOSTILE.search(line) for line in lines)


def test_what_has_no_text_is_a_mistake_of_ours() -> None:
    with pytest.raises(TypeError, match="no text for object"):
        render(object())


def _painted(piece: str | Styled) -> str:
    # A last letter keeps paint from cutting off the padding that this test measures.
    return paint([piece, "|"], colour=False)[:-1]
