"""A copied lake gives the same answers without its original, its index, or its folder's name."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any


def _told(folder: Path, *arguments: str) -> Any:
    done = subprocess.run(
        [sys.executable, "-m", "mmreg", *arguments, "--json"], cwd=folder, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def _grow(made: Any) -> None:
    made.apply()
    made.draw("new", "a new picture")
    made.draw("001", "another caption of it")
    made.erase("002")
    made.apply()
    registry = made.open()
    assert registry.promote("train").ok
    weights = made.folder / "weights.bin"
    weights.write_bytes(b"0123456789")
    registry.model_add(weights, "scorer", alias="best")
    registry.train_record("scorer", ["splits"], _file(made.folder / "trained.bin"), model="scorer")
    registry.eval_record("scorer", "train", {"accuracy": 0.75})


def _file(path: Path) -> Path:
    path.write_bytes(path.name.encode())
    return path


def test_rebuilt_elsewhere_it_says_the_same(
    project: Callable[..., Any], answers: Callable[..., Any], tmp_path: Path
) -> None:
    made = project()
    _grow(made)
    before = answers(made.open())
    asked = [["ls"], ["log", "pairs"], ["log", "train"], ["model", "ls"]]
    asked += [["lineage", "up", "splits"], ["lineage", "down", "pairs@v1"], ["lineage", "up", "model:scorer"]]
    told = [_told(made.folder, *question) for question in asked]

    elsewhere = tmp_path / "somewhere" / "else"
    shutil.copytree(made.folder / "lake", elsewhere / "lake")
    shutil.copy(made.folder / "mmreg.yaml", elsewhere)
    shutil.rmtree(made.folder)
    assert _told(elsewhere, "catalog", "rebuild")["runs"] == len(before["runs"])
    assert [_told(elsewhere, *question) for question in asked] == told
    made.folder = elsewhere
    assert answers(made.open()) == before


def test_the_original_is_never_read(project: Callable[..., Any], rows: Callable[..., Any], tmp_path: Path) -> None:
    made = project()
    made.apply()
    copied = made.copy(tmp_path / "copy")
    told = rows(made.open(), "train")
    shutil.rmtree(made.folder / "lake" / "pairs.lance")
    assert rows(copied.open(), "train") == told


def test_nothing_in_the_lake_is_absolute(project: Callable[..., Any]) -> None:
    made = project()
    _grow(made)
    place = str(made.folder).encode()
    holding = [p for p in (made.folder / "lake").rglob("*") if p.is_file() and place in p.read_bytes()]
    assert holding == []


def test_apply_twice_makes_one_version(project: Callable[..., Any]) -> None:
    made = project()
    made.apply()
    registry = made.open()
    versions = {summary.name: summary.versions for summary in registry.ls()}
    runs, calls = len(registry.runs()), len(made.calls())
    assert {step.outcome for step in made.apply().steps} == {"unchanged"}
    registry = made.open()
    assert {summary.name: summary.versions for summary in registry.ls()} == versions
    assert (len(registry.runs()), len(made.calls())) == (runs, calls)
