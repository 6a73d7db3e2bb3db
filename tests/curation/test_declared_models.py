"""A declared model is what its files hold now: other weights make another generation, the old ones the old again."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mmreg.curation.apply import apply
from mmreg.curation.plan import plan
from mmreg.registry.api import Registry
from mmreg.registry.init import init_project

DECLARATION = """
version: 1
project: swapped
datasets:
  notes:
    source: {type: jsonl, path: notes.jsonl}
    columns:
      text: {type: text}
models:
  namer: {uri: weights}
passes:
  label: {from: notes, use: "swapped_names:Label", model: namer, inputs: {text: text}}
"""

LABEL = """
import pathlib
import pyarrow as pa


class Label:
    version = "1"
    kind, scope, role = "score", "row", "evaluator"
    inputs = {"text": "text"}

    def __init__(self, recipe):
        self.model = recipe.model

    def outputs(self):
        return pa.schema([("label", pa.string())])

    def open(self):
        self.name = pathlib.Path(self.model.path, "name").read_text()

    def __call__(self, batch):
        return pa.record_batch({"label": [f"{self.name} {text}" for text in batch["text"].to_pylist()]})
"""


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "mmreg.yaml").write_text(DECLARATION)
    (tmp_path / "swapped_names.py").write_text(LABEL)
    (tmp_path / "notes.jsonl").write_text("".join(json.dumps({"text": f"n{n}"}) + "\n" for n in range(6)))
    weigh(tmp_path, "A")
    init_project(tmp_path)
    yield tmp_path
    sys.modules.pop("swapped_names", None)
    sys.path[:] = [entry for entry in sys.path if entry != str(tmp_path)]


def weigh(folder: Path, name: str) -> None:
    (folder / "weights").mkdir(exist_ok=True)
    (folder / "weights" / "name").write_text(name)
    os.utime(folder / "weights" / "name", ns=(0, ord(name)))


def labels(folder: Path, ref: str = "notes@latest") -> set[str]:
    return {row["label"].split()[0] for row in Registry.open(folder).query(ref, columns=["label"])}


def actions(folder: Path) -> dict[str, str]:
    return {step.name: step.reason for step in plan(Registry.open(folder)).steps if step.action == "run"}


def test_other_weights_are_planned_and_make_a_version_of_their_own(folder: Path) -> None:
    assert actions(folder)["namer"] == "not registered yet"
    apply(Registry.open(folder))
    assert actions(folder) == {}
    weigh(folder, "B")
    first, second = actions(folder)["namer"].removeprefix("now ").split(", was ")
    assert first != second
    assert actions(folder)["label"] == "6 recipe changed", "also before the new weights are registered"
    apply(Registry.open(folder))
    assert (labels(folder, "notes@v2"), labels(folder)) == ({"A"}, {"B"})


def test_weights_that_come_back_are_what_the_name_means_again(folder: Path) -> None:
    apply(Registry.open(folder))
    weigh(folder, "B")
    apply(Registry.open(folder))
    weigh(folder, "A")
    apply(Registry.open(folder))
    assert labels(folder) == {"A"}
    registry = Registry.open(folder)
    assert len(registry.models()) == 2
    used = registry.catalog.last_run("pass", "label")
    assert used is not None
    assert registry.model("namer").digest in {input.id for input in used.inputs}
    assert actions(folder) == {}


def test_a_pass_that_is_selected_alone_registers_the_model_that_it_uses(folder: Path) -> None:
    apply(Registry.open(folder))
    weigh(folder, "B")
    apply(Registry.open(folder), ["label"])
    assert labels(folder) == {"B"}
    assert actions(folder) == {}


def test_a_plan_needs_no_weights_that_it_knows(folder: Path) -> None:
    apply(Registry.open(folder))
    (folder / "weights").rename(folder / "elsewhere")
    assert actions(folder) == {}
