"""Declared trainings of several datasets, and what their commands write for the record beside the weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from mmreg.curation.plan import plan
from mmreg.errors import SpecError, TrainingFailed
from mmreg.registry.row_sets import rows_of
from mmreg.schemas.training import trained_on

DECLARATION = """
version: 1
project: parts
lake: {lake}
datasets:
  pairs:
    source: {{type: imagefolder, path: images}}
    columns:
      image: {{type: image}}
      caption: {{type: text, nullable: true}}
passes:
  words: {{from: pairs, use: "counted:Words", inputs: {{text: caption}}}}
  keep:  {{from: pairs, into: train, use: filter, where: "n_words >= 2"}}
  split: {{from: pairs, into: splits, use: split, params: {{held: 0.4, seed: 1}}}}
trainings:
  net:
    data:
      - {{from: train, component: projector, weight: 0.25, where: "n_words >= 2"}}
      - {{from: splits, split: train, component: text}}
    command: [python, train.py]
    output: weights/net
    model: net
    components: {{vision: {{frozen: true, stage: pretrain}}, projector: {{stage: projector}}}}
"""
SCRIPT = """
import json, os
import numpy as np
from safetensors.numpy import save_file
import mmreg

first, second = json.loads(os.environ["MMREG_DATASETS"])
assert (first["ref"], first["where"], first["weight"]) == (os.environ["MMREG_DATA"], os.environ["MMREG_WHERE"], 0.25)
assert "MMREG_SPLIT" not in os.environ
seen = [row.hex() for row in mmreg.open(first["ref"]).to_arrow(["sample_id"])["sample_id"].to_pylist()][:2]
rows = len(mmreg.open(second["ref"]).split(second["split"]))
output = os.environ["MMREG_OUTPUT"]
open(os.path.join(output, "rows.projector.txt"), "w").write("\\n".join(seen))
said = {"samples_seen": 10 * rows, "cost": {"gpu_s": 1.5, "flops": 1000}}
json.dump(said, open(os.path.join(output, "training.json"), "w"))
json.dump({"rows": rows}, open(os.path.join(output, "metrics.json"), "w"))
parts = ["vision_tower.w", "mm_projector.w", "language_model.w"]
save_file({name: np.full(2, n, np.float32) for n, name in enumerate(parts)}, os.path.join(output, "m.safetensors"))
sum(n * n for n in range(10**6))
"""


@pytest.fixture
def parts(project: Callable[..., Any]) -> Any:
    small = project(declaration=DECLARATION)
    (small.folder / "train.py").write_text(SCRIPT)
    return small


def test_a_training_of_several_datasets(parts: Any) -> None:
    parts.apply()
    registry = parts.open()
    (run,) = registry.runs("training")
    first, second = trained_on(run)
    assert (first.ref, first.component, first.weight, first.where) == ("train@v1", "projector", 0.25, "n_words >= 2")
    assert first.count == len(rows_of(registry, first)) == 2
    assert (second.ref, second.split, second.component, second.rows) == ("splits@v1", "train", "text", None)
    assert second.count == run.facets["metrics"][run.checkpoints[0]["digest"]]["rows"]
    assert run.facets["training"]["samples_seen"] == 10 * second.count
    assert run.facets["training"]["parameters"] == 6
    cost = run.facets["cost"]
    assert (cost["gpu_s"], cost["flops"]) == (1.5, 1000)
    assert cost["cpu_s"] > 0 and cost["wall_s"] > 0
    (made,) = run.checkpoints
    assert list(made["files"]) == ["m.safetensors"], "what is for the record is no part of the weights"
    assert {part["name"]: (part["stage"], tuple(part["trained_on"])) for part in made["components"]} == {
        "projector": ("projector", ("train@v1",)), "text": (None, ("splits@v1",)), "vision": ("pretrain", ()),
    }  # fmt: skip
    assert {step.action for step in plan(registry).steps} == {"nothing"}


def test_each_of_its_datasets_may_move(parts: Any) -> None:
    parts.apply()
    parts.draw("new", "two words")
    assert "trained on train@v1, the newest is train@v2" in {s.name: s for s in parts.apply().steps}["net"].message
    file = parts.folder / "mmreg.yaml"
    file.write_text(file.read_text().replace("weight: 0.25", "weight: 0.5"))
    assert {step.name: step.action for step in plan(parts.open()).steps}["net"] == "run", "another recipe"


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        ("training.json", "[1]", "training.json is no map"),
        ("training.json", '{"cost": {"gpus": 1}}', "no run costs 'gpus'"),
        ("training.json", '{"samples_seen": -1}', "samples_seen is -1"),
        ("rows.vision.txt", "00" * 16, "was not started with 'vision'"),
        ("rows.txt", "00" * 16, "which of train@v1"),
        ("rows.text.txt", "00" * 16, "1 of 1 samples are not in splits@v1:train"),
        ("rows.text.txt", "zz", "is no sample id"),
    ],
)
def test_what_a_command_may_not_write(parts: Any, file: str, content: str, said: str) -> None:
    script = "import os, pathlib\nout = pathlib.Path(os.environ['MMREG_OUTPUT'])\n(out / 'w.bin').write_bytes(b'w')\n"
    (parts.folder / "train.py").write_text(f"{script}(out / '{file}').write_text({content!r})\n")
    with pytest.raises(TrainingFailed, match=said):
        parts.apply()
    assert parts.open().models() == []


@pytest.mark.parametrize(
    ("was", "now", "said"),
    [
        ("    data:", "    from: pairs\n    data:", "'from' and 'data' cannot both be given"),
        ("from: train, component", "from: trian, component", "no dataset 'trian'; did you mean 'train'"),
        ("from: splits, split", "from: pairs, split", "'pairs' is a root dataset and has no splits"),
        ("weight: 0.25", "weight: 0", "greater than 0"),
        ("stage: projector", "stage: projecting", "projecting"),
        ("    output: weights/net", "    where: x\n    output: weights/net", "'where' and 'data' cannot both be given"),
    ],
)
def test_declarations_that_cannot_be_meant(parts: Any, was: str, now: str, said: str) -> None:
    file = parts.folder / "mmreg.yaml"
    file.write_text(file.read_text().replace(was, now, 1))
    with pytest.raises(SpecError, match=said):
        _ = parts.open().spec
