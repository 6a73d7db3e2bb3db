"""How much of its base a version still has."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from mmreg.errors import NotFound, UsageError
from mmreg.schemas.check import CheckResult

Answer = Callable[..., CheckResult]
COLUMNS = {"n": "int"}
PASSES = {
    "first": 'from: rows, into: some, use: filter, where: "n >= 2"',
    "second": 'from: some, into: fewer, use: filter, where: "n >= 5"',
    "parts": "from: fewer, into: parts, use: split, params: {{test: 0.5, seed: 1}}",
    "tests": 'from: parts, into: tests, use: filter, split: test, where: "n >= 0"',
    "lows": 'from: rows, into: lows, use: filter, where: "n < 6"',
    "both": "use: mix, datasets: {{some: 1, lows: 1}}, into: mixed",
}


@pytest.fixture
def made(lake_of: Any) -> Any:
    return lake_of([{"n": n} for n in range(10)], COLUMNS, PASSES)


def test_all_selections_together_are_judged_and_each_is_told(made: Any, answer: Answer) -> None:
    result = answer(made, "parts", check="guard.keep_rate", min_value=0.5)
    assert (result.status, result.examined, result.numbers) == ("passed", 1, {"keep_rate": 0.5})
    assert result.message == (
        "5 of 10 rows of rows@v1 are kept (0.5, at least 0.5): first 8 of 10, second 5 of 8, parts 5 of 5"
    )
    assert [(g.name, g.rows, g.rate, g.status) for g in result.groups] == [
        ("first", 10, 0.8, "passed"),
        ("second", 8, 0.625, "passed"),
        ("parts", 5, 1.0, "passed"),
    ]
    assert answer(made, "parts", check="guard.keep_rate", min_value=0.51).status == "failed"
    assert answer(made, "parts", check="guard.keep_rate", max_value=0.49).failed == 1


def test_the_base_is_a_dataset_or_a_version_on_the_way(made: Any, answer: Answer) -> None:
    result = answer(made, "parts", check="guard.keep_rate", min_value=0.6, against="some")
    assert result.message == "5 of 8 rows of some@v1 are kept (0.625, at least 0.6): second 5 of 8, parts 5 of 5"
    assert answer(made, "parts", check="guard.keep_rate", min_value=0.6, against="some@v1").status == "passed"
    with pytest.raises(NotFound, match="parts@v1 was not chosen from lows, but from"):
        answer(made, "parts", check="guard.keep_rate", min_value=0.6, against="lows")


def test_a_split_is_a_base_of_its_own(made: Any, answer: Answer) -> None:
    with made.open() as registry:
        rows = len(registry.open_version("parts", "test"))
    result = answer(made, "tests", check="guard.keep_rate", min_value=1, against="parts")
    assert result.message == f"{rows} of {rows} rows of parts@v1 (test) are kept (1, at least 1)"


def test_a_sample_of_several_bases_counts_once(made: Any, answer: Answer) -> None:
    """`some` and `lows` share four of the ten rows."""
    result = answer(made, "mixed", check="guard.keep_rate", min_value=0.1)
    with made.open() as registry:
        kept = len(registry.open_version("mixed"))
    assert result.numbers == {"keep_rate": kept / 10}
    assert f"{kept} of 10 rows of rows@v1 are kept" in result.message


def test_what_was_not_selected_has_no_rate(made: Any, answer: Answer) -> None:
    result = answer(made, "rows", check="guard.keep_rate", min_value=0.5)
    assert (result.status, result.examined) == ("insufficient", 0)


def test_bounds_are_needed(made: Any, answer: Answer) -> None:
    with pytest.raises(UsageError, match="needs 'min_value', 'max_value' or both"):
        answer(made, "parts", check="guard.keep_rate")
