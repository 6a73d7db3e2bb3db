"""`mmreg checks`: what there is, and one of your own."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from mmreg.cli.main import main
from mmreg.validators.built_in import BUILT_IN

if TYPE_CHECKING:
    from tests.cli.conftest import Place


def test_all_are_listed_in_80_columns(applied: Place) -> None:
    listed = {one["name"]: one for one in applied.json("checks")}
    assert set(BUILT_IN) <= listed.keys()
    assert all(one["fault"] is None and one["demands"] and one["source"] == "mmreg" for one in listed.values())
    text = applied.text("checks")
    assert all(name in text for name in BUILT_IN) and "reads media" in text and "judges each row" in text
    assert all(len(line) <= 80 for line in text.splitlines())


def test_also_outside_of_a_project(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["-C", str(tmp_path), "checks"])
    assert result.exit_code == 0 and "not_null" in result.stdout


def test_one_of_your_own_is_begun_declared_and_listed(project: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", list(sys.path))
    made = project.json("checks", "new", "some_words")
    assert (made["module"], made["test"]) == ("some_words.py", "test_some_words.py")
    refused = project.call("checks", "new", "some_words")
    assert refused.exit_code == 2 and "is there already" in refused.stderr
    file = project.folder / "mmreg.yaml"
    line = made["declaration"].splitlines()[-1]
    file.write_text(f"{file.read_text('utf-8')}{line}\n", encoding="utf-8")
    answer = project.json("validate", "pairs", "--only", "some_words*")
    (result,) = answer["reports"][0]["results"]
    assert (result["check"], result["status"]) == ("some_words:SomeWords", "passed")
    listed = project.json("checks")
    assert [one["source"] for one in listed if one["name"] == "some_words:SomeWords"] == ["beside mmreg.yaml"]
