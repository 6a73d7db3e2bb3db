"""Passes are found by name, entry point or module:Class, and told what they lack."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import pytest

from mmreg.curation.plugins import BUILT_IN, load_pass
from mmreg.curation.protocol import Pass, Recipe
from mmreg.errors import MissingExtra, NotFound, UsageError

WHOLE = """
    import pyarrow as pa

    class Constant:
        version = "1"
        kind, scope, role = "score", "row", "evaluator"
        inputs = {"text": "text"}

        def __init__(self, recipe): ...
        def outputs(self):
            return pa.schema([("one", pa.int8())])
        def open(self): ...
        def __call__(self, batch):
            return pa.record_batch({"one": pa.array([1] * len(batch), pa.int8())})
"""


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Path]:
    """A folder for plug-ins; what was imported from it is forgotten afterwards."""
    path, modules = list(sys.path), set(sys.modules)
    yield tmp_path
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


def write(project: Path, name: str, code: str) -> None:
    (project / f"{name}.py").write_text(dedent(code))


@pytest.mark.parametrize("use", BUILT_IN)
def test_built_in_passes_fulfil_the_protocol(use: str) -> None:
    found = load_pass(use)
    assert isinstance(found, type)
    assert found.scope == ("table" if use == "dedup" else "row")
    assert all(callable(getattr(found, method)) for method in ("outputs", "open", "__call__"))


def test_a_pass_is_an_instance_of_the_protocol() -> None:
    assert isinstance(load_pass("text_stats")(Recipe()), Pass)


def test_module_and_class_beside_the_project_file(project: Path) -> None:
    write(project, "my_constant", WHOLE)
    found = load_pass("my_constant:Constant", project)
    assert found(Recipe()).outputs().names == ["one"]


def test_an_entry_point_of_an_installed_plug_in(project: Path) -> None:
    write(project, "plugged_constant", WHOLE)
    facts = project / "constants-1.0.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: constants\nVersion: 1.0\n")
    (facts / "entry_points.txt").write_text("[mmreg.passes]\nconstant = plugged_constant:Constant\n")
    sys.path.insert(0, str(project))
    assert load_pass("constant").__module__ == "plugged_constant"
    with pytest.raises(NotFound, match="did you mean 'constant'"):
        load_pass("constent")


def test_an_unknown_name() -> None:
    with pytest.raises(NotFound, match=r"no pass 'image_stat'; did you mean 'image_stats'") as caught:
        load_pass("image_stat")
    assert "module:Class" in (caught.value.hint or "")


def test_an_unknown_module_and_an_unknown_class(project: Path) -> None:
    with pytest.raises(NotFound, match="no module 'nowhere_at_all'"):
        load_pass("nowhere_at_all:Thing", project)
    write(project, "my_other", WHOLE)
    with pytest.raises(NotFound, match="the module my_other has no 'Constent'; did you mean 'Constant'"):
        load_pass("my_other:Constent", project)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("import not_installed_here", "importing broken_module failed: ModuleNotFoundError"),
        ("def f(:", "importing broken_module failed: SyntaxError"),
        ("1 / 0", "importing broken_module failed: ZeroDivisionError"),
    ],
)
def test_a_module_that_cannot_be_imported(project: Path, code: str, message: str) -> None:
    write(project, "broken_module", code)
    with pytest.raises(UsageError, match=message):
        load_pass("broken_module:Thing", project)


def test_a_missing_extra_says_so_itself(project: Path) -> None:
    write(project, "needy", "from mmreg.errors import MissingExtra\nraise MissingExtra('needy', extra='clip')\n")
    with pytest.raises(MissingExtra, match="needs the extra 'clip'"):
        load_pass("needy:Thing", project)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('version = "1"', "", "'version' is missing"),
        ('version = "1"', "version = 1", "'version' is missing or no text"),
        ('"score", "row"', '"scores", "row"', "'kind' is 'scores', not one of score, map, "),
        ('"row", "evaluator"', '"rows", "evaluator"', "'scope' is 'rows', not one of row, group, table"),
        ('"row", "evaluator"', '"group", "evaluator"', "a pass of scope 'group' needs an input 'group'"),
        ('inputs = {"text": "text"}', 'makes_rows = True; inputs = {"text": "text"}', "of kind 'score' makes no rows"),
        ('"score", "row"', '"create", "table"', "a pass that makes rows has the scope 'row', not 'table'"),
        ("def open", "def update(self, rows, known): ...\n        def open", "'update' belongs to the scopes 'group'"),
        ('"evaluator"', '"judge"', "'role' is 'judge', not one of creator, "),
        ('inputs = {"text": "text"}', "", "'inputs' is missing"),
        ('inputs = {"text": "text"}', "inputs = {}", "'inputs' is missing or no mapping"),
        ('{"text": "text"}', '{"text": "words"}', r"'inputs' has text: 'words', not one of image, "),
        ("def outputs", "def output", "the method 'outputs' is missing"),
        ("def open", "def load", "the method 'open' is missing"),
        ("def __call__", "def call", "the method '__call__' is missing"),
    ],
)
def test_what_is_missing_is_named(project: Path, old: str, new: str, message: str) -> None:
    assert old in WHOLE
    write(project, "faulty", WHOLE.replace(old, new))
    with pytest.raises(UsageError, match=message):
        load_pass("faulty:Constant", project)


def test_a_pass_that_gets_all_rows_gets_no_media(project: Path) -> None:
    code = WHOLE.replace('"score", "row"', '"score", "table"').replace('"text": "text"', '"picture": "image"')
    write(project, "faulty", code)
    with pytest.raises(UsageError, match=r"none of its inputs is media \('picture' is 'image'; as 'any'"):
        load_pass("faulty:Constant", project)


def test_all_that_is_missing_is_named_at_once(project: Path) -> None:
    write(project, "empty_class", "class Nothing: ...\nthing = 1\n")
    with pytest.raises(UsageError) as caught:
        load_pass("empty_class:Nothing", project)
    for word in ("version", "kind", "scope", "role", "inputs", "outputs", "open", "__call__"):
        assert f"'{word}'" in caught.value.message
    with pytest.raises(UsageError, match="this is a int, where the class of a pass is due"):
        load_pass("empty_class:thing", project)
