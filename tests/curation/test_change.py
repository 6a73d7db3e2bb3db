"""What a changed recipe, and changed code, do to what a pass has made: `on_change`, and drift."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import pytest

from mmreg.curation.plan import plan
from mmreg.curation.status import status
from mmreg.errors import PassFailed
from mmreg.schemas.plan import PlanStep
from mmreg.schemas.refs import VersionRef

CHECKS = "checks:\n  pairs:\n    - {check: lineage.single_generation, column: n_words}\n"


def step(small: Any) -> PlanStep:
    (found,) = (step for step in plan(small.open(), ["words"]).steps if step.kind != "check")
    return found


def declare(small: Any, **keys: str) -> None:
    file = small.folder / "mmreg.yaml"
    lines = file.read_text().partition("checks:")[0].splitlines()
    place = next(number for number, line in enumerate(lines) if line.strip().startswith("words:"))
    added = "".join(f", {name}: {value}" for name, value in keys.items())
    lines[place] = f'  words: {{from: pairs, use: "counted:Words", inputs: {{text: caption}}{added}}}'
    file.write_text("\n".join(lines) + "\n" + CHECKS)


def edit(small: Any, before: str, after: str) -> None:
    """Change the code of the plug-in, as the next process would find it."""
    file = small.folder / "counted.py"
    assert before in file.read_text()
    file.write_text(file.read_text().replace(before, after))
    sys.modules.pop("counted", None)


def new_recipe(small: Any) -> None:
    """The next version of the pass, whose answers are others."""
    edit(small, "len(text.split()) if", "len(text.split()) * 10 if")
    edit(small, 'version = "1"', 'version = "2"')


def counts(small: Any) -> dict[str, int]:
    rows = small.open().query("pairs@latest", columns=["caption", "n_words"])
    return {row["caption"]: row["n_words"] for row in rows}


def generations(small: Any) -> list[int]:
    """Rows by generation, sorted."""
    (words,) = (found for found in status(small.open()).passes if found.name == "words")
    return sorted(words.generations.values())


@pytest.fixture
def small(project: Callable[..., Any]) -> Any:
    made = project(images=0)
    for number in range(5):
        made.draw(f"{number}", f"number {number}")
    declare(made)
    made.apply("pairs", "words")
    return made


def test_a_new_version_computes_all_anew_and_leaves_the_old_one_pure(small: Any) -> None:
    old = small.open().show("pairs@latest").ref
    new_recipe(small)
    assert (step(small).action, step(small).rows) == ("run", 5)
    small.apply("words")
    assert len(small.calls()) == 10
    assert set(counts(small).values()) == {20}
    assert {row["n_words"] for row in small.open().query(old, columns=["n_words"])} == {2}
    for ref in (old, "pairs@latest"):
        assert small.open().validate(VersionRef.parse(ref))[0].ok


def test_backfill_computes_what_is_missing_and_the_mix_is_seen(small: Any) -> None:
    declare(small, on_change="backfill")
    new_recipe(small)
    assert (step(small).action, step(small).rows) == ("nothing", 0)
    small.draw("new", "one more than that")
    small.draw("0", "changed from what it was")
    small.apply("pairs")
    assert step(small).rows == 2
    small.apply("words")
    assert sorted(small.calls()[5:]) == ["Words changed from what it was", "Words one more than that"]
    assert sorted(counts(small).values()) == [2, 2, 2, 2, 40, 50]
    assert generations(small) == [2, 4]
    (report,) = small.open().validate(VersionRef.parse("pairs@latest"))
    assert not report.ok and report.results[0].failed == 2
    assert step(small).action == "nothing"
    declare(small)
    assert (step(small).rows, small.apply("words").steps[0].computed) == (4, 4)
    assert generations(small) == [6]


def test_freeze_computes_nothing_while_the_recipe_differs(small: Any) -> None:
    declare(small, on_change="freeze")
    small.draw("new", "one more")
    small.apply("pairs", "words")
    assert len(small.calls()) == 6, "the recipe is what it was"
    new_recipe(small)
    small.draw("newer", "yet another")
    small.apply("pairs")
    assert step(small).action == "stale"
    assert "6 rows are of another recipe" in step(small).reason
    assert small.apply("words").steps[0].outcome == "stale"
    assert len(small.calls()) == 6
    edit(small, 'version = "2"', 'version = "1"')
    small.apply("words")
    assert len(small.calls()) == 7


def test_fail_says_so_and_stops(small: Any) -> None:
    declare(small, on_change="fail")
    assert step(small).action == "nothing"
    new_recipe(small)
    assert (step(small).action, step(small).rows) == ("run", 0)
    assert "5 rows are of another recipe, and on_change is 'fail'" in step(small).reason
    with pytest.raises(PassFailed, match="its recipe changed since it made 5 rows") as told:
        small.apply("words")
    assert told.value.exit_status == 1
    assert len(small.calls()) == 5


def test_a_comment_computes_nothing_and_is_shown_until_somebody_takes_note(small: Any) -> None:
    assert not plan(small.open()).drifted
    edit(small, "def note(line):", "# a comment\ndef note(line):")
    found = step(small)
    assert (found.action, found.rows, found.drifted) == ("nothing", 0, True)
    assert "its code changed and its version did not" in found.notes[0]
    small.apply()
    assert len([call for call in small.calls() if call.startswith("Words")]) == 5
    assert step(small).drifted, "nobody has named the pass"
    small.apply("words")
    assert not step(small).drifted
    assert (step(small).action, len(small.calls())) == ("nothing", 5 + len(counts(small)) * 2)


def test_code_that_went_with_a_new_version_is_no_drift(small: Any) -> None:
    new_recipe(small)
    assert not step(small).drifted
    small.apply("words")
    assert not step(small).drifted


def test_drift_ends_where_rows_were_computed_with_the_new_code(small: Any) -> None:
    edit(small, "def note(line):", "# a comment\ndef note(line):")
    small.draw("new", "one more")
    small.apply("pairs", "words")
    assert len(small.calls()) == 6
    assert not step(small).drifted
