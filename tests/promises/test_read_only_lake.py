"""A lake that cannot be written to: whoever only looks sees all of it; whoever would write is told."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lance
import pytest

# Root writes whatever the permissions say, by one capability. Given up in the process itself, so that it may still
# read what is root's: its own libraries, for one.
COMMAND = """
import ctypes, os, sys
if os.geteuid() == 0:
    DAC_OVERRIDE = 1
    libc = ctypes.CDLL(None, use_errno=True)
    header, held = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
    assert libc.capget(header, held) == 0
    for number in range(2):  # effective and permitted, of the capabilities below 32
        held[number] &= ~(1 << DAC_OVERRIDE)
    assert libc.capset(header, held) == 0, os.strerror(ctypes.get_errno())
import contextlib, io, json
from mmreg.cli.main import main
answers = []
for arguments in json.loads(sys.argv[1]):
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main([*arguments, "--json"])
        except SystemExit as ended:
            answers.append((ended.code, json.loads(out.getvalue() or err.getvalue())))
print(json.dumps(answers))
"""


def all_of(folder: Path, *commands: list[str]) -> list[tuple[int, Any]]:
    """The exit status of each command, and what it answers as JSON: on stdout, or the error."""
    found = subprocess.run(
        [sys.executable, "-c", COMMAND, json.dumps(commands)],
        cwd=folder,
        env=os.environ | {"CALLS": str(folder / "calls.log")},
        capture_output=True,
        text=True,
    )
    assert found.returncode == 0, found.stderr
    return [(status, answer) for status, answer in json.loads(found.stdout)]


def mmreg(folder: Path, *arguments: str) -> tuple[int, Any]:
    return all_of(folder, list(arguments))[0]


@pytest.fixture
def read_only(project: Callable[..., Any]) -> Any:
    """A project whose lake has a commit without a run object and one of plain Lance that no index has met; its
    folder can only be read."""
    made = project()
    made.apply()
    made.open().promote("train@v1")
    registry = made.open()
    last = registry.log("splits")[0].run
    for object in (made.folder / "lake" / "_mmreg" / "runs").rglob(f"{last}*.json"):
        object.unlink()
    lance.dataset(str(made.folder / "lake" / "pairs.lance")).delete("caption = 'one'")
    for file in made.folder.glob(".mmreg/catalog.db*"):
        file.unlink()
    lake = [made.folder / "lake", *(made.folder / "lake").rglob("*")]
    for path in lake:
        path.chmod(path.stat().st_mode & ~0o222)
    yield made
    for path in lake:
        path.chmod(path.stat().st_mode | 0o200)


def test_all_that_looks_works_and_doctor_says_what_only_the_index_knows(read_only: Any) -> None:
    folder = read_only.folder
    (listed, datasets), (logged, log), (read, rows) = all_of(folder, ["ls"], ["log", "pairs"], ["head", "train"])
    assert (listed, logged, read) == (0, 0, 0)
    assert [dataset["name"] for dataset in datasets] == ["pairs", "splits", "train"]
    assert (log[0]["kind"], log[0]["rows"]) == ("unattributed", 4)
    looks = [
        ["show", "splits"],
        ["query", "pairs", "--where", "n_words > 1"],
        ["lineage", "up", "splits"],
        ["why", "train", rows[0]["sample_id"]],
        ["diff", "pairs@v1", "pairs@latest"],
        ["validate", "train"],
        ["doctor", "train"],
        ["errors", "words"],
        ["status"],
        ["plan"],
        ["gc", "--plan"],
        ["erase", "pairs", "--where", "n_words > 1", "--plan"],
    ]
    *looked, (damaged, damage), (status, report) = all_of(folder, *looks, ["fsck", "--deep"], ["doctor"])
    assert [(look, answer) for look, (status, answer) in zip(looks, looked, strict=True) if status] == []
    assert (damaged, {found["kind"] for found in damage["damages"]}) == (5, {"run_missing"})
    codes = {finding["code"]: finding for finding in report["findings"]}
    assert status == 0 and report["ok"]
    assert {"lake_read_only", "run_object_missing"} <= codes.keys()
    assert "2 runs" in codes["run_object_missing"]["message"]
    assert codes["run_object_missing"]["hint"] == "mmreg doctor, where the lake can be written to"
    unchanged = {path.name for path in (folder / "lake" / "_mmreg").iterdir()}
    assert "probe" not in unchanged and "leases" not in unchanged


def test_all_that_writes_fails_with_the_reason(read_only: Any) -> None:
    folder = read_only.folder
    read_only.draw("new", "a new picture")
    before = sorted(path for path in (folder / "lake").rglob("*"))
    writes = [["apply"], ["promote", "train"], ["apply", "--lock"], ["model", "add", "counted.py", "m"]]
    for status, answer in all_of(folder, *writes):
        assert (status, answer["error"]["code"]) == (6, "read_only"), answer
        assert "Permission denied" in answer["error"]["message"]
    assert sorted(path for path in (folder / "lake").rglob("*")) == before


def test_checks_there_go_by_what_was_seen_before_and_keep_nothing(read_only: Any) -> None:
    before = sorted(path for path in (read_only.folder / "lake").rglob("*"))
    status, answer = mmreg(read_only.folder, "validate", "train@v1")
    report = answer["reports"][0]
    assert (status, report["run"]) == (0, None)
    assert [(result["examined"], result["reused"]) for result in report["results"]] == [(report["rows"],) * 2]
    assert sorted(path for path in (read_only.folder / "lake").rglob("*")) == before


def test_what_the_index_met_there_is_written_once_the_lake_can_be(read_only: Any) -> None:
    folder = read_only.folder
    assert mmreg(folder, "ls")[0] == 0
    for path in [folder / "lake", *(folder / "lake").rglob("*")]:
        path.chmod(path.stat().st_mode | 0o200)
    before = read_only.open().runs()
    objects = folder / "lake" / "_mmreg" / "runs"
    count = len(list(objects.rglob("*.json")))
    status, report = mmreg(folder, "doctor")
    assert [(f["code"], f["fixed"]) for f in report["findings"]] == [("run_object_missing", True)] * 2
    assert status == 0 and len(list(objects.rglob("*.json"))) == count + 2
    assert mmreg(folder, "doctor")[1]["findings"] == []
    (folder / ".mmreg" / "catalog.db").unlink()
    assert read_only.open().runs() == before


def test_a_project_that_cannot_be_written_to_either_keeps_its_index_elsewhere(
    read_only: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders = [read_only.folder, read_only.folder / ".mmreg"]
    for folder in folders:
        folder.chmod(0o555)
    status, answer = mmreg(read_only.folder, "ls")
    assert (status, answer["error"]["code"]) == (6, "storage")
    assert "MMREG_CATALOG=sqlite:////" in answer["error"]["hint"]
    monkeypatch.setenv("MMREG_CATALOG", f"sqlite:///{tmp_path}/elsewhere.db")
    status, datasets = mmreg(read_only.folder, "ls")
    assert (status, len(datasets)) == (0, 3)
    assert mmreg(read_only.folder, "doctor")[0] == 0
    for folder in folders:
        folder.chmod(0o755)


def test_the_gate_judges_what_it_cannot_record(read_only: Any) -> None:
    folder = read_only.folder
    before = sorted(path for path in (folder / "lake").rglob("*"))
    gate = ["validate", "train", "--report", "junit=checks.xml", "--report", "markdown=checks.md"]
    broken = ["validate", "train", "--fail-on", "warning"]
    (status, answer), (since, skipped) = all_of(folder, gate, ["validate", "train@v1", "--since", "train@v1"])
    assert (status, answer["ok"], answer["reports"][0]["run"]) == (0, True, None)
    assert (folder / "checks.xml").exists() and "train@v1" in (folder / "checks.md").read_text()
    assert (since, [one["dataset"] for one in skipped["skipped"]]) == (0, ["train"])  # `promote` has recorded that
    file = folder / "mmreg.yaml"
    file.write_text(f"{file.read_text()}    - {{check: row_count, min_value: 1000}}\n")
    kept = ["--baseline", "known.json"]
    (status, answer), (update, _), (known, _) = all_of(
        folder, broken, [*gate, *kept, "--update-baseline"], [*gate, *kept]
    )
    assert (status, answer["ok"], update, known) == (1, False, 0, 0)
    assert sorted(path for path in (folder / "lake").rglob("*")) == before
