"""`mmreg gc`: what it says, what it does, and what is said of it afterwards."""

from __future__ import annotations

from typing import Any


def twice(project: Any, *, keep_days: int) -> None:
    """Two versions of each dataset's history that only retention could keep."""
    file = project.folder / "mmreg.yaml"
    file.write_text(file.read_text("utf-8").replace("width >= 48", "width >= 64"), "utf-8")
    text = file.read_text("utf-8").replace(
        "project: pictures\n", f"project: pictures\nretention: {{keep_days: {keep_days}}}\n"
    )
    file.write_text(text, "utf-8")
    project.text("apply", "--quiet")


def test_it_plans_unless_told_to_do_it(project: Any) -> None:
    twice(project, keep_days=0)
    planned = project.call("gc")
    assert planned.exit_code == 0
    lines = planned.stdout.splitlines()
    assert lines[0].split() == ["VERSION", "ITS", "OWN", "SHARED", "WHY"]
    assert any(line.split()[:2] == ["train@v1", "goes"] and line.endswith("nothing needs it") for line in lines)
    assert any(line.split()[:2] == ["train@v2", "kept"] and line.endswith("the newest version") for line in lines)
    assert lines[-1].startswith("2 versions kept, 2 to remove, ")
    assert planned.stderr == "Do it with: mmreg gc --apply\n"
    answer = project.json("gc")
    assert project.json("gc", "--plan") == answer
    assert (answer["applied"], answer["kept"], answer["removed"]) == (False, 2, 2)
    done = project.json("gc", "--apply")
    assert done == {**answer, "applied": True, "runs": done["runs"]}
    assert len(done["runs"]) == 2
    again = project.text("gc", "--apply", "--quiet")
    assert again.endswith("2 versions kept, 0 removed, 0 B in all.\n")


def test_what_went_is_told_by_log_and_by_reading_it(project: Any) -> None:
    twice(project, keep_days=0)
    (run,) = project.json("gc", "train", "--apply")["runs"]
    assert [entry["removed_by"] for entry in project.json("log", "train")] == ["", run]
    assert f" by {run}" in project.text("log", "train")
    for command in ("show", "head"):
        failed = project.call(command, "train@v1")
        assert failed.exit_code == 3
        assert f"train@v1 was removed from the lake by run {run} at " in failed.stderr
        assert "Try: mmreg log train" in failed.stderr


def test_retention_keeps_and_says_so(project: Any) -> None:
    twice(project, keep_days=7)
    told = project.text("gc")
    assert "the newest within 7 days" in told
    assert "4 versions kept, 0 to remove, 0 B in all." in told
    assert project.call("gc").stderr == ""


def test_leftovers_are_told_with_what_they_wait_for(project: Any) -> None:
    left = project.folder / ".mmreg" / "lake" / "pairs.lance" / "data" / "0101.lance"
    left.write_bytes(b"left")
    told = project.text("gc", "pairs")
    assert "files that no version names (younger than a week)" in told
    assert [entry["waiting"] for entry in project.json("gc", "pairs")["leftovers"]] == [True]


def test_an_unknown_dataset_is_told(project: Any) -> None:
    failed = project.call("gc", "pair")
    assert failed.exit_code == 3
    assert "no dataset 'pair' in the lake; did you mean 'pairs'?" in failed.stderr
