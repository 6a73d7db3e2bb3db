"""`mmreg lineage` as a person asks for it: to the terminal, to a file, in a form, folded or whole."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import click
import pytest
from click.testing import CliRunner, Result

from mmreg.cli.session import Session, pass_session
from mmreg.cli.view import View, view_options
from mmreg.errors import StorageError

SVG = "{http://www.w3.org/2000/svg}"


@click.command()
@view_options
@pass_session
def show(session: Session, view: View) -> None:
    view.show(session, session.answer)


@pytest.fixture
def call(studio: Callable[[int], Any], tmp_path: Path) -> Callable[..., Result]:
    """The options on a command that answers with a lineage of 250 nodes."""
    history = studio(12)
    session = Session()
    session.answer = history.seen(history.newest["train"], "up")

    def call(*args: str, as_json: bool = False) -> Result:
        session.json = as_json
        return CliRunner().invoke(show, args, obj=session, catch_exceptions=False)

    return call


def test_a_long_tree_is_folded_and_says_so(call: Callable[..., Result]) -> None:
    answer = call()
    assert answer.stderr == "188 of 250 nodes are folded (⋯, ×). --all shows each of them.\n"
    assert len(answer.stdout.splitlines()) < 125
    whole = call("--all")
    assert (
        whole.stderr == "" and len([line for line in whole.stdout.splitlines() if line and "(see" not in line]) == 250
    )


@pytest.mark.parametrize(
    ("name", "start"),
    [
        ("a.svg", '<svg xmlns="http://www.w3.org/2000/svg"'),
        ("a.HTML", "<!doctype html>"),
        ("a.htm", "<!doctype html>"),
        ("a.dot", "digraph lineage {"),
        ("a.gv", "digraph lineage {"),
        ("a.mmd", "flowchart LR"),
        ("a.json", "{"),
        ("a.txt", "train@v12  5,770 rows\n└─ select train"),
        ("a", "train@v12  5,770 rows\n"),
    ],
)
def test_the_name_of_the_file_says_the_form(call: Callable[..., Result], tmp_path: Path, name: str, start: str) -> None:
    file = tmp_path / "deep" / name
    answer = call("-o", str(file))
    assert answer.stdout == "" and answer.stderr == f"{file}: 250 nodes, 283 edges\n"
    assert file.read_text("utf-8").startswith(start)


def test_a_form_that_is_asked_for_wins_over_the_name(call: Callable[..., Result], tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    call("--format", "mermaid", "--output", str(file))
    assert file.read_text("utf-8").startswith("flowchart LR\n")
    call("--output", str(file), as_json=True)
    assert json.loads(file.read_text("utf-8"))["direction"] == "up"
    assert json.loads(call("--format", "svg", as_json=True).stdout)["direction"] == "up"


def test_pictures_go_to_a_pipe_too(call: Callable[..., Result]) -> None:
    for more, boxes in (((), 74), (("--all",), 250)):
        root = ElementTree.fromstring(call("--format", "svg", *more).stdout)
        assert sum("node" in group.get("class", "") for group in root.iter(f"{SVG}g")) == boxes
    assert call("--format", "html").stdout.endswith("</html>\n")


def test_a_file_that_cannot_be_written(call: Callable[..., Result], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match=r"file/a.svg: (Not a directory|File exists)"):
        call("-o", str(tmp_path / "file" / "a.svg"))


def test_of_a_real_project(project: Any) -> None:
    text = project.text("lineage", "up", "train", "--format", "svg")
    assert (
        ElementTree.fromstring(text).findtext("{http://www.w3.org/2000/svg}title") == "Lineage of train@v1, up: 7 boxes"
    )
    page = project.folder / "lineage.html"
    project.text("lineage", "down", "pairs@v1", "-o", str(page))
    assert "what came of pairs@v1" in page.read_text("utf-8")
    assert project.text("lineage", "path", "pairs@v1", "train", "--format", "dot").startswith("digraph lineage {\n")
    answer = project.json("lineage", "up", "train")
    assert len(answer["nodes"]) == 7


@pytest.mark.parametrize(
    ("form", "heavy"),
    [("tree", ()), ("dot", ()), ("html", ()), ("svg", ("pygraphviz",))],
)
def test_a_form_loads_what_it_needs_and_no_more(form: str, heavy: tuple[str, ...]) -> None:
    code = f"""
import sys
from mmreg.cli.view import View
from mmreg.cli.session import Session
from mmreg.schemas.lineage import Lineage, Node
View({form!r}).show(Session(), Lineage("version:1", "up", (Node("version:1", "version", "pairs", "pairs@v1"),), ()))
print(*sorted({{name.partition(".")[0] for name in sys.modules}}), file=sys.stderr)
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(ended.stderr.split())
    assert not {"pyarrow", "lance", "pydantic", "sqlalchemy", "jinja2", "networkx", "numpy"} & loaded
    assert {"pygraphviz"} & loaded == set(heavy)
