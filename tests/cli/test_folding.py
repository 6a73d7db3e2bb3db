from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mmreg.cli.render.folding import fit, fold
from mmreg.cli.text import HOSTILE, width

ANY_TEXT = st.text(st.characters(categories=None, exclude_categories=()) | st.sampled_from(" :#[\n"), max_size=200)


def test_short_text_stays_and_long_text_ends_in_an_ellipsis() -> None:
    assert fit("a cat", 5) == "a cat"
    assert fit("a cats", 5) == "a ca…"
    assert fit("猫猫猫", 5) == "猫猫…"
    assert fit("a\nb\x1b", 20) == r"a\nb\x1b"
    assert width(fit("x" * 1_000_000, 80)) == 80


def test_words_are_kept_whole_where_they_can_be() -> None:
    assert fold("three blind mice", 11) == ["three blind", "mice"]
    assert fold("one two three four", 5, lines=2) == ["one", "two …"]
    assert fold("abcdefgh ij", 4) == ["abc…", "ij"]
    assert fold("", 9) == []


def test_no_line_is_a_command_to_a_runner() -> None:
    assert fold("see ::error::forged", 18) == ["see", r"\x3a:error::forged"]
    assert fit("##[error]forged", 40) == r"#\x23[error]forged"


@given(ANY_TEXT, st.integers(min_value=2, max_value=80), st.integers(min_value=1, max_value=5))
def test_whatever_the_text_it_fits(text: str, columns: int, lines: int) -> None:
    assert width(fit(text, columns)) <= columns
    folded = fold(text, columns, lines)
    assert len(folded) <= lines
    assert not any(HOSTILE.search(line) for line in [*folded, fit(text, columns)])
    assert all(width(line) <= columns for line in folded)
