"""Since a version: of checks that judge each row by itself only what changed counts, and the report says so."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from mmreg.errors import NotFound

CHECKS = """
{check: range, column: n, max_value: 5}
{check: unique, column: n}
{check: row_count, min_value: 9}
"""


def test_only_fragments_that_changed_count(notes: Callable[..., Any]) -> None:
    made = notes()
    made.declare({"notes": CHECKS})
    made.apply()
    first = made.open().open_version("notes@latest").ref
    made.rows["notes"] |= {"more": ("more", 4), "most": ("most", 6)}
    made.apply()
    (report,) = made.open().validate("notes@latest", since={"notes": first})
    of_rows, of_all, of_version = report.results
    assert (of_rows.examined, of_rows.failed, of_rows.population, of_rows.interval) == (2, 1, 10, None)
    assert of_rows.message == (
        f"1 of 2 values are above 5 (50%), among 2 of 10 rows, in whose fragments something changed since {first}"
    )
    assert (of_all.examined, of_all.failed, of_all.population) == (10, 2, None), "4 and 6 were there before"
    assert (of_version.status, of_version.population) == ("passed", None)
    assert made.open().catalog.run(report.run).facets["validation"]["since"]
    (whole,) = made.open().validate("notes@latest")
    assert (whole.results[0].failed, whole.results[0].reused) == (3, 2), "only what was looked at is known"
    (again,) = made.open().validate("notes@latest", since={"notes": first})
    assert again.results[0].message == of_rows.message and again.results[0].reused == 2
    (all_known,) = made.open().validate("notes@latest")
    assert all_known.results[0].reused == 10, "a look at a part does not forget the rest"


def test_where_nothing_changed_nothing_is_examined(notes: Callable[..., Any]) -> None:
    made = notes()
    made.declare({"kept": CHECKS.replace("9", "1")})
    made.apply()
    first = made.open().open_version("kept@latest").ref
    made.rows["notes"]["low"] = ("not kept", 0)
    made.apply()
    (report,) = made.open().validate("kept@latest", since={"kept": first})
    result = report.results[0]
    assert (result.status, result.examined, result.population) == ("passed", 0, report.rows)
    assert result.message == f"nothing to examine: no fragment changed since {first}"
    with pytest.raises(NotFound, match="no such version"):
        made.open().validate("kept@latest", since={"kept": "kept@v9"})


def test_a_sample_of_what_changed(notes: Callable[..., Any]) -> None:
    made = notes(notes={f"r{number}": ("text", number) for number in range(400)})
    made.declare({"notes": "{check: range, column: n, max_value: 9000, sample: 50}"})
    made.apply()
    first = made.open().open_version("notes@latest").ref
    made.rows["notes"] |= {f"s{number}": ("text", number) for number in range(300)}
    made.apply()
    (report,) = made.open().validate("notes@latest", since={"notes": first})
    result = report.results[0]
    assert 0 < result.examined < 60 and result.population == 700
    assert f"among {result.examined} sampled of 700 rows" in result.message
