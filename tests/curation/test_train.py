"""Trainings: exact versions in, a digested checkpoint out, the lineage that ties them; failures register nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from mmreg.curation.bind import bind
from mmreg.curation.plan import plan
from mmreg.errors import Blocked, IntegrityError, NotFound, TrainingFailed
from mmreg.registry.training import Training
from mmreg.schemas.refs import ModelRef, VersionRef
from mmreg.schemas.run import RunState

DECLARATION = """
version: 1
project: trained
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
  rest:  {{from: pairs, into: held, use: filter, where: "n_words < 2"}}
trainings:
  net:
    from: train
    command: [python, train.py]
    output: weights/net
    model: net
    alias: champion
    seeds: [0, 1]
    evaluate_on: {{held: null}}
    params: {{scale: 2}}
"""

SCRIPT = """
import json, os, sys
import numpy as np
from safetensors.numpy import save_file
import mmreg

data, held = mmreg.open(os.environ["MMREG_DATA"]), mmreg.open(os.environ["MMREG_EVAL_HELD"])
words = [n for batch in data.batches(["n_words"]) for n in batch.column("n_words").to_pylist()]
if os.path.exists("fail"):
    sys.exit("asked to fail")
scale, seed = json.loads(os.environ["MMREG_PARAMS"])["scale"], int(os.environ["MMREG_SEED"])
weights = {"w": np.array([sum(words) * scale, seed], np.float32)}
save_file(weights, os.path.join(os.environ["MMREG_OUTPUT"], "model.safetensors"))
with open(os.path.join(os.environ["MMREG_OUTPUT"], "metrics.json"), "w") as file:
    json.dump({"rows": len(words), "held": len(held)}, file)
