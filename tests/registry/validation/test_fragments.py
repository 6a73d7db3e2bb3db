"""What was seen of a fragment is not looked at again, and the answer is that of a full run, whatever happens."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import lance
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from mmreg.schemas.check import ValidationReport
from mmreg.schemas.erasure import Asked

CHECKS = """
{check: not_null, column: text}
{check: range, column: n, min_value: 2, max_value: 5, max_failure_rate: 0.25}
{check: unique, column: text}
{check: range, column: n, max_value: 4, examples: 1}
{check: row_count, min_value: 3}
"""
ALL = {"notes": CHECKS, "kept": CHECKS, "both": CHECKS}


def test_what_was_seen_is_not_looked_at_again(notes: Callable[..., Any]) -> None:
    made = notes()
    made.declare({"notes": CHECKS})
    made.apply()
    (first,) = made.open().validate("notes@latest")
    assert [result.reused for result in first.results] == [0, 0, 0, 0, 0]
    (second,) = made.open().validate("notes@latest")
    assert [result.reused for result in second.results] == [8, 8, 0, 8, 0], "unique sees all rows, row_count none"
    assert said(second) == said(first)
    made.rows["notes"]["more"] = ("one more", 3)
    made.apply()
    (third,) = made.open().validate("notes@latest")
    assert [(result.reused, result.examined) for result in third.results[:2]] == [(8, 9), (8, 9)]


def test_values_of_examples_are_read_again_and_kept_nowhere(notes: Callable[..., Any]) -> None:
    made = notes(notes={f"r{number}": ("planted words", 9_000 + number) for number in range(4)})
    made.declare({"notes": "{check: range, column: n, max_value: 9001}"})
    made.apply()
    reports = [made.open().validate("notes@latest")[0] for _ in range(2)]
    assert [result.reused for report in reports for result in report.results] == [0, 4]
    for report in reports:
        shown = report.results[0].examples
        assert sorted((one["value"], one["reason"]) for one in shown) == [
            ("9002", "above 9001"),
            ("9003", "above 9001"),
        ]
    run = made.open().catalog.run(reports[1].run)
    assert "9002" not in run.to_json() and "9003" not in run.to_json()


def test_arguments_and_columns_make_it_another_check(notes: Callable[..., Any]) -> None:
    made = notes()
    made.declare({"notes": "{check: range, column: n, max_value: 4}"})
    made.apply()
    made.open().validate("notes@latest")
    for line, reused in [
        ("{check: range, column: n, max_value: 5}", 0),
        ("{check: range, column: n, max_value: 4, severity: warning, max_failure_rate: 0.5, name: small}", 8),
        ("{check: range, column: n, max_value: 4, examples: 9}", 0),
    ]:
        made.declare({"notes": line})
        (report,) = made.open().validate("notes@latest")
        assert report.results[0].reused == reused, line
    lance.dataset(str(made.folder / "lake" / "notes.lance")).update({"n": "77"}, where="n = 7")
    (report,) = made.open().validate("notes@latest")
    assert "77" in {one["value"] for one in report.results[0].examples}


def test_two_columns_that_change_names_change_answers(notes: Callable[..., Any]) -> None:
    made = notes()
    made.declare({"notes": "{check: not_null, column: text}"})
    made.apply()
    assert not made.open().validate("notes@latest")[0].ok
    table = lance.dataset(str(made.folder / "lake" / "notes.lance"))
    names: list[Any] = [{"path": "text", "name": "former"}, {"path": "name", "name": "text"}]
    table.alter_columns(*names)
    (report,) = made.open().validate("notes@latest")
    assert report.ok and report.results[0].reused == 0, "one file holds both columns, under other numbers"


def test_what_was_kept_and_is_lost_is_looked_at_again(notes: Callable[..., Any]) -> None:
    made = notes()
    made.declare({"notes": CHECKS})
    made.apply()
    (first,) = made.open().validate("notes@latest")
    seen = made.open().catalog.run(first.run).facets["validation"]["seen"]
    assert len(seen) == 3
    for digest in seen.values():
        (made.folder / "lake" / "_mmreg" / "objects" / digest[:2] / digest).write_bytes(b"no longer")
    (again,) = made.open().validate("notes@latest")
    assert (said(again), again.results[0].reused) == (said(first), 0)


def test_branches_that_are_validated_in_turn_both_reuse(notes: Callable[..., Any]) -> None:
    made = notes()
    made.declare({"notes": CHECKS, "kept": CHECKS})
    made.apply()
    for least in (3, 4, 3, 4):
        made.declare({"notes": CHECKS, "kept": CHECKS}, least)
        made.apply()
        (report,) = made.open().validate("kept@latest")
    assert report.results[0].reused == report.results[0].examined > 0


def test_rows_that_were_erased_and_came_back_with_a_backup_are_not_checked(
    notes: Callable[..., Any], in_full: Callable[..., Any], plain: Callable[..., Any]
) -> None:
    made = notes()
    made.declare(ALL)
    made.apply()
    made.open().validate()
    lake, backup = made.folder / "lake", made.folder / "backup"
    shutil.copytree(lake, backup)
    del made.rows["notes"]["r7"]
    made.open().erase(Asked("notes", where="name = 'r7'"), reason="asked for")
    shutil.copytree(lake / "_mmreg" / "erasures", backup / "_mmreg" / "erasures")
    shutil.rmtree(lake)
    shutil.rmtree(made.folder / ".mmreg")
    backup.rename(lake)
    for name, rows in (("notes", 7), ("kept", 4), ("both", 15)):
        (report,) = made.open().validate(f"{name}@v1")
        assert (report.rows, report.results[0].examined) == (rows, rows)
        assert plain(report) == in_full(made.open(), f"{name}@v1")


def test_incremental_is_full(
    tmp_path: Path, notes: Callable[..., Any], in_full: Callable[..., Any], plain: Callable[..., Any]
) -> None:
    numbers = count()
    names = st.sampled_from("abcdefgh")
    cells = st.tuples(st.none() | st.text("xyz", min_size=1, max_size=2), st.none() | st.integers(0, 7))

    class Life(RuleBasedStateMachine):
        def __init__(self) -> None:
            super().__init__()
            self.made = notes(f"life{next(numbers)}")
            self.least = 3
            self.made.declare(ALL)
            self.check()

        @rule(root=st.sampled_from(["notes", "others"]), rows=st.dictionaries(names, cells, min_size=1, max_size=3))
        def append_or_edit(self, root: str, rows: Any) -> None:
            self.made.rows[root] |= {f"o{name}" if root == "others" else name: cells for name, cells in rows.items()}
            self.check()

        @precondition(lambda self: len(self.made.rows["notes"]) > 3)
        @rule(data=st.data())
        def remove(self, data: st.DataObject) -> None:
            del self.made.rows["notes"][data.draw(st.sampled_from(sorted(self.made.rows["notes"])))]
            self.check()

        @rule(least=st.integers(1, 5))
        def select_others(self, least: int) -> None:
            self.least = least
            self.made.declare(ALL, least)
            self.check()

        @rule()
        def compact(self) -> None:
            self.made.open().compact(["notes"])
            self.check()

        @precondition(lambda self: len(self.made.rows["notes"]) > 4)
        @rule(data=st.data())
        def erase(self, data: st.DataObject) -> None:
            name = data.draw(st.sampled_from(sorted(self.made.rows["notes"])))
            del self.made.rows["notes"][name]
            self.made.open().erase(Asked("notes", where=f"name = '{name}'"), reason="asked for")
            self.check()

        def check(self) -> None:
            self.made.apply()
            for report in self.made.open().validate():
                assert plain(report) == in_full(self.made.open(), report.version), report.version
                again = self.made.open().validate(f"{report.dataset}@latest")[0]
                assert plain(again) == plain(report)
                assert [one.reused for one in again.results if one.column == "n"] == [again.rows] * 2

        def teardown(self) -> None:
            shutil.rmtree(self.made.folder)

    run_state_machine_as_test(
        Life,
        settings=settings(
            max_examples=2,
            stateful_step_count=5,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )


def said(report: ValidationReport) -> list[tuple[Any, ...]]:
    return [(one.check, one.status, one.examined, one.failed, one.message, one.examples) for one in report.results]
