"""``mmreg pass new``: its files pass their own test at once, and run as declared; nothing of others is touched."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any, get_args

import pytest

from mmreg.cli.pass_ import KINDS, SCOPES
from mmreg.config import load
from mmreg.curation.protocol import Kind, Scope
from mmreg.curation.scaffold import new_pass
from mmreg.errors import UsageError

DECLARATION = """
version: 1
project: begun
lake: {lake}
datasets:
  pairs:
    PLACE
"""
PLACES = {
    "image": "source: {{type: imagefolder, path: images}}\n    columns: {{image: {{type: image}}}}",
    "text": "source: {{type: jsonl, path: words.jsonl}}\n    columns: {{caption: {{type: text}}}}",
}
SORTS = [(kind, scope) for kind, scope in product(KINDS, SCOPES) if kind != "create" or scope == "row"]


def begin(made: Any, name: str, kind: Kind = "score", scope: Scope = "row") -> str:
    return new_pass(made.folder, load(made.folder).spec, name, kind, scope).declaration


def test_every_kind_and_scope_can_be_begun() -> None:
    assert set(KINDS) == set(get_args(Kind)) and set(SCOPES) == set(get_args(Scope))


@pytest.mark.parametrize("read", ["image", "text"])
def test_what_is_begun_passes_its_test_and_runs(project: Callable[..., Any], read: str) -> None:
    made = project(0, DECLARATION.replace("PLACE", PLACES[read]))
    declared = made.folder / "mmreg.yaml"
    names = {(kind, scope): f"{read}_{kind}_by_{scope}" for kind, scope in SORTS}
    lines = [begin(made, name, kind, scope).partition("\n")[2] for (kind, scope), name in names.items()]  # type: ignore[arg-type]
    tests = subprocess.run([sys.executable, "-m", "pytest", "-q"], cwd=made.folder, capture_output=True, text=True)
    assert f"{len(names)} passed" in tests.stdout, tests.stdout

    declared.write_text(declared.read_text() + "passes:\n" + "".join(lines))
    for number in range(3):
        made.draw(f"{number}", None)
        with (made.folder / "words.jsonl").open("a") as file:
            file.write(f'{{"caption": "Some words no. {number}"}}\n')
    report = made.apply()
    assert {step.name: step.errors for step in report.steps if step.kind == "pass"} == dict.fromkeys(names.values(), 0)
    assert {step.outcome for step in report.steps} == {"published"}
    registry = made.open()
    assert registry.rows_of(f"{read}_filter_by_row_rows") == 3
    assert registry.rows_of(f"{read}_create_by_row_rows") == {"image": 6, "text": 12}[read]
    assert not made.apply().changed


@pytest.mark.parametrize("name", ["Bright", "2nd", "a-b", "a.b", "", "class", "../x"])
def test_a_name_that_is_no_module(project: Callable[..., Any], name: str) -> None:
    made = project(0)
    with pytest.raises(UsageError, match="can be no module's name"):
        begin(made, name)


@pytest.mark.parametrize("name", ["select", "numpy", "mmreg"])
def test_a_module_that_is_there_is_not_hidden(project: Callable[..., Any], name: str) -> None:
    made = project(0)
    with pytest.raises(UsageError, match=f"there is a module '{name}' already") as told:
        begin(made, name)
    assert told.value.hint == f"mmreg pass new {name}_pass"
    assert not (made.folder / f"{name}.py").exists()


def test_nothing_is_overwritten(project: Callable[..., Any]) -> None:
    made = project(0)
    begin(made, "bright")
    (made.folder / "bright.py").write_text("mine")
    with pytest.raises(UsageError, match=r"bright\.py is there already"):
        begin(made, "bright")
    assert (made.folder / "bright.py").read_text() == "mine"
    (made.folder / "test_other.py").write_text("mine")
    with pytest.raises(UsageError, match=r"test_other\.py is there already"):
        begin(made, "other")
    assert not (made.folder / "other.py").exists()


def test_rows_are_made_row_by_row(project: Callable[..., Any]) -> None:
    with pytest.raises(UsageError, match="a pass that makes rows has the scope 'row'"):
        begin(project(0), "maker", "create", "table")


def test_without_such_a_column_the_lines_say_what_to_fill_in(tmp_path: Path) -> None:
    (tmp_path / "mmreg.yaml").write_text("version: 1\nproject: empty\n")
    lines = new_pass(tmp_path, load(tmp_path).spec, "words").declaration
    assert lines == 'passes:\n  words: {from: DATASET, use: "words:Words", inputs: {text: COLUMN}}\n'