"""


@pytest.fixture
def trained(project: Callable[..., Any]) -> Any:
    small = project(declaration=DECLARATION)
    (small.folder / "train.py").write_text(SCRIPT)
    return small


def test_a_declared_training_registers_a_checkpoint_for_each_seed(trained: Any) -> None:
    report = {step.name: step for step in trained.apply().steps}
    assert report["net"].outcome == "trained"
    registry = trained.open()
    models = {model.aliases: model for model in registry.models()}
    assert set(models) == {("champion",), ()}, "the alias goes to the first seed"
    champion = models[("champion",)]
    assert (dict(champion.metrics), champion.trained_on) == ({"rows": 4, "held": 2}, ("train@v1",))
    assert registry.model("net@champion").path == "weights/net/seed-0"
    assert not (trained.folder / "weights/net/seed-0/metrics.json").exists(), "metrics are no part of the weights"
    up = registry.lineage(f"sha256:{champion.digest}")
    kinds = {(edge.kind, edge.source.split(":")[0]) for edge in up.edges}
    assert {("trained_on", "version"), ("evaluated_on", "version"), ("generated", "run")} <= kinds
    assert any(node.kind == "source" for node in up.nodes), "down to the files"


def test_moved_data_keeps_the_model_and_says_so(trained: Any) -> None:
    trained.apply()
    trained.draw("new", "two words")
    report = {step.name: step for step in trained.apply().steps}
    assert (report["net"].outcome, report["net"].message) == (
        "stale",
        "trained on train@v1, the newest is train@v2; kept (mmreg apply net trains anew)",
    )
    assert len(trained.open().models()) == 2
    trained.apply("net")
    registry = trained.open()
    assert len(registry.models()) == 4
    assert registry.models()[0].trained_on == ("train@v2",)
    assert {step.action for step in plan(registry).steps} == {"nothing"}


def test_another_parameter_is_another_model(trained: Any) -> None:
    trained.apply()
    file = trained.folder / "mmreg.yaml"
    file.write_text(file.read_text().replace("scale: 2", "scale: 3"))
    found = {step.name: step for step in plan(trained.open()).steps}
    assert (found["net"].action, found["net"].reason) == ("run", "no model of this recipe yet (seed 0, 1)")


def test_changed_code_is_shown(trained: Any) -> None:
    trained.apply()
    (trained.folder / "train.py").write_text(SCRIPT + "# a comment\n")
    found = {step.name: step for step in plan(trained.open()).steps}
    assert (found["net"].action, found["net"].reason) == (
        "stale",
        "the command's own code changed; kept (mmreg apply net trains anew)",
    )


def test_a_failing_command_registers_nothing_and_is_recorded(trained: Any) -> None:
    (trained.folder / "fail").touch()
    with pytest.raises(TrainingFailed, match=r"python train\.py ended with status 1") as failed:
        trained.apply()
    assert failed.value.hint == "read what it printed, then: mmreg apply net"
    registry = trained.open()
    assert registry.models() == []
    (run,) = registry.runs("training")
    assert run.state is RunState.FAILED
    assert "ended with status 1" in run.facets["error"]
    (trained.folder / "fail").unlink()
    trained.apply()
    assert len(trained.open().models()) == 2


def test_versions_a_model_was_made_from_are_pinned(trained: Any) -> None:
    trained.apply()
    registry = trained.open()
    for ref in ("train@v1", "held@v1"):
        row = registry.catalog.resolve(VersionRef.parse(ref))
        assert f"mmreg-{row.uuid}" in registry.lake.table(row.dataset).tags.list()
        root = row.roots[0]
        assert f"mmreg-{root['uuid']}" in registry.lake.table(root["dataset"]).tags.list()


def test_your_own_loop(trained: Any) -> None:
    trained.apply("+keep")
    registry = trained.open()
    with registry.training("mine", ["train@v1"], alias="best", seed=3) as job:
        assert isinstance(job, Training)
        rows = sum(batch.num_rows for batch in job.open("train").batches(["caption"]))
        save_file({"w": np.array([rows], np.float32)}, trained.folder / "mine.safetensors")
        job.save(trained.folder / "mine.safetensors", metrics={"rows": rows})
    assert registry.model("mine@best").path == "mine.safetensors"
    assert job.run is not None
    assert job.run.facets["training"]["seed"] == 3
    with pytest.raises(NotFound, match="was not started with 'pairs'"):
        job.open("pairs")


def test_an_own_loop_that_breaks_is_recorded_as_failed(trained: Any) -> None:
    trained.apply("+keep")
    registry = trained.open()
    with pytest.raises(ZeroDivisionError), registry.training("mine", ["train@v1"]):
        raise ZeroDivisionError("division by zero")
    with pytest.raises(TrainingFailed, match="ended without saving a checkpoint"), registry.training("mine", ["train"]):
        pass
    assert [run.state for run in registry.runs("training")] == [RunState.FAILED, RunState.FAILED]
    assert registry.models() == []


def test_weights_that_changed_on_disk_are_not_the_model(trained: Any) -> None:
    trained.apply("+net")
    registry = trained.open()
    file = trained.folder / "weights/net/seed-0/model.safetensors"
    save_file({"w": np.array([0], np.float32)}, file)
    assert registry.loaded_model(ModelRef("net", "champion")).path is not None
    with pytest.raises(IntegrityError, match="holds other weights"):
        registry.loaded_model(ModelRef("net", "champion"), verify=True)


def test_models_evaluations_and_aliases_by_hand(trained: Any) -> None:
    trained.apply("pairs")
    registry = trained.open()
    save_file({"w": np.zeros(3, np.float32)}, trained.folder / "given.safetensors")
    checkpoint = registry.model_add(trained.folder / "given.safetensors", "given", alias="old", license="mit")
    assert registry.model_add(trained.folder / "given.safetensors", "given").digest == checkpoint.digest
    assert len(registry.models()) == 1, "the same weights are registered once"
    registry.model_alias("given@old", "new")
    registry.eval_record("given@new", "pairs@v1", {"accuracy": 0.5})
    (model,) = registry.models()
    assert (model.aliases, dict(model.metrics), model.license) == (("new", "old"), {"accuracy": 0.5}, "mit")
    run = registry.train_record("told", ["pairs@v1"], trained.folder / "given.safetensors", init_from="given@old")
    assert {i.role for i in run.inputs} == {"trained_on", "init_from"}
    with pytest.raises(NotFound, match="given@none"):
        registry.model("given@none")


def test_a_pass_binds_to_the_exact_champion(trained: Any) -> None:
    file = trained.folder / "mmreg.yaml"
    grade = '  graded: {from: pairs, use: "counted:Words", model: net@champion, outputs: {n_words: grade}, '
    file.write_text(file.read_text().replace("trainings:", grade + "inputs: {text: caption}}\ntrainings:"))
    with pytest.raises(Blocked, match="waits for training net"):
        bind(trained.open(), "graded")
    trained.apply()
    registry = trained.open()
    first = bind(registry, "graded")
    assert first.model is not None
    (run,) = [r for r in registry.runs("pass") if r.job.name == "graded"]
    assert [i.id for i in run.inputs if i.role == "curated_by"] == [first.model.checkpoint.digest]
    registry.model_alias(f"net@{registry.models()[0].digest[:12]}", "champion")
    assert bind(trained.open(), "graded").generation != first.generation
