"""Real lakes of texts: rows out of a JSON Lines file, passes of the project's own."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import pyarrow as pa
import pytest

from mmreg.schemas.check import CheckResult
from mmreg.schemas.check_spec import CheckSpec
from mmreg.validators import Table, load_check

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
        kept = before.partition("\nchecks:")[0]
        file.write_text(f"{kept}\nchecks: {{{of}: [{json.dumps(declared)}]}}\n")
        try:
            with made.open() as registry:
                (report,) = registry.validate(f"{of}@latest", record=False)
        finally:
            file.write_text(before)
        (result,) = report.results
        return recordable(result)

    return run


def recordable(result: CheckResult) -> CheckResult:
    """``result``, which a run must be able to keep."""
    json.dumps(asdict(result))
    return result


class Held:
    """Rows in memory, as a check reads those of another version."""

    def __init__(self, ref: str, rows: pa.RecordBatch) -> None:
        self.ref, self._rows = ref, rows
        self.uuid, self.schema = ref, rows.schema

    def __len__(self) -> int:
        return self._rows.num_rows

    def batches(self, columns: Sequence[str], *, batch_size: int, media: bool) -> Iterator[pa.RecordBatch]:
        assert not media
        names = list(dict.fromkeys(name.partition(".")[0] for name in columns))
        for start in range(0, len(self), 3):  # whatever was asked for: batches may be smaller
            yield self._rows.select(names).slice(start, 3)


class Memory:
    """As much of a registry as checks that compare two versions ask for."""

    def __init__(self, *versions: Held) -> None:
        self._versions = {version.ref: version for version in versions}

    def open(self, ref: str, split: str | None = None) -> Held:
        assert split is None
        return self._versions[ref]


@pytest.fixture(scope="session")
def compare() -> Callable[..., CheckResult]:
    """``compare(here, there, cut, check=..., <arguments>)``: check columns against those of a version ``there@v1``.

    Samples are numbered, those there from 1,000 on.
    """

    def run(here: Mapping[str, Any], there: Mapping[str, Any], cut: int = 2, /, **declared: Any) -> CheckResult:
        ours, theirs = _numbered(here, 0), _numbered(there, 1000)
        world: Any = Memory(Held("there@v1", theirs))
        table = Table(ours.schema, rows=ours.num_rows, world=world)
        check = load_check(CheckSpec(evaluation="there@v1", **declared), table)
        for start, stop in ((0, cut), (cut, ours.num_rows)):
            check.update(ours.slice(start, max(stop - start, 0)))
        return recordable(check.result())

    return run


def _numbered(columns: Mapping[str, Any], first: int) -> pa.RecordBatch:
    given = dict(columns)
    numbers = given.pop("sample_id", None)
    rows = len(numbers) if numbers is not None else len(next(iter(given.values())))
    ids = [number.to_bytes(16, "big") for number in (numbers if numbers is not None else range(first, first + rows))]
    return pa.record_batch({"sample_id": pa.array(ids, pa.binary(16)), **given})
