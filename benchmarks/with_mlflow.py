"""MLflow at what it can do of the same: record a run with what it read, and walk from a model up through such runs.

A database of its own in SQLite; nothing is told to anybody. As in a recorded pass: one dataset and one model read, a
parameter, a metric, and the version that was made as a tag, as MLflow knows no dataset that a run has made.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any

from measure import Work


def recording(folder: Path, count: int) -> Work:
    """Record ``count`` runs, each of which reads what the one before it made."""
    client, experiment, entities = _ready(folder)
    model = _model(client, experiment, None)

    def work() -> None:
        for number in range(count):
            _record(client, entities, experiment, number, model)

    return work


def walking(folder: Path, levels: int, rounds: int = 3) -> Work:
    """Walk up ``levels`` trainings, each of which began from the model of the one before it: milliseconds a walk."""
    import time

    client, experiment, entities = _ready(folder)
    model = None
    for number in range(levels):
        run = _record(client, entities, experiment, number, model)
        model = _model(client, experiment, run)

    def walk() -> int:
        reached, at = 0, model
        while at is not None:
            run = client.get_run(client.get_logged_model(at).source_run_id)
            reached += 1 + len(run.inputs.dataset_inputs)
            at = next((used.model_id for used in run.inputs.model_inputs), None)
        return reached

    def work() -> float:
        taken = []
        for _ in range(rounds):
            start = time.perf_counter()
            assert walk() == 2 * levels
            taken.append((time.perf_counter() - start) * 1000)
        return min(taken)

    return work


def _ready(folder: Path) -> tuple[Any, str, Any]:
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    import mlflow
    import mlflow.entities

    for noisy in ("mlflow", "alembic"):
        logging.getLogger(noisy).setLevel(logging.ERROR)
    folder.mkdir(parents=True)
    address = f"sqlite:///{folder / 'mlflow.db'}"
    client = mlflow.MlflowClient(address, registry_uri=address)
    return client, client.create_experiment("bench", artifact_location=str(folder)), mlflow.entities


def _record(client: Any, entities: Any, experiment: str, number: int, model: str | None) -> str:
    tags = {"mmreg.output.pairs": f"pairs@v{number + 1}"}
    run = client.create_run(experiment, tags=tags, run_name="pass clip").info.run_id
    dataset = entities.Dataset("pairs", f"{number:036d}", "mmreg", '{"uri": "mmreg://lake/pairs"}')
    read = entities.DatasetInput(dataset, [entities.InputTag("mlflow.data.context", "used")])
    client.log_inputs(run, [read], [entities.LoggedModelInput(model)] if model is not None else [])
    metric = entities.Metric("seconds", 1.0, 0, 0)
    client.log_batch(run, metrics=[metric], params=[entities.Param("batch", "64")])
    client.set_terminated(run)
    return str(run)


def _model(client: Any, experiment: str, made_by: str | None) -> str:
    model = client.create_logged_model(experiment, name="clip", source_run_id=made_by)
    client.finalize_logged_model(model.model_id, "READY")
    return str(model.model_id)
