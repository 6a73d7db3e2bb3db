"""Real lakes of texts: rows out of a JSON Lines file, passes of the project's own."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from mmreg.schemas.check import CheckResult

MAKERS = '''
"""Passes that write texts, measure them, and make rows; ``model`` is asked for none of it."""

import pyarrow as pa


class Pass:
    version = "1"
    scope, role = "row", "mapper"

    def __init__(self, recipe):
        self.params = recipe.params

    def open(self):
        pass


class Rewrite(Pass):
    kind = "map"
    inputs = {"text": "text"}

    def outputs(self):
        return pa.schema([("written", pa.string())])

    def __call__(self, batch):
        texts = batch.column("text").to_pylist()
        errors = pa.array(["empty" if text == "bad" else None for text in texts], pa.string())
        return pa.record_batch({"written": pa.array([f"said {text}" for text in texts]), "error": errors})


class Length(Pass):
    kind = "score"
    inputs = {"text": "text"}

    def outputs(self):
        return pa.schema([("length", pa.int32())])

    def __call__(self, batch):
        sizes = [len(text or "") for text in batch.column("text").to_pylist()]
        return pa.record_batch({"length": pa.array(sizes, pa.int32())})


class Both(Pass):
    """Reads two columns, which are not in alphabetical order."""

    kind = "score"
    inputs = {"text": "text", "other": "text"}

    def outputs(self):
        return pa.schema([("together", pa.int32())])

    def __call__(self, batch):
        pairs = zip(batch.column("text").to_pylist(), batch.column("other").to_pylist())
        return pa.record_batch({"together": pa.array([len(f"{a}{b}") for a, b in pairs], pa.int32())})


class Invent(Pass):
    kind, role = "create", "creator"
    inputs = {"text": "text"}

    def outputs(self):
        return pa.schema([("text", pa.string())])

    def __call__(self, batch):
        texts = batch.column("text").to_pylist()
        rows = pa.array(range(len(texts)), pa.int32())
        return pa.record_batch({"text": pa.array([f"more {text}" for text in texts]), "_row": rows})


class Prefer(Pass):
    kind, role = "filter", "filter"
    inputs = {"text": "text"}

    def outputs(self):
        return pa.schema([("keep", pa.bool_())])

    def __call__(self, batch):
        return pa.record_batch({"keep": pa.array(["no" not in (t or "") for t in batch.column("text").to_pylist()])})
'''


@pytest.fixture
def corpus(project: Callable[..., Any]) -> Callable[..., Any]:
    """Make a project: for each dataset its rows, as ``{"text": ...}``, and what else the declaration says."""

    def make(datasets: Mapping[str, Sequence[Mapping[str, Any]]], more: str = "", columns: str = "") -> Any:
        declared = "\n".join(
            f"  {name}: {{{{source: {{{{type: jsonl, path: {name}.jsonl}}}}, columns: {{{{"
            f"text: {{{{type: text, nullable: true}}}}{columns}}}}}}}}}"
            for name in datasets
        )
        text = f"version: 1\nproject: texts\nlake: {{lake}}\ndatasets:\n{declared}\n"
        made = project(0, text + more.replace("{", "{{").replace("}", "}}"))
        (made.folder / "makers.py").write_text(MAKERS)
        for name, rows in datasets.items():
            write(made, name, rows)
        return made

    return make


def write(made: Any, name: str, rows: Sequence[Mapping[str, Any]]) -> None:
    (made.folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


@pytest.fixture
def rewrite() -> Callable[[Any, str, Sequence[Mapping[str, Any]]], None]:
    """Change the rows that a dataset's source has."""
    return write


@pytest.fixture
def answer() -> Callable[..., CheckResult]:
    """``answer(project, "train", check=..., <arguments>)``: what a check finds in the latest version."""

    def run(made: Any, of: str, /, **declared: Any) -> CheckResult:
        file = made.folder / "mmreg.yaml"
        before = file.read_text()
        file.write_text(f"{before}\nchecks: {{{of}: [{json.dumps(declared)}]}}\n")
        try:
            with made.open() as registry:
                (report,) = registry.validate(f"{of}@latest", record=False)
        finally:
            file.write_text(before)
        (result,) = report.results
        return result

    return run
