"""Names as parameters, and what the shell offers when somebody presses Tab."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from click.shell_completion import ShellComplete

from mmreg.cli.main import main
from mmreg.cli.names import MODEL, NODE, REF, Assignment
from mmreg.errors import UsageError
from mmreg.schemas.refs import ModelRef, NodeRef, VersionRef

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Place


def offered(place: Path, *words: str) -> list[str]:
    shell = ShellComplete(main, {}, "mmreg", "_MMREG_COMPLETE")
    return [item.value for item in shell.get_completions(["-C", str(place), *words[:-1]], words[-1])]


def test_what_is_typed_becomes_a_value() -> None:
    assert REF.convert("pairs@v2", None, None) == VersionRef("pairs", "v2")
    assert MODEL.convert("clip@champion", None, None) == ModelRef("clip", "champion")
    assert NODE.convert("model:clip", None, None) == NodeRef("model", "clip")
    assert REF.convert(VersionRef("pairs"), None, None) == VersionRef("pairs")


@pytest.mark.parametrize("text", ["r@1", "=0.5", "r@1=", "r@1=high"])
def test_a_metric_is_a_name_and_a_number(text: str) -> None:
    assert Assignment(float).convert("r@1=0.5", None, None) == ("r@1", 0.5)
    with pytest.raises(UsageError, match="is not NAME=VALUE with VALUE a number"):
        Assignment(float).convert(text, None, None)


def test_a_setting_may_hold_an_equals_sign() -> None:
    assert Assignment(str).convert("schedule=a=b", None, None) == ("schedule", "a=b")


def test_datasets_and_versions_are_offered(applied: Place) -> None:
    assert offered(applied.folder, "show", "") == ["pairs", "train"]
    assert offered(applied.folder, "log", "p") == ["pairs"]
    assert offered(applied.folder, "head", "pairs@") == ["pairs@latest", "pairs@v2", "pairs@v1"]
    assert offered(applied.folder, "head", "nothing@v") == []
    assert offered(applied.folder / "images", "diff", "pairs@v1", "tr") == ["train"]


def test_models_are_offered(project: Place, weights: Path) -> None:
    digest = project.json("model", "add", str(weights), "clip", "--alias", "champion")["digest"]
    assert offered(project.folder, "model", "show", "clip@") == ["clip@champion", f"clip@{digest[:12]}"]
    assert offered(project.folder, "lineage", "up", "model:cl") == [
        "model:clip@champion",
        f"model:clip@{digest[:12]}",
    ]


def test_commands_are_offered(tmp_path: Path) -> None:
    assert offered(tmp_path, "val") == ["validate"]
    assert offered(tmp_path, "lineage", "p") == ["path"]
    assert {"boost", "down", "up"} <= {*offered(tmp_path, "lineage", "")}


def test_tab_creates_nothing_and_complains_about_nothing(tmp_path: Path) -> None:
    assert offered(tmp_path, "show", "") == []
    (tmp_path / "mmreg.yaml").write_text("catalog: sqlite:///elsewhere/index.db\n")
    assert offered(tmp_path, "show", "") == []
    assert [path.name for path in tmp_path.iterdir()] == ["mmreg.yaml"]
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "index.db").mkdir()
    assert offered(tmp_path, "show", "") == []


def test_an_index_elsewhere_is_found(project: Place) -> None:
    declaration = project.folder / "mmreg.yaml"
    declaration.write_text("catalog: 'sqlite:///index.db'  # moved\n" + declaration.read_text())
    project.text("ls")
    assert offered(project.folder, "show", "") == ["pairs", "train"]


def test_the_shell_s_own_way_in(applied: Place) -> None:
    words = {
        "COMP_WORDS": f"mmreg -C {applied.folder} show tr",
        "COMP_CWORD": "4",
        "_MMREG_COMPLETE": "bash_complete",
    }
    ended = subprocess.run(
        [sys.executable, "-m", "mmreg"],
        env={**os.environ, **words},
        capture_output=True,
        text=True,
        check=True,
    )
    assert ended.stdout == "plain,train\n"
