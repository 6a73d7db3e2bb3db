"""A model of MLflow, with the training that made it: which versions its run says that it read.

``models:/NAME/1``, ``models:/NAME@alias`` or ``models:/m-...`` leads to a run, its dataset inputs to versions: those
whose source is of the type ``mmreg``, and those whose digest is the uuid of a version here. A model is imported once:
the id of its run comes from MLflow's own.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from mmreg.errors import UsageError
from mmreg.registry.exchange.mlflow_client import CONTEXT, DIGEST, EXTERNAL, SPLIT, Tracking, tracking, version_in
from mmreg.registry.models import model_alias
from mmreg.registry.trained_data import TrainedData
from mmreg.registry.training import Training
from mmreg.schemas.model import Checkpoint
from mmreg.schemas.refs import ModelRef, VersionRef, check_name
from mmreg.schemas.run import Run, RunState
from mmreg.schemas.training import Data

if TYPE_CHECKING:
    from mmreg.registry.catalog import VersionRow
    from mmreg.registry.workspace import Workspace

LEASE = "mlflow-models"
_URI = re.compile(r"models:/(?P<id>m-[0-9a-f]{32})|models:/(?P<name>[^/@]+)(?:/(?P<version>[0-9]+)|@(?P<alias>[^/@]+))")
_EVALUATION = re.compile(r"eval|test|val", re.IGNORECASE)
_STATES = {"FAILED": RunState.FAILED, "KILLED": RunState.ABORTED}


@dataclass(frozen=True)
class _Found:
    """What MLflow says: the registered version, the logged model and the run that made it; None for what it has not,
    but one of the first two is there."""

    name: str
    version: Any
    model: Any
    run: Any

    @property
    def key(self) -> str:
        """What tells it from any other model."""
        model = self.model.model_id if self.model is not None else f"{self.version.name}/{self.version.version}"
        return f"{model} {self.run.info.run_id if self.run is not None else ''}"

    @property
    def ended_ms(self) -> int:
        if self.run is not None and self.run.info.end_time:
            return int(self.run.info.end_time)
        return int((self.model or self.version).creation_timestamp)


def model_import(
    workspace: Workspace,
    uri: str,
    name: str | None = None,
    *,
    alias: str | None = None,
    tracking_uri: str | None = None,
    output: Path | None = None,
) -> Run:
    """Register the model at ``uri`` under ``name`` (default: its own), with the training that made it; or find it so.

    Its files are digested where they are on this machine, else fetched into ``output``; where there are none, and
    mmreg did not write it there, it is opaque. Raises `NotFound` for what MLflow does not have.
    """
    with tracking(tracking_uri) as server:
        found = _find(server, uri)
        id = _run_id(found)
        with workspace.alone(LEASE):
            if (known := next(workspace.catalog.runs_with([id]), None)) is not None:
                if alias is not None:
                    made = known.checkpoints[0]
                    model_alias(workspace, ModelRef(made["name"], made["digest"][:16]), alias)
                return known
            name = check_name(name or found.name, "model name")
            return _recorded(workspace, server, found, id, name, alias, output)


def _find(server: Tracking, uri: str) -> _Found:
    asked = _URI.fullmatch(uri)
    if asked is None:
        raise UsageError(f"{uri!r} is no model of MLflow", hint="models:/NAME/1, models:/NAME@alias or models:/m-...")
    version: Any = None
    if asked["version"]:
        version = server.client.get_model_version(asked["name"], asked["version"])
    elif asked["alias"]:
        version = server.client.get_model_version_by_alias(asked["name"], asked["alias"])
    id = asked["id"]
    if version is not None:
        of_version = _URI.fullmatch(str(version.source))
        id = getattr(version, "model_id", None) or (of_version["id"] if of_version else None)
    model: Any = server.client.get_logged_model(id) if id else None
    run_id = (version.run_id if version is not None else None) or (model.source_run_id if model is not None else None)
    run = server.client.get_run(run_id) if run_id else None
    return _Found(version.name if version is not None else model.name, version, model, run)


def _run_id(found: _Found) -> str:
    """As `mmreg.registry.runs.new_run_id` makes them, but the same for the same model."""
    at = datetime.fromtimestamp(found.ended_ms / 1000, UTC)
    return f"{at:%Y%m%dT%H%M%S.%fZ}-{hashlib.sha256(found.key.encode()).hexdigest()[:10]}"


def _recorded(
    workspace: Workspace, server: Tracking, found: _Found, id: str, name: str, alias: str | None, output: Path | None
) -> Run:
    trained, evaluated, elsewhere = _data(workspace, found)
    facts = {
        "model": name,
        "alias": alias,
        "params": _params(found),
        "seed": _seed(found),
        "init_from": _began_from(workspace, server, found),
        "mlflow": _origin(server, found),
        **({"elsewhere": elsewhere} if elsewhere else {}),
        **({"cost": {"wall_s": _lasted_s(found)}} if _lasted_s(found) else {}),
    }
    job = Training(workspace, name, trained, facts, id)
    with job.holding():
        job.pin()
        for row in evaluated:
            job.evaluate_on(VersionRef(row.dataset, row.uuid))
        _save(workspace, server, found, job, name, output)
        ended = _iso(found.ended_ms)
        started = _iso(found.run.info.start_time) if found.run is not None else ended
        job.pin()
        job.record(_STATES.get(found.run.info.status if found.run else "", RunState.COMPLETE), started, None, ended)
    assert job.run is not None
    return job.run


def _data(workspace: Workspace, found: _Found) -> tuple[list[TrainedData], list[VersionRow], list[dict[str, str]]]:
    """The versions that the run was trained on, those that it was evaluated on, and datasets that are none of ours."""
    trained: list[TrainedData] = []
    evaluated: list[VersionRow] = []
    elsewhere: list[dict[str, str]] = []
    for used in found.run.inputs.dataset_inputs if found.run is not None else ():
        tags = {tag.key: tag.value for tag in used.tags}
        row = _version(workspace, used.dataset)
        if row is None:
            told = {"name": used.dataset.name, "digest": used.dataset.digest, "source_type": used.dataset.source_type}
            elsewhere.append({**told, "context": tags.get(CONTEXT, "")})
        elif _EVALUATION.search(tags.get(CONTEXT, "")):
            evaluated.append(row)
        else:
            asked = Data(VersionRef(row.dataset, row.uuid), tags.get(SPLIT))
            trained.append(TrainedData.of(workspace, asked))
    return trained, evaluated, elsewhere


def _version(workspace: Workspace, dataset: Any) -> VersionRow | None:
    """The version that an MLflow dataset is: by its source, else where its digest is the uuid of one."""
    told = version_in(dataset)
    uuid = told["uuid"] if told is not None else str(dataset.digest)
    node = next(iter(workspace.catalog.nodes([f"version:{uuid}"])), None)
    return workspace.catalog.resolve(VersionRef(node.name, uuid)) if node is not None and node.facts else None


def _params(found: _Found) -> dict[str, str]:
    of_run = found.run.data.params if found.run is not None else {}
    return {**of_run, **(found.model.params if found.model is not None else {})}


def _seed(found: _Found) -> int | None:
    said = next((value for key, value in _params(found).items() if key in ("seed", "random_seed", "random_state")), "")
    return int(said) if re.fullmatch(r"-?[0-9]{1,18}", said) else None


def _began_from(workspace: Workspace, server: Tracking, found: _Found) -> str | None:
    """The first of the models that the run read which is registered here."""
    for used in found.run.inputs.model_inputs if found.run is not None else ():
        digest = server.client.get_logged_model(used.model_id).tags.get(DIGEST, "")
        known = next(workspace.catalog.checkpoints_with([digest]), None)
        if known is not None:
            return f"{known.name}@{digest[:16]}"
    return None


def _origin(server: Tracking, found: _Found) -> dict[str, str]:
    """What leads back to MLflow."""
    told = {"tracking": server.place}
    if found.version is not None:
        told |= {"name": found.version.name, "version": str(found.version.version)}
    if found.model is not None:
        told["model_id"] = found.model.model_id
    if found.run is not None:
        told |= {"run_id": found.run.info.run_id, "experiment_id": found.run.info.experiment_id}
    return told


def _lasted_s(found: _Found) -> float:
    info = found.run.info if found.run is not None else None
    return (info.end_time - info.start_time) / 1000 if info is not None and info.end_time and info.start_time else 0.0


def _save(workspace: Workspace, server: Tracking, found: _Found, job: Training, name: str, output: Path | None) -> None:
    """Say what the weights are: those whose digest mmreg told MLflow, the files, or nobody knows."""
    metrics = dict(found.run.data.metrics) if found.run is not None else {}
    scores = {key: value for key, value in metrics.items() if not key.startswith("mmreg.")}
    tags = found.model.tags if found.model is not None else {}
    digest = tags.get(DIGEST, "")
    if re.fullmatch("[0-9a-f]{64}", digest):
        known = next(workspace.catalog.checkpoints_with([digest]), None)
        job.save_known(known or Checkpoint(name, digest), scores)
    elif tags.get(EXTERNAL) != "true" and (files := _files(workspace, server, found, name, output)) is not None:
        job.save(files, scores)
    else:
        opaque = hashlib.sha256(f"mlflow {found.key}".encode()).hexdigest()
        job.save_known(Checkpoint(name, opaque, uri=_uri(found), opaque=True), scores)


def _files(workspace: Workspace, server: Tracking, found: _Found, name: str, output: Path | None) -> Path | None:
    """The folder of the model's files, fetched where it is not on this machine; None where it has none."""
    if found.model is not None:
        place, uri = str(found.model.artifact_location), found.model.model_uri
    else:
        version = found.version
        place, uri = str(server.client.get_model_version_download_uri(version.name, version.version)), _uri(found)
    parts = urlsplit(place)
    if parts.scheme in ("", "file"):
        folder = Path(unquote(parts.path))
        return folder if folder.is_dir() and any(folder.iterdir()) else None
    own = f"{name}-{hashlib.sha256(found.key.encode()).hexdigest()[:12]}"
    target = output or workspace.project.folder / "models" / own
    target.mkdir(parents=True, exist_ok=True)
    server.fetch(uri, target)
    return target if any(target.iterdir()) else None


def _uri(found: _Found) -> str:
    if found.version is not None:
        return f"models:/{found.version.name}/{found.version.version}"
    return str(found.model.model_uri)


def _iso(ms: int) -> str:
    """As records write times."""
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
