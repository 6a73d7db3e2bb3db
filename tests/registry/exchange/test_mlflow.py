"""Lineage in MLflow: written so that MLflow can search it, and models read back with what they were trained on."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlflow
import pytest
from golden_lakes import Scene
from mlflow.entities import Dataset, DatasetInput, InputTag

from mmreg.errors import NotFound, StorageError, UsageError
from mmreg.registry.api import Registry
from mmreg.registry.exchange.mlflow_client import DIGEST, RUN, SPLIT
from mmreg.schemas.training import trained_on

# What MLflow asks of its own libraries in ways that these will not answer for ever.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:mlflow.*")


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database of MLflow with nothing in it: making one takes seconds."""
    file = tmp_path_factory.mktemp("mlflow") / "mlflow.db"
    mlflow.MlflowClient(f"sqlite:///{file}").search_experiments()
    return file


@pytest.fixture
def server(empty_store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> mlflow.MlflowClient:
    """MLflow over a database of the test's own."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(empty_store, tmp_path / "mlflow.db")
    return mlflow.MlflowClient(f"sqlite:///{tmp_path}/mlflow.db", registry_uri=f"sqlite:///{tmp_path}/mlflow.db")


@pytest.fixture
def scene(teacher: Scene, tmp_path: Path) -> Scene:
    """A teacher that was trained on what a student said, and a student that was trained on the teacher's lessons."""
    shutil.copytree(teacher.folder, tmp_path / "project")
    return Scene(tmp_path / "project")


@pytest.fixture
def registry(scene: Scene) -> Registry:
    return Registry.open(scene.folder)


Fit = Callable[..., tuple[str, str]]


@pytest.fixture
def fit(server: mlflow.MlflowClient, tmp_path: Path) -> Fit:
    """Train as people do who know MLflow alone; returns the model's URI and the run."""
    mine = server.create_experiment("mine", artifact_location=str(tmp_path / "artifacts"))

    def fit(
        name: str, *data: DatasetInput, files: Path | None = None, tags: dict[str, str] | None = None
    ) -> tuple[str, str]:
        run = server.create_run(mine, start_time=1_700_000_000_000).info.run_id
        server.log_inputs(run, list(data))
        server.log_param(run, "lr", 0.1)
        server.log_param(run, "seed", 7)
        model = server.create_logged_model(mine, name=name, source_run_id=run, tags=tags or {})
        if files is not None:
            server.log_model_artifacts(model.model_id, str(files))
        server.finalize_logged_model(model.model_id, "READY")
        server.log_metric(run, "accuracy", 0.75, model_id=model.model_id)
        server.set_terminated(run, end_time=1_700_000_060_000)
        server.create_registered_model(name)
        version = server.create_model_version(name, model.model_uri, run_id=run)
        return f"models:/{name}/{version.version}", run

    return fit


def read(registry: Registry, ref: str, context: str) -> DatasetInput:
    """A version as a training logs it."""
    made = registry.mlflow_dataset(ref)._to_mlflow_entity()
    return DatasetInput(made, [InputTag("mlflow.data.context", context)])


def at(server: mlflow.MlflowClient) -> str:
    return str(server.tracking_uri)


def written(server: mlflow.MlflowClient) -> list[Any]:
    (experiment,) = server.search_experiments(filter_string="name LIKE 'mmreg/%'")
    found = server.search_runs([experiment.experiment_id], f"tags.`{RUN}` != ''")
    return [server.get_run(run.info.run_id) for run in found]


def test_every_version_that_a_run_read_is_there_and_is_searched_by_its_uuid(
    registry: Registry, server: mlflow.MlflowClient
) -> None:
    whole = registry.lineage_of_all()
    answer = registry.lineage_to_mlflow(whole, at(server))
    runs = {run.id: run for run in registry.runs()}
    assert answer.records == len(runs) == len(written(server))
    digests = {m.tags[DIGEST]: m.model_id for m in server.search_logged_models(["1"])}
    for run in written(server):
        ours = runs[run.data.tags[RUN]]
        inputs = {(d.dataset.digest, d.tags[0].value) for d in run.inputs.dataset_inputs}
        assert inputs == {(used.id, used.role) for used in ours.inputs if used.kind == "version"}
        splits = {d.dataset.digest: tag.value for d in run.inputs.dataset_inputs for tag in d.tags if tag.key == SPLIT}
        assert splits == {told.uuid: told.split for told in trained_on(ours) if told.split}
        models = {used.model_id for used in run.inputs.model_inputs}
        assert models == {digests[used.id] for used in ours.inputs if used.kind == "checkpoint"}
        assert {k: v for k, v in run.data.tags.items() if k.startswith("mmreg.output.")} == {
            f"mmreg.output.{output.dataset}": output.uuid for output in ours.outputs
        }
        made = {made.model_id for made in run.outputs.model_outputs} if run.outputs else set()
        assert made == {digests[doc["digest"]] for doc in ours.checkpoints}
    training = next(run for run in runs.values() if run.job.kind == "training")
    data = next(used for used in training.inputs if used.role == "trained_on")
    found = server.search_runs(["1"], f"dataset.digest = '{data.id}'")
    assert training.id in {run.data.tags[RUN] for run in found}
    asked = [{"dataset_name": data.ref.partition("@")[0], "dataset_digest": data.id}]
    models = {m.tags[DIGEST] for m in server.search_logged_models(["1"], datasets=asked)}
    assert {doc["digest"] for doc in training.checkpoints} <= models


def test_what_is_there_is_not_written_again_but_what_was_left_half_is(
    registry: Registry, server: mlflow.MlflowClient
) -> None:
    part = registry.lineage("model:teacher", "up")
    first = registry.lineage_to_mlflow(part, at(server)).records
    assert registry.lineage_to_mlflow(part, at(server)).records == 0
    assert len(written(server)) == first
    left = written(server)[0]
    server.update_run(left.info.run_id, status="RUNNING")  # as where a process died
    assert registry.lineage_to_mlflow(part, at(server)).records == 1
    assert len(written(server)) == first
    assert left.data.tags[RUN] in {run.data.tags[RUN] for run in written(server)}


def test_a_version_logged_by_a_training_leads_back(
    registry: Registry, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = registry.catalog.versions("texts")[0]
    entity = registry.mlflow_dataset(texts.ref)._to_mlflow_entity()
    assert (entity.name, entity.digest, entity.source_type) == ("texts", texts.uuid, "mmreg")
    assert str(scene.folder) not in entity.source
    monkeypatch.chdir(scene.folder)
    assert mlflow.data.get_source(entity).load().uuid == texts.uuid


def test_a_model_is_imported_with_the_versions_that_its_run_read(
    scene: Scene, registry: Registry, server: mlflow.MlflowClient, fit: Fit, tmp_path: Path
) -> None:
    trained, evaluated = registry.catalog.versions("texts")[0], registry.catalog.versions("texts")[-1]
    weights = tmp_path / "weights"
    weights.mkdir()
    (weights / "model.bin").write_bytes(b"weights")
    elsewhere = DatasetInput(Dataset("web", "ab12", "http", "{}"), [InputTag("mlflow.data.context", "training")])
    told = [read(registry, trained.ref, "training"), read(registry, evaluated.ref, "eval"), elsewhere]
    uri, run_id = fit("fitted", *told, files=weights)
    run = scene.json("model", "import", uri, "clip", "--alias", "best", "--tracking-uri", at(server))
    used = {(i["role"], i["id"]) for i in run["inputs"]}
    assert used == {("trained_on", trained.uuid), ("evaluated_on", evaluated.uuid)}
    training = run["facets"]["training"]
    assert training["params"] == {"lr": "0.1", "seed": "7"} and training["seed"] == 7
    assert training["mlflow"]["run_id"] == run_id
    assert [one["name"] for one in training["elsewhere"]] == ["web"]
    assert run["facets"]["cost"]["wall_s"] == 60
    assert run["started_at"] == "2023-11-14T22:13:20.000000Z"
    shown = scene.json("model", "show", "clip@best")
    assert shown["size_bytes"] == 7 and not shown["opaque"]
    upstream = scene.json("lineage", "up", "model:clip")
    assert f"version:{trained.uuid}" in {node["id"] for node in upstream["nodes"]}

    again = scene.json("model", "import", uri, "clip", "--alias", "other", "--tracking-uri", at(server))
    assert again["id"] == run["id"], "imported once"
    assert scene.json("model", "show", "clip@other")["digest"] == shown["digest"]


def test_a_model_that_mmreg_wrote_there_comes_back_as_itself(
    registry: Registry, server: mlflow.MlflowClient, tmp_path: Path
) -> None:
    registry.lineage_to_mlflow(registry.lineage_of_all(), at(server))
    teacher = registry.model("teacher")
    (model,) = [m for m in server.search_logged_models(["1"]) if m.tags[DIGEST] == teacher.digest]
    run = registry.model_import(model.model_uri, tracking_uri=at(server))
    before = next(r for r in registry.runs("training") if r.checkpoints[0]["digest"] == teacher.digest and r != run)
    assert run.checkpoints[0]["digest"] == teacher.digest
    assert {(i.id, i.role) for i in run.inputs} == {(i.id, i.role) for i in before.inputs}
    assert run.facets["metrics"] == before.facets["metrics"]


def test_weights_that_nobody_has_are_opaque_and_a_digest_that_is_told_is_kept(
    registry: Registry, server: mlflow.MlflowClient, fit: Fit
) -> None:
    uri, _ = fit("remote", read(registry, "texts@v1", "training"), tags={"mlflow.model.isExternal": "true"})
    first = registry.model_import(uri, tracking_uri=at(server)).checkpoints[0]
    assert first["opaque"] and first["uri"] == uri
    uri, _ = fit("known", read(registry, "texts@v1", "training"), tags={DIGEST: "ab" * 32})
    known = registry.model_import(uri, tracking_uri=at(server)).checkpoints[0]
    assert known["digest"] == "ab" * 32 and not known["opaque"]


def test_what_is_not_there_is_told(registry: Registry, server: mlflow.MlflowClient, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is no model of MLflow"):
        registry.model_import("runs:/abc/model", tracking_uri=at(server))
    with pytest.raises(NotFound, match="nothing"):
        registry.model_import("models:/nothing/1", tracking_uri=at(server))
    with pytest.raises((StorageError, UsageError), match="://") as error:
        registry.model_import("models:/nothing/1", tracking_uri="gopher://user:secret1@host")
    assert "secret1" not in str(error.value)
