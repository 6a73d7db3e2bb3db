"""What the doctor finds beside crashes: each finding with its code and its command, and none in a healthy lake."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import time
from collections.abc import Callable
from importlib.metadata import requires
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mmreg.registry.doctor import libraries
from mmreg.registry.leases import lease
from mmreg.schemas.diagnosis import DIAGNOSES
from mmreg.schemas.finding import CODES, DoctorReport, Finding

DOCS = Path(__file__).parents[3] / "docs" / "doctor.md"
WEEK_S = 7 * 24 * 3600.0


@pytest.fixture
def made(project: Callable[..., Any]) -> Any:
    small = project()
    small.apply()
    return small


def found(made: Any) -> dict[str, Finding]:
    return {finding.code: finding for finding in made.open().doctor().findings}


def aged(path: Path, age_s: float) -> None:
    os.utime(path, (time.time() - age_s, time.time() - age_s))


def test_a_healthy_lake_has_no_findings(made: Any) -> None:
    assert made.open().doctor() == DoctorReport(())


def test_what_is_only_noted_is_no_failure() -> None:
    noted, mended, open_ = Finding("a", "", note=True), Finding("b", "", fixed=True), Finding("c", "")
    assert DoctorReport((noted, mended)).ok
    assert not DoctorReport((noted, open_)).ok


def test_every_code_is_documented_and_none_else() -> None:
    assert set(re.findall(r"^\| `(\w+)` \|", DOCS.read_text("utf-8"), re.MULTILINE)) == {*CODES, *DIAGNOSES}
    rooms = Path(libraries.__file__).parents[1]
    used = {
        code for file in rooms.rglob("*.py") for code in re.findall(r'Finding\(\s*"(\w+)"', file.read_text("utf-8"))
    }
    assert used == set(CODES)


def test_little_space_is_told_with_numbers(made: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def disk(total: int, free: int) -> None:
        usage = SimpleNamespace(total=total, used=total - free, free=free)
        monkeypatch.setattr(shutil, "disk_usage", lambda path: (usage.total, usage.used, usage.free))

    disk(total=100 << 30, free=6 << 30)
    assert "disk_space" not in found(made)
    disk(total=1000 << 30, free=12 << 30)
    assert "disk_space" not in found(made)
    disk(total=100 << 30, free=4 << 30)
    finding = found(made)["disk_space"]
    assert (finding.note, "4.0 GiB left of 100.0 (4%)" in finding.message) == (True, True)
    disk(total=100 << 30, free=1 << 29)
    finding = found(made)["disk_space"]
    assert (finding.note, "0.5 GiB left" in finding.message) == (False, True)
    assert finding.hint is not None and finding.hint.startswith("mmreg gc --plan")


def test_libraries_outside_of_what_was_tried_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    assert list(libraries.look()) == []
    for installed, told in [("13.9.1", True), ("14.0.0", False), ("14.0.99", False), ("14.1.0", True), ("15", True)]:
        monkeypatch.setattr(libraries, "version", lambda name, at=installed: at if name == "pylance" else "26.0.1")
        assert [finding.message.split()[:2] for finding in libraries.look()] == (
            [["pylance", installed]] if told else []
        )


def test_what_was_tried_is_what_may_be_installed() -> None:
    """The table begins where the package's own metadata does."""
    lowest = {
        match[1]: match[2]
        for line in requires("mmreg") or ()
        if (match := re.match(r"(\w+)[^;]*>=([\d.]+)", line)) and match[1] in libraries.MADE_FOR
    }
    assert {name: bounds[0].split(".")[0] for name, bounds in libraries.MADE_FOR.items() if name != "python"} == {
        name: bound.split(".")[0] for name, bound in lowest.items()
    }


def test_leases_of_the_gone_are_released_and_old_ones_named(made: Any) -> None:
    store = made.open().lake.store
    gone = {"host": socket.gethostname(), "pid": 2**22 + 1, "nonce": "n", "expires_at": time.time() + 60}
    store.put("_mmreg/leases/pairs.light.json", json.dumps(gone).encode())
    expired = {"host": "elsewhere", "pid": 1, "nonce": "m", "expires_at": time.time() - 60}
    store.put("_mmreg/leases/pairs.words.json", json.dumps(expired).encode())
    report = made.open().doctor()
    assert [(f.code, f.fixed) for f in report.findings] == [("lease_left", True)] * 2
    old = {"host": "elsewhere", "pid": 7, "nonce": "o", "expires_at": time.time() + 60, "since": time.time() - 2e5}
    store.put("_mmreg/leases/pairs.words.json", json.dumps(old).encode())
    with lease(store, "of.now"):
        report = made.open().doctor()
    (finding,) = report.findings
    assert (finding.code, finding.note, report.ok) == ("lease_long", True, True)
    assert finding.message == "pairs.words: process 7 on elsewhere has held it for 56 hours"


def test_what_nobody_comes_back_for_is_noted_when_it_is_a_week_old(made: Any) -> None:
    lake = made.folder / "lake" / "_mmreg"
    left = [
        lake / "stage" / "pairs" / "gone" / "0123" / "1-2-3-4.arrow",
        lake / "decisions" / "train" / "20200101T000000.000000Z-0.parquet",
    ]
    for path in left:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"left")
    assert found(made) == {}
    for path in left:
        aged(path, WEEK_S + 60)
    for path in (lake / "decisions").rglob("*.parquet"):
        aged(path, WEEK_S + 60)
    findings = found(made)
    assert set(findings) == {"stage_left", "decisions_left"}
    assert findings["decisions_left"].message.startswith("1 files of decisions are named by no run")
    assert all(finding.note and "mmreg gc --apply" in str(finding.hint) for finding in findings.values())


def test_an_index_that_is_behind_is_brought_up(made: Any) -> None:
    database = made.folder / ".mmreg" / "catalog.db"
    database.unlink()
    report = made.open().doctor()
    assert [(f.code, f.fixed) for f in report.findings] == [("index_behind", True)]
    assert made.open().doctor().findings == ()


def test_a_lake_that_has_lost_its_newest_version_contradicts_the_index(made: Any) -> None:
    newest = min((made.folder / "lake" / "pairs.lance" / "_versions").glob("*.manifest"))
    newest.unlink()
    finding = found(made)["index_disagrees"]
    assert (finding.fixed, finding.note, finding.hint) == (False, False, "mmreg fsck pairs")
    assert re.search(r"the index knows Lance version (\d+), the lake has none after", finding.message)


def test_a_table_that_cannot_be_opened_is_named(made: Any) -> None:
    newest = min((made.folder / "lake" / "train.lance" / "_versions").glob("*.manifest"))
    newest.write_bytes(newest.read_bytes()[:40])
    finding = found(made)["unreadable"]
    assert (finding.fixed, finding.hint) == (False, "mmreg fsck train")
    assert finding.message.startswith("train:")


def test_a_declaration_that_cannot_be_read_does_not_keep_the_doctor_from_the_rest(made: Any) -> None:
    with (made.folder / "mmreg.yaml").open("a") as file:
        file.write("nonsense: 1\n")
    finding = found(made)["declaration"]
    assert "nonsense" in finding.message
    assert (finding.fixed, finding.note) == (False, False)
