"""Two people, one lake: nobody's apply undoes what somebody else has declared, unseen."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mmreg.curation.apply import apply
from mmreg.curation.plan import plan
from mmreg.errors import Conflict

Two = tuple[Any, Any]


@pytest.fixture
def two(project: Callable[..., Any], tmp_path: Path) -> Two:
    """The folders of two people, applied by the first and seen by the second."""
    first = project(lake=str(tmp_path / "lake"))
    first.apply()
    second = first.copy(tmp_path / "second")
    shutil.rmtree(second.folder / ".mmreg")
    second.apply()
    return first, second


def edit(project: Any, old: str, new: str) -> None:
    file = project.folder / "mmreg.yaml"
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new))


def words(project: Any) -> int:
    return project.open().show("train@latest").rows


def test_an_older_declaration_does_not_undo_a_newer_one(two: Two) -> None:
    first, second = two
    edit(first, "n_words >= 2", "n_words >= 3")
    first.apply()
    assert words(first) == 4
    step = next(step for step in plan(second.open()).steps if step.name == "keep")
    assert step.action == "run" and "select keep was declared differently by run " in step.notes[0]
    with pytest.raises(
        Conflict, match=r"select keep was declared differently by run .*, which this project has not"
    ) as no:
        second.apply("keep")
    assert no.value.exit_status == 4 and str(no.value.hint).endswith("mmreg apply keep --force")
    assert words(second) == 4
    edit(second, "n_words >= 2", "n_words >= 3")  # pulled
    assert not second.apply("keep").changed
    edit(second, "n_words >= 3", "n_words >= 1")
    second.apply("keep")
    assert words(second) == 6
    with pytest.raises(Conflict):
        first.apply("keep")


def test_force_is_for_who_knows(two: Two) -> None:
    first, second = two
    edit(first, "n_words >= 2", "n_words >= 1")
    first.apply("keep")
    assert apply(second.open(), ["keep"], force=True).changed
    assert words(second) == 4
    edit(second, "n_words >= 2", "n_words < 2")
    assert second.apply("keep").changed, "what was overruled has been seen"


def test_what_was_not_declared_differently_is_free(two: Two) -> None:
    first, second = two
    edit(first, "n_words >= 2", "n_words >= 3")
    first.apply()
    second.draw("new", "three new words")
    assert [step.name for step in apply(second.open(), ["pairs", "words", "light"]).steps] == [
        "pairs",
        "light",
        "words",
    ]
    assert not plan(second.open(), ["words"]).pending


def test_a_fresh_checkout_takes_the_lake_as_it_is(two: Two) -> None:
    """As in CI, where the declaration was changed and nobody has applied it yet: Git has seen the change."""
    first, second = two
    shutil.rmtree(second.folder / ".mmreg")
    edit(second, 'use: "counted:Words", inputs', 'use: "counted:Words", params: {slow: true}, inputs')
    assert second.apply("words").changed
    with pytest.raises(Conflict, match="pass words was declared differently"):
        first.apply("words")


def test_the_code_of_a_pass_is_part_of_its_declaration(two: Two) -> None:
    first, second = two
    code = first.folder / "counted.py"
    code.write_text(code.read_text().replace('version = "1"', 'version = "2"', 1))
    out, err = first.python("import mmreg; print(mmreg.apply(mmreg.Registry.open(), ['light']).changed)").communicate()
    assert out == "True\n", err
    out, err = second.python("import mmreg; mmreg.apply(mmreg.Registry.open(), ['light'])").communicate()
    assert "pass light was declared differently by run" in err, "an older checkout would compute all anew"


def test_another_lake_is_another_matter(two: Two, tmp_path: Path) -> None:
    first, _ = two
    from mmreg.registry.lake import Lake

    edit(first, str(tmp_path / "lake"), str(tmp_path / "other"))
    edit(first, "n_words >= 2", "n_words >= 3")
    Lake.create(str(tmp_path / "other"), {})
    assert first.apply().changed


def test_of_two_at_once_one_is_told(two: Two) -> None:
    first, second = two
    edit(first, "n_words >= 2", "n_words >= 1")
    edit(second, "n_words >= 2", "n_words < 2")
    script = """
        import sys, mmreg
        registry = mmreg.Registry.open()
        print("ready", flush=True)
        sys.stdin.readline()
        print(mmreg.apply(registry, ["keep"]).changed)
    """
    processes = [first.python(script), second.python(script)]
    assert [process.stdout.readline() for process in processes] == ["ready\n", "ready\n"]
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    told = [process.communicate() for process in processes]
    assert sorted(out for out, _ in told) == ["", "True\n"]
    assert sum("select keep was declared differently by run" in err for _, err in told) == 1
    winner = 0 if told[0][0] else 1
    assert words(first) == (6 if winner == 0 else 2)


@pytest.mark.parametrize("nullable", ["nullable: true", "nullable: false"])
def test_a_renamed_column_does_not_come_back_by_an_older_file(two: Two, nullable: str) -> None:
    first, second = two
    for project in two:
        edit(project, "caption: {type: text, nullable: true}", f"caption: {{type: text, {nullable}}}")
    edit(first, "caption: {type: text", "text: {renamed_from: caption, type: text")
    edit(first, "{text: caption}", "{text: text}")
    edit(first, "column: caption", "column: text")
    first.apply("pairs")
    with pytest.raises(Conflict, match="ingest pairs was declared differently by run"):
        second.apply("pairs")
    if nullable == "nullable: false":
        with pytest.raises(Conflict):
            plan(second.open())
    assert "caption" not in [column.name for column in second.open().show("pairs@latest").columns]
