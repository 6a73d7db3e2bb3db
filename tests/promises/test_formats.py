"""Lakes of every released format are read and extended; `lake-format-1.tar.gz` was made by the mmreg of that time.

Each archive holds a project with its lake and index, and ``answers.json``: all that its mmreg said of it.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mmreg.curation.apply import apply
from mmreg.curation.plan import plan
from mmreg.registry.api import Registry
from mmreg.registry.catalog import sqlite
from mmreg.registry.lake import FORMAT
from mmreg.registry.migrate import upgrade
from mmreg.schemas.erasure import Asked

FIXTURES = Path(__file__).parents[1] / "fixtures"
FORMATS = sorted(int(file.name.split("-")[2].split(".")[0]) for file in FIXTURES.glob("lake-format-*.tar.gz"))


@pytest.fixture(params=FORMATS)
def old(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The project of an older mmreg."""
    name = f"lake-format-{request.param}"
    with tarfile.open(FIXTURES / f"{name}.tar.gz") as archive:
        archive.extractall(tmp_path, filter="data")
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delitem(sys.modules, "counted", raising=False)
    monkeypatch.setenv("CALLS", str(tmp_path / "calls.log"))
    return tmp_path / name


def same(now: Any, then: Any, at: str = "") -> None:
    """That all which was said then is said now; more may be."""
    if isinstance(then, dict) and isinstance(now, dict) and {"nodes", "edges"} <= then.keys():
        graph(now, then, at)
    elif isinstance(then, dict) and isinstance(now, dict):
        for key, value in then.items():
            assert key in now, f"{at}: {key} is not said any more"
            same(now[key], value, f"{at}/{key}")
    elif isinstance(then, list) and isinstance(now, list):
        assert len(now) == len(then), at
        for number, (one, other) in enumerate(zip(now, then, strict=True)):
            same(one, other, f"{at}/{number}")
    else:
        assert now == then, at


def graph(now: dict[str, Any], then: dict[str, Any], at: str) -> None:
    """That each node and each edge is still there: newer versions know of more that a root carries over."""
    known = {node["id"]: node for node in now["nodes"]}
    for node in then["nodes"]:
        assert node["id"] in known, f"{at}: {node['id']} is not said any more"
        same(known[node["id"]], node, f"{at}/{node['id']}")
    edges = [tuple(sorted(edge.items())) for edge in now["edges"]]
    assert len(set(edges)) == len(edges), at
    assert {tuple(sorted(edge.items())) for edge in then["edges"]} <= set(edges), at


def plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key.hex() if isinstance(key, bytes) else str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(inner) for inner in value]
    return hashlib.sha256(value).hexdigest() if isinstance(value, bytes) else value


def runs(said: dict[str, Any]) -> dict[str, Any]:
    return said | {"runs": [json.loads(run) for run in said["runs"]]}


def test_every_released_format_has_its_lake() -> None:
    assert list(range(1, FORMAT)) == FORMATS or list(range(1, FORMAT + 1)) == FORMATS


def test_it_says_what_it_said(old: Path, answers: Callable[..., dict[str, Any]]) -> None:
    then = json.loads((old / "answers.json").read_text())
    with Registry.open(old) as registry:
        same(runs(json.loads(json.dumps(plain(answers(registry)), default=str))), runs(then))


def test_its_index_is_replaced_and_said(old: Path, caplog: pytest.LogCaptureFixture) -> None:
    with Registry.open(old) as registry:
        count = len(registry.runs())
        assert [summary.name for summary in registry.ls()] == ["pairs", "splits", "train"]
    told = f"could not be used (it has format 1, this mmreg writes {sqlite.FORMAT}): made anew"
    assert told in caplog.text
    caplog.clear()
    with Registry.open(old) as registry:
        assert len(registry.runs()) == count
    assert caplog.text == ""


def test_it_is_extended_as_it_is_and_nothing_is_computed_again(old: Path) -> None:
    with Registry.open(old) as registry:
        steps = {step.name: step.action for step in plan(registry).steps if step.kind != "check"}
        assert steps.pop("pairs") == "run", "files that were unpacked just now are looked at"
        assert set(steps.values()) == {"nothing"}
        assert {step.outcome for step in apply(registry).steps if step.kind != "check"} == {"unchanged"}
        before = {name: registry.log(name) for name in ("pairs", "splits", "train")}
    calls = Path(os.environ["CALLS"])
    (old / "images" / "003.txt").write_text("a new caption")
    with Registry.open(old) as registry:
        report = apply(registry)
        assert {step.outcome for step in report.steps} >= {"published"}
        for name, log in before.items():
            entries = registry.log(name)
            assert entries[-len(log) :] == log and len(entries) > len(log)
        assert registry.lake.format == 1
        assert all(finding.code == "lake_format" for finding in registry.doctor().findings)
    # The row has joined the selection that Brightness grades.
    assert sorted(line.split()[0] for line in calls.read_text().splitlines()) == ["Brightness", "Words"]


def test_it_is_brought_to_todays_format_when_asked(old: Path, answers: Callable[..., dict[str, Any]]) -> None:
    with Registry.open(old) as registry:
        then, format = answers(registry), registry.lake.format
        finding = next(finding for finding in registry.doctor().findings if finding.code == "lake_format")
        assert (finding.note, finding.hint) == (
            True,
            "mmreg doctor --upgrade, once everybody who uses the lake has a newer mmreg",
        )
        report = registry.doctor(upgrade=True)
        assert [(finding.code, finding.fixed) for finding in report.findings] == [("lake_format", True)]
    with Registry.open(old) as registry:
        assert (format < FORMAT, registry.lake.format) == (True, FORMAT)
        assert json.loads((old / "lake" / "mmreg.json").read_text())["lake"] == registry.lake.id
        assert registry.doctor().findings == ()
        assert answers(registry) == then
        assert upgrade(registry.lake) == []


def test_an_erasure_keeps_the_older_mmreg_away(old: Path) -> None:
    """It would go on showing what is erased."""
    with Registry.open(old) as registry:
        registry.erase(Asked("pairs", sources=("003.png",)))
        assert registry.lake.format == FORMAT
        assert "one" not in {row["caption"] for row in registry.query("pairs@latest", where="_source.uri = '003.png'")}
    with Registry.open(old) as registry:
        assert registry.lake.format == FORMAT
        assert registry.doctor().ok
