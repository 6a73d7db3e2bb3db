"""action.yml: well-formed, and its steps do in a shell what a runner would have them do."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ruamel.yaml import YAML

if TYPE_CHECKING:
    from tests.cli.conftest import Place

ROOT = Path(__file__).parents[2]
ACTION = YAML(typ="safe").load((ROOT / "action.yml").read_text("utf-8"))
NEEDED = {"formats": "markdown=mmreg.md junit=mmreg.xml", "install": "none"}


@dataclass(frozen=True)
class Ran:
    """What a runner sees of a job: its exit status, its log, its summary, its outputs."""

    status: int
    log: str
    summary: str
    outputs: dict[str, str]


def run(repository: Path, environment: dict[str, str] | None = None, **given: str) -> Ran:
    """The action's steps in the checkout ``repository``, with inputs ``given`` (``fail_on`` is fail-on)."""
    inputs = {name: about["default"] for name, about in ACTION["inputs"].items()} | NEEDED
    inputs |= {name.replace("_", "-"): value for name, value in given.items()}
    files = {name: repository.parent / name for name in ("GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT")}
    for file in files.values():
        file.write_text("")
    known = {f"inputs.{name}": value for name, value in inputs.items()} | {"github.action_path": str(ROOT)}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    status, log = 0, ""
    for step in ACTION["runs"]["steps"]:
        if step.get("if") == "inputs.install != 'none'" and inputs["install"] == "none":
            continue
        settings = {name: filled(value, known) for name, value in step["env"].items()}
        ended = subprocess.run(
            ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", step["run"]],
            cwd=repository,
            env=os.environ | {"PATH": path} | {k: str(v) for k, v in files.items()} | settings | (environment or {}),
            capture_output=True,
            text=True,
        )
        status, log = ended.returncode, log + ended.stdout + ended.stderr
        if status:
            break
    lines = files["GITHUB_OUTPUT"].read_text().splitlines()
    outputs = dict(line.split("=", 1) for line in lines)
    return Ran(status, log, files["GITHUB_STEP_SUMMARY"].read_text(), outputs)


def filled(text: str, known: dict[str, str]) -> str:
    """``text`` with its ``${{ ... }}`` as a runner fills them in."""
    return re.sub(r"\$\{\{ ([\w.-]+) \}\}", lambda found: known[found[1]], text)


def test_it_is_an_action() -> None:
    checker = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-actions"]
    done = subprocess.run([*checker, ROOT / "action.yml"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_no_input_is_part_of_a_script() -> None:
    for step in ACTION["runs"]["steps"]:
        assert "${{" not in step["run"] and step["shell"] == "bash"
    used = {name for step in ACTION["runs"]["steps"] for value in step["env"].values()
            for name in re.findall(r"inputs\.([\w-]+)", value)}  # fmt: skip
    assert used == set(ACTION["inputs"])
    assert all(about["description"] and isinstance(about["default"], str) for about in ACTION["inputs"].values())


def test_what_holds_is_green(project: Place) -> None:
    ran = run(project.folder, install="pip", refs="train", formats=ACTION["inputs"]["formats"]["default"])
    assert (ran.status, ran.outputs) == (0, {"status": "0", "reports": "mmreg-reports"})
    assert "::error" not in ran.log and "Passed: 2 passed." in ran.log
    assert "train@v1" in ran.summary and "| version |" in ran.summary
    written = {file.name: file.read_text() for file in (project.folder / "mmreg-reports").iterdir()}
    assert written.keys() == {"mmreg.md", "mmreg.xml", "mmreg.sarif", "mmreg.html"}
    assert "<testsuites" in written["mmreg.xml"] and "<html" in written["mmreg.html"]


def test_what_is_broken_is_red_on_its_line(project: Place) -> None:
    checkout, file = project.folder.parent, project.folder / "mmreg.yaml"
    file.write_text(file.read_text("utf-8").replace("width, min_value: 32", "width, min_value: 48"), "utf-8")
    ran = run(checkout, project="pictures", only="range not_*", fail_on="error")
    assert (ran.status, ran.outputs["status"]) == (1, "1")
    lines = file.read_text("utf-8").splitlines()
    declared = next(number for number, line in enumerate(lines, 1) if "check: range" in line)
    assert re.search(rf"^::error file=pictures/mmreg\.yaml,line={declared},col=\d+,title=", ran.log, re.MULTILINE)
    assert "1 of 6 values are outside 48 to 4096" in ran.summary
    assert 'failures="1"' in (checkout / "mmreg-reports" / "mmreg.xml").read_text()


def test_a_lake_that_cannot_be_read_is_red_otherwise(project: Place) -> None:
    ran = run(project.folder, {"MMREG_LAKE": str(project.folder / "mmreg.yaml")})
    assert (ran.status, ran.outputs["status"]) == (6, "6")
    assert "::error " in ran.log and "Not a directory" in ran.summary


def test_without_secrets_the_declaration_is_looked_at(project: Place) -> None:
    file = project.folder / "mmreg.yaml"
    remote = 'lake: {uri: "s3://nowhere/lake", options: {aws_secret_access_key: "env:NOT_IN_A_FORK"}}\n'
    file.write_text(file.read_text("utf-8").replace("project: pictures\n", f"project: pictures\n{remote}"), "utf-8")
    file.write_text(file.read_text("utf-8").replace("check: row_count", "check: row_cuont"), "utf-8")
    ran = run(project.folder, offline="true")
    assert ran.status == 1 and "::error file=mmreg.yaml," in ran.log and "row\\_cuont" in ran.summary


def test_a_name_is_never_run(project: Place, tmp_path: Path) -> None:
    bad = f"$(touch {tmp_path}/owned)"
    assert run(project.folder, refs=bad, only=bad, since=f"{bad} ; touch owned", baseline=bad).status in (2, 3)
    assert run(project.folder, refs="--help").status == 2
    assert not (tmp_path / "owned").exists() and not (project.folder / "owned").exists()


def test_by_default_it_installs_the_mmreg_that_it_came_with(tmp_path: Path) -> None:
    shown = tmp_path / "python"
    shown.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    shown.chmod(0o755)
    step = next(step for step in ACTION["runs"]["steps"] if "pip install" in step["run"])
    for asked, installed in (("", "/action[validate]"), ("mmreg[pii]==0.2", "mmreg[pii]==0.2")):
        settings = {"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}", "MMREG_INSTALL": asked}
        done = subprocess.run(
            ["bash", "-e", "-c", step["run"]],
            env=os.environ | settings | {"MMREG_ACTION": "/action"},
            capture_output=True,
            text=True,
        )
        assert done.stdout.splitlines() == ["-m", "pip", "install", "--quiet", installed], done.stderr
