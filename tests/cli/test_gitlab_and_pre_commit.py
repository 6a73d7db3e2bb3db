"""ci/gitlab.yml and .pre-commit-hooks.yaml: well-formed, and what they run does what it says."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import pytest
from ruamel.yaml import YAML

from mmreg.cli.main import main

if TYPE_CHECKING:
    from tests.cli.conftest import Place

ROOT = Path(__file__).parents[2]
JOBS = YAML(typ="safe").load((ROOT / "ci" / "gitlab.yml").read_text("utf-8"))
HOOKS = {hook["id"]: hook for hook in YAML(typ="safe").load((ROOT / ".pre-commit-hooks.yaml").read_text("utf-8"))}
PATH = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"


def job(name: str) -> dict[str, Any]:
    """A job with what it extends: maps are merged, anything else is replaced."""
    own = dict(JOBS[name])
    base = job(own.pop("extends")) if "extends" in own else {}
    merged = {key: {**base[key], **own[key]} for key in base.keys() & own.keys() if isinstance(own[key], dict)}
    return {**base, **own, **merged}


def run(repository: Path, name: str = ".mmreg-validate", **variables: str) -> subprocess.CompletedProcess[str]:
    """The lines of a job as a runner's shell gets them, in the checkout ``repository``."""
    found = job(name)
    settings = found["variables"] | {"MMREG_INSTALL": "none", "MMREG_FORMATS": "markdown=mmreg.md junit=mmreg.xml"}
    return subprocess.run(
        ["sh", "-e", "-c", "\n".join([*found["before_script"], *found["script"]])],
        cwd=repository,
        env=os.environ | {"PATH": PATH} | settings | variables,
        capture_output=True,
        text=True,
    )


def make_narrow(project: Place) -> None:
    """One picture is too narrow then."""
    file = project.folder / "mmreg.yaml"
    file.write_text(file.read_text("utf-8").replace("width, min_value: 32", "width, min_value: 48"), "utf-8")


def test_they_are_jobs() -> None:
    checker = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.gitlab-ci"]
    done = subprocess.run(
        [*checker, "--data-transform", "gitlab-ci", ROOT / "ci" / "gitlab.yml"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout
    kept = job(".mmreg-validate-spec")
    assert kept["variables"]["MMREG_OFFLINE"] == "true" and kept["artifacts"]["when"] == "always"
    assert kept["artifacts"]["reports"]["junit"] == f"{kept['variables']['MMREG_REPORTS']}/mmreg.xml"


def test_a_job_is_green_and_red(project: Place) -> None:
    fine = run(project.folder, MMREG_REFS="train")
    assert fine.returncode == 0 and "Passed: 2 passed." in fine.stdout, fine.stderr
    checkout = project.folder.parent
    make_narrow(project)
    broken = run(checkout, MMREG_PROJECT="pictures", MMREG_ONLY="range row_count", MMREG_SINCE="train@v1")
    assert broken.returncode == 1 and "pictures/mmreg.yaml:17" in broken.stdout, broken.stderr
    assert 'failures="1"' in (checkout / "mmreg-reports" / "mmreg.xml").read_text()
    unreadable = run(project.folder, MMREG_LAKE=str(project.folder / "mmreg.yaml"))
    assert unreadable.returncode == 6 and "storage" in (project.folder / "mmreg-reports" / "mmreg.xml").read_text()


def test_the_job_without_the_lake(project: Place) -> None:
    done = run(project.folder, ".mmreg-validate-spec", MMREG_LAKE="s3://nowhere/lake")
    assert done.returncode == 0 and "makes sense" in done.stdout, done.stderr


@pytest.mark.parametrize("hook", HOOKS.values(), ids=list(HOOKS))
def test_they_are_hooks(hook: dict[str, Any]) -> None:
    assert {"id", "name", "entry", "language"} <= hook.keys()
    assert hook["language"] == "python" and hook["pass_filenames"] is False
    assert "files" in hook or hook["always_run"] is True


def test_the_hooks_are_green_and_red(project: Place) -> None:
    entries = {name: shlex.split(hook["entry"]) for name, hook in HOOKS.items()}

    def hooked(name: str, **environment: str) -> int:
        environment = os.environ | {"PATH": PATH} | environment
        return subprocess.run(entries[name], cwd=project.folder, env=environment, capture_output=True).returncode

    assert hooked("mmreg-validate-spec", MMREG_LAKE="s3://nowhere/lake") == 0
    make_narrow(project)
    assert hooked("mmreg-validate") == 1
    file = project.folder / "mmreg.yaml"
    file.write_text(file.read_text("utf-8").replace("column: width", "column: widht"), "utf-8")
    assert hooked("mmreg-validate-spec", MMREG_LAKE="s3://nowhere/lake") == 1


def test_the_page_names_what_there_is() -> None:
    page = (ROOT / "docs" / "ci.md").read_text("utf-8")
    assert set(re.findall(r"^      - id: ([\w-]+)", page, re.MULTILINE)) == set(HOOKS)
    assert set(re.findall(r"`(\.mmreg[\w-]*)`|extends: (\.mmreg[\w-]*)", page)) == {
        (".mmreg-validate-spec", ""), ("", ".mmreg-validate"),
    }  # fmt: skip
    assert {f"MMREG_{name}" for name in re.findall(r"MMREG_(\w+):", page)} <= JOBS[".mmreg-validate"][
        "variables"
    ].keys()
    action = YAML(typ="safe").load((ROOT / "action.yml").read_text("utf-8"))
    rows = re.findall(r"^\| (`[a-z].*?) \|", page, re.MULTILINE)
    named = {name for row in rows for name in re.findall(r"`([\w-]+)`", row)}
    assert named - {"error", "warning", "insufficient", "never"} == set(action["inputs"])
    assert all(f"`{name}`" in page for name in action["outputs"])


def test_the_commands_of_the_page_parse() -> None:
    page = (ROOT / "docs" / "ci.md").read_text("utf-8")
    lines = re.findall(r"^\$ (mmreg .*?)(?:  #.*)?$", page, re.MULTILINE)
    assert len(lines) >= 6
    for line in lines:
        words = [word for word in shlex.split(line)[1:] if word != "--quiet"]
        command = main.get_command(click.Context(main), words[0])
        assert command is not None
        with command.make_context(words[0], words[1:]):
            pass
