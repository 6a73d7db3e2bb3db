"""Several processes call one pass: the same answers, each row once, and errors as if there was one process."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mmreg.curation.apply import apply
from mmreg.errors import PassFailed, UsageError
from mmreg.registry.api import Registry
from mmreg.registry.init import init_project

DECLARATION = """
version: 1
project: many
datasets:
  notes:
    source: {type: jsonl, path: notes.jsonl}
    columns:
      text: {type: text}
passes:
  length: {from: notes, use: "worked:Length", workers: 3, inputs: {text: text}}
"""

WORKED = """
import os
import pathlib
import signal
import time

import pyarrow as pa

HERE = pathlib.Path(__file__).parent


class Length:
    version = "1"
    kind, scope, role = "score", "row", "evaluator"
    inputs = {"text": "text"}
    batch_rows = 8

    def __init__(self, recipe):
        self.loaded = False

    def outputs(self):
        return pa.schema([("n", pa.int64())])

    def open(self):
        self.loaded, self.tokens = True, 0

    def spent(self):
        return {"tokens_in": self.tokens}

    def __call__(self, batch):
        texts = batch["text"].to_pylist()
        with (HERE / "calls").open("a") as calls:
            calls.writelines(f"{os.getpid()} {text}\\n" for text in texts)
        patience = time.monotonic() + 60
        while (HERE / "together").exists() and time.monotonic() < patience:
            if len({line.split()[0] for line in (HERE / "calls").read_text().splitlines()}) > 1:
                break
            time.sleep(0.01)
        if "die" in texts and not (HERE / "dead").exists():
            (HERE / "dead").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        if "refuse" in texts:
            from mmreg.errors import UsageError
            raise UsageError("no such thing", hint="another one")
        numbers = [len(text) if text != "bad" else int(text) for text in texts]
        self.tokens += sum(numbers)
        return pa.record_batch({"n": numbers})
"""


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "mmreg.yaml").write_text(DECLARATION)
    (tmp_path / "worked.py").write_text(WORKED)
    init_project(tmp_path)
    yield tmp_path
    sys.modules.pop("worked", None)
    sys.path[:] = [entry for entry in sys.path if entry != str(tmp_path)]


def write(folder: Path, *texts: str) -> None:
    (folder / "notes.jsonl").write_text("".join(f'{{"text": "{text}"}}\n' for text in texts))


def calls(folder: Path) -> list[tuple[str, str]]:
    lines = (folder / "calls").read_text().splitlines() if (folder / "calls").exists() else []
    return [(pid, text) for pid, _, text in (line.partition(" ") for line in lines)]


def found(folder: Path) -> dict[str, int | None]:
    return {row["text"]: row["n"] for row in Registry.open(folder).query("notes@latest", columns=["text", "n"])}


def test_many_processes_answer_as_one(folder: Path) -> None:
    texts = [f"text {number}" * (number % 3 + 1) for number in range(120)]
    write(folder, *texts, "bad")
    (folder / "together").touch()  # whoever is called first waits for a second one to be called
    apply(Registry.open(folder))
    assert found(folder) == {**{text: len(text) for text in texts}, "bad": None}
    assert {text for _, text in calls(folder)} == {*texts, "bad"}
    assert len({pid for pid, _ in calls(folder)}) > 1
    run = Registry.open(folder).runs("pass")[0]
    cost = run.facets["pass"]["cost"]
    assert cost["tokens_in"] == sum(map(len, texts))
    assert cost["calls"] >= len(texts)


def test_a_worker_that_dies_loses_what_was_under_way(folder: Path) -> None:
    texts = [f"text {number}" for number in range(400)]
    write(folder, *texts[:390], "die", *texts[390:])
    with pytest.raises(PassFailed, match="a worker died"):
        apply(Registry.open(folder))
    asked = len(calls(folder))
    apply(Registry.open(folder))
    assert found(folder) == {text: len(text) for text in [*texts, "die"]}
    assert len(calls(folder)) - asked < 200, "what was answered is kept"


def test_an_error_of_ours_comes_back_whole(folder: Path) -> None:
    write(folder, *(f"text {number}" for number in range(20)), "refuse")
    with pytest.raises(UsageError, match="no such thing") as refused:
        apply(Registry.open(folder))
    assert refused.value.hint == "another one"


def test_a_pass_that_cannot_be_sent_says_so(folder: Path) -> None:
    code = (folder / "worked.py").read_text()
    (folder / "worked.py").write_text(code.replace("self.loaded = False", "self.loaded = lambda: False"))
    write(folder, "one", "two")
    with pytest.raises(PassFailed, match="cannot be sent to workers") as failed:
        apply(Registry.open(folder))
    assert "workers: 1" in str(failed.value.hint)
