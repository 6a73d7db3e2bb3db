"""The command line on rows that failed, on columns by generation, and on code that drifted."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

WORDS = "  words: {from: pairs, use: text_stats, inputs: {text: caption}, outputs: {n_words: n_words}}\n"
DRIFTING = """
import pyarrow as pa
import pyarrow.compute as pc


class Length:
    version = "1"
    kind, scope, role = "score", "row", "evaluator"
    inputs = {"text": "text"}

    def __init__(self, recipe):
        pass

    def outputs(self):
        return pa.schema([("length", pa.int32())])

    def open(self):
        pass

    def __call__(self, batch):
        return pa.record_batch({"length": pc.utf8_length(batch.column("text"))})
"""


def declare(project: Any, line: str) -> Path:
    declared: Path = project.folder / "mmreg.yaml"
    text = declared.read_text("utf-8")
    declared.write_text(text.replace("passes:\n", f"passes:\n{line}"), "utf-8")
    return declared


def test_failed_rows_are_listed_and_called_alone(project: Any) -> None:
    declare(project, WORDS)
    assert project.json("errors", "words") == []
    assert project.call("errors", "words").stderr == "No row has failed.\n"
    project.text("apply", "words")
    (row,) = project.json("errors", "words")
    assert (row["source"], row["error"]) == ("5.png", "null_value: there is no text")
    assert "null_value: there is no text" in project.text("errors", "words")
    assert project.json("errors", "words", "--limit", "0") == []
    unknown = project.call("errors", "word", "--json")
    assert unknown.exit_code == 3 and "did you mean 'words'" in json.loads(unknown.stderr)["error"]["message"]
    (project.folder / "images" / "5.txt").write_text("found after all")
    (step, _) = project.json("apply", "words", "--errors-only")["steps"]  # and the checks of pairs
    assert (step["computed"], step["outcome"]) == (1, "unchanged"), "the caption is not in the lake yet"
    project.text("apply", "pairs", "words")
    assert project.json("errors", "words") == []
    (step, _) = project.json("apply", "words", "--errors-only")["steps"]  # and the checks of pairs
    assert (step["computed"], step["message"]) == (0, "no row has failed")


def test_status_has_a_line_for_each_column(project: Any) -> None:
    stats = next(found for found in project.json("status")["passes"] if found["name"] == "stats")
    assert (stats["done"], stats["overwritten"], stats["drift"]) == (6, 0, None)
    assert stats["generations"] == {stats["generation"]: 6}
    lines = [line.split() for line in project.text("status").splitlines()]
    assert lines[0][:4] == ["COLUMN", "PASS", "DATASET", "DONE"]
    made = {line[0]: line[1:9] for line in lines[1:] if line[1:2] == ["stats"]}
    assert set(made) == set(stats["columns"])
    assert made["width"] == ["stats", "pairs", "6", "0", "0", "0", "0", stats["generation"][:8]]


def test_a_check_of_the_plan_tells_of_drifted_code(project: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", list(sys.path))
    plugin = project.folder / "drifting.py"
    plugin.write_text(DRIFTING)
    monkeypatch.delitem(sys.modules, "drifting", raising=False)
    declare(project, '  length: {from: pairs, use: "drifting:Length", inputs: {text: caption}}\n')
    project.text("apply")
    project.text("plan", "--check")
    plugin.write_text(DRIFTING + "# a comment\n")
    sys.modules.pop("drifting")
    answer = project.json("plan", "--check", status=1)
    assert (answer["pending"], answer["drifted"]) == (False, True)
    assert "its code changed and its version did not" in project.text("plan")
    assert "code changed" in project.text("status")
    project.text("apply", "length")
    project.text("plan", "--check")
