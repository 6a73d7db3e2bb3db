"""Reading what was exported: the same graph, from Python and the command line; and files that are anything else."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from golden_lakes import Scene
from hypothesis import given
from hypothesis import strategies as st

from mmreg.errors import NotFound, UsageError
from mmreg.registry.exchange.export import read_export
from mmreg.registry.exchange.openlineage_read import read_events
from mmreg.registry.exchange.prov_read import read_document


@pytest.mark.parametrize("form", ["openlineage", "prov"])
@pytest.mark.parametrize("node", ["model:student", "class@v1", "texts@v1"])
def test_what_was_exported_comes_back(teacher: Scene, tmp_path: Path, form: str, node: str) -> None:
    file = tmp_path / "told.json"
    teacher.json("lineage", "export", node, "--format", form, "--output", str(file))
    assert teacher.text("lineage", "import", str(file)) == teacher.text("lineage", "up", node)
    assert teacher.json("lineage", "import", str(file)) == teacher.json("lineage", "up", node)


def test_downstream_and_all(teacher: Scene, tmp_path: Path) -> None:
    file = str(tmp_path / "told.json")
    teacher.text("lineage", "export", "texts@v1", "--down", "-o", file)
    assert teacher.json("lineage", "import", file) == teacher.json("lineage", "down", "texts@v1")
    teacher.text("lineage", "export", "--all", "-o", file)
    whole = teacher.json("lineage", "import", file)
    assert {node["ref"] for node in whole["nodes"] if node["kind"] != "run"} >= {"texts@v1", "texts@v3", "class@v1"}


def test_what_is_to_be_exported_is_said_once(teacher: Scene) -> None:
    teacher.text("lineage", "export", status=2)
    teacher.text("lineage", "export", "texts", "--all", status=2)
    teacher.text("lineage", "export", "texts", "--parquet", status=2)
    teacher.text("lineage", "export", "model:student", "--format", "croissant", status=2)
    teacher.text("lineage", "export", "texts", "--format", "croissant", "--parquet", status=2)
    teacher.text("lineage", "export", "texts@v3:lesson", "--format", "croissant", status=2)
    teacher.text("lineage", "export", "nothing", status=3)
    teacher.text("lineage", "export", "--since-last", status=2)  # mmreg.yaml names no place


def test_events_of_others_are_told_as_far_as_they_tell(tmp_path: Path) -> None:
    told = {
        "eventType": "COMPLETE",
        "eventTime": "2026-01-01T00:00:00Z",
        "run": {"runId": "0197-run"},
        "job": {"namespace": "elsewhere", "name": "load"},
        "inputs": [{"namespace": "db", "name": "raw"}],
        "outputs": [{"namespace": "db", "name": "clean", "facets": {"version": {"datasetVersion": "7"}}}],
    }
    file = tmp_path / "events.json"
    file.write_text(json.dumps([told]))
    lineage = read_export(file)
    assert [node.ref for node in lineage.nodes] == ["raw", "run:0197-run", "clean@7"]
    assert [edge.kind for edge in lineage.edges] == ["used", "generated"]


def test_hostile_names_do_not_reach_the_terminal(teacher: Scene, tmp_path: Path) -> None:
    name = "a\x1b[2J\u202eb"
    dataset = {"namespace": "n", "name": name, "facets": {"mmreg_node": NODE | {"name": name, "ref": name}}}
    file = tmp_path / "told.json"
    file.write_text(json.dumps([{"dataset": dataset}]))
    for form in ("tree", "json", "dot", "mermaid"):
        shown = teacher.text("lineage", "import", str(file), "--format", form)
        assert shown and not {"\x1b", "\u202e"}.intersection(shown)


NODE = {"id": "version:1", "kind": "version", "facts": {"\x1b": "\x1b"}}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "no json",
        '{"run": {}}',
        '{"run": {"runId": "x"}, "job": {"name": "j"}}',
        '{"run": [], "job": {}}',
        "[1]",
        '{"dataset": {"namespace": "n"}}',
        '{"entity": []}',
        '{"entity": {"a": 1}}',
        '{"entity": {}, "used": {"u": {"prov:entity": "a", "prov:activity": "b"}}}',
        "[" * 100_000,
    ],
)
def test_what_tells_of_no_lineage_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "told.json"
    file.write_text(text)
    with pytest.raises(UsageError):
        read_export(file)


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        read_export(tmp_path / "nothing")
    (tmp_path / "picture").write_bytes(b"\xff\xd8\xff")
    with pytest.raises(UsageError, match="UTF-8"):
        read_export(tmp_path / "picture")


_KEYS = st.sampled_from(
    ["run", "job", "dataset", "inputs", "outputs", "facets", "inputFacets", "mmreg_node", "mmreg_edge", "kinds", "id",
     "kind", "name", "ref", "facts", "runId", "namespace", "eventTime", "position", "focus", "entity", "activity",
     "used", "agent", "prov:entity", "prov:activity", "mmreg:id", "mmreg:facts", "$"]
)  # fmt: skip
_VALUES = st.none() | st.integers() | st.sampled_from(["version:a", "run:b", "version", "run", "up", "x", "{}", ""])
_ANYTHING = st.recursive(
    _VALUES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=6), max_leaves=25
)


@given(_ANYTHING)
def test_whatever_stands_in_a_file_it_is_a_lineage_or_refused(anything: Any) -> None:
    for read in (
        lambda: read_events([("here", anything)]),
        lambda: read_document("here", anything if isinstance(anything, dict) else {}),
    ):
        try:
            lineage = read()
        except UsageError:
            continue
        ids = {node.id for node in lineage.nodes}
        assert lineage.focus in ids and all({edge.source, edge.target} <= ids for edge in lineage.edges)


@pytest.mark.parametrize("arguments", [["import", "p.json"], ["export", "class@v1", "--format", "prov"]])
def test_neither_needs_a_heavy_library(teacher: Scene, arguments: list[str]) -> None:
    teacher.text("lineage", "export", "class@v1", "--format", "prov", "--output", str(teacher.folder / "p.json"))
    code = (
        "import sys; from mmreg.__main__ import main\n"
        f"sys.argv = ['mmreg', 'lineage', *{arguments!r}]\n"
        "try: main()\nexcept SystemExit: pass\n"
        "heavy = {'pyarrow', 'lance', 'pydantic', 'sqlalchemy', 'openlineage', 'prov'}\n"
        "print(sorted(heavy & sys.modules.keys()), file=sys.stderr)"
    )
    ended = subprocess.run([sys.executable, "-c", code], cwd=teacher.folder, capture_output=True, text=True, check=True)
    assert ended.stderr.strip() == "[]"
