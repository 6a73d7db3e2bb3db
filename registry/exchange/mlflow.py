"""A lineage in MLflow: versions as datasets, runs as runs, checkpoints as external models. Nothing is uploaded.

A dataset's digest is the version's uuid, which MLflow can search by (it cannot by a source): ``search_runs`` with
``dataset.digest = '<uuid>'``, ``search_logged_models`` with ``datasets=[{"dataset_name", "dataset_digest"}]``. MLflow
knows no dataset that a run has made: these are in the run's tags, ``mmreg.output.<dataset>``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from mmreg.registry.exchange.mlflow_client import (
    CONTEXT,
    DIGEST,
    EXTERNAL,
    REF,
    RUN,
    SOURCE,
    SPLIT,
    Tracking,
    source_of,
    tracking,
)
from mmreg.registry.lineage.spent import spent
from mmreg.schemas.exchange import Exported
from mmreg.schemas.lineage import Lineage
from mmreg.schemas.run import Run, RunInput, RunState
from mmreg.schemas.training import trained_on

if TYPE_CHECKING:
    from mmreg.registry.workspace import Workspace
    from mmreg.schemas.model import Checkpoint

PAGE = 1000
BATCH = 100
"""Params that MLflow takes at a time."""
LONGEST = 5000
"""Characters of a value; more are cut, by MLflow or by us."""

_ENDED = {RunState.COMPLETE: "FINISHED", RunState.FAILED: "FAILED", RunState.ABORTED: "KILLED"}
_NO_KEY = re.compile(r"[^A-Za-z0-9_. /:-]")
_NO_MODEL_NAME = re.compile(r"""[/:.%"']""")


def write(lineage: Lineage, workspace: Workspace, tracking_uri: str | None = None) -> Exported:
    """Write the runs of ``lineage`` with all that they read and made, but what is there already."""
    ids = {kind: [n.id.partition(":")[2] for n in lineage.nodes if n.kind == kind] for kind in ("run", "checkpoint")}
    rows = {n.id.partition(":")[2]: n.facts.get("rows") for n in lineage.nodes if n.kind == "version"}
    known = {model.digest: model for model in workspace.catalog.checkpoints_with(ids["checkpoint"])}
    name = f"mmreg/{workspace.spec.project}"
    with tracking(tracking_uri) as server:
        writer = _Writer(server, _experiment(server, name), workspace.lake.id, known, rows)
        written = sum([writer.run(run) for run in workspace.catalog.runs_with(ids["run"])])
        return Exported("mlflow", f"{server.place}, experiment {name}", written)


def _experiment(server: Tracking, name: str) -> str:
    found = server.client.get_experiment_by_name(name)
    return str(found.experiment_id) if found is not None else str(server.client.create_experiment(name))


class _Writer:
    """Writes runs into one experiment, where each is found again by its tag."""

    def __init__(
        self,
        server: Tracking,
        experiment: str,
        lake: str,
        known: Mapping[str, Checkpoint],
        rows: Mapping[str, int | None],
    ) -> None:
        self._client, self._entities = server.client, server.entities
        self._experiment, self._lake, self._known, self._rows = experiment, lake, known, rows
        self._runs = {
            run.data.tags[RUN]: run.info for run in self._pages(self._client.search_runs, f"tags.`{RUN}` != ''")
        }
        found = self._pages(self._client.search_logged_models, f"tags.`{DIGEST}` != ''")
        self._models: dict[str, str] = {model.tags[DIGEST]: model.model_id for model in found}

    def run(self, run: Run) -> bool:
        """Write ``run``; False where it is there. One that was left half written is written again."""
        if (found := self._runs.get(run.id)) is not None:
            if found.status != "RUNNING":
                return False
            self._client.delete_run(found.run_id)
        begun = self._client.create_run(
            self._experiment,
            start_time=_ms(run.started_at),
            tags=self._tags(run),
            run_name=f"{run.job.kind} {run.job.name}",
        )
        id = begun.info.run_id
        used = [one for one in run.inputs if one.kind == "version"]
        models = [self._model(one.id, one.ref) for one in run.inputs if one.kind == "checkpoint"]
        if used or models:
            inputs = [self._entities.LoggedModelInput(model) for model in dict.fromkeys(models)]
            splits = {told.uuid: told.split for told in trained_on(run)}
            self._client.log_inputs(id, [self._dataset(one, splits.get(one.id)) for one in used], inputs)
        made = {doc["digest"]: self._model(doc["digest"], doc["name"], id) for doc in run.checkpoints}
        if made:
            self._client.log_outputs(id, [self._entities.LoggedModelOutput(model, 0) for model in made.values()])
        params = [self._entities.Param(key, value) for key, value in _params(run).items()]
        for start in range(0, len(params), BATCH):
            self._client.log_batch(id, params=params[start : start + BATCH])
        self._client.log_batch(id, metrics=list(self._metrics(run, used, made)))
        self._client.set_terminated(id, _ENDED[run.state], end_time=_ms(run.ended_at))
        return True

    def _pages(self, search: Any, where: str) -> Iterator[Any]:
        token = None
        while True:
            page = search([self._experiment], filter_string=where, max_results=PAGE, page_token=token)
            yield from page
            token = page.token
            if not token:
                return

    def _tags(self, run: Run) -> dict[str, str]:
        outputs = {f"mmreg.output.{output.dataset}": output.uuid for output in run.outputs}
        named = {REF: " ".join(output.ref for output in run.outputs)} if run.outputs else {}
        roles: dict[str, str] = {}  # which MLflow does not keep of a model that a run read
        for used in run.inputs:
            if used.kind == "checkpoint":
                roles[f"mmreg.{used.role}"] = f"{roles.get(f'mmreg.{used.role}', '')} {used.id}".strip()
        return {RUN: run.id, "mmreg.kind": run.job.kind, "mmreg.lake": self._lake, **named, **outputs, **roles}

    def _dataset(self, used: RunInput, split: str | None) -> Any:
        name = used.ref.partition("@")[0]
        version = self._entities.Dataset(
            name=name, digest=used.id, source_type=SOURCE, source=source_of(self._lake, used.ref, used.id)
        )
        tags = {CONTEXT: used.role, REF: used.ref, **({SPLIT: split} if split else {})}
        return self._entities.DatasetInput(
            version, [self._entities.InputTag(key, value) for key, value in tags.items()]
        )

    def _model(self, digest: str, ref: str, made_by: str | None = None) -> str:
        """The id of the checkpoint's external model, which is made where there is none."""
        if digest not in self._models:
            known = self._known.get(digest)
            name = known.name if known is not None else ref.removeprefix("model:").partition("@")[0]
            tags = {DIGEST: digest, REF: f"model:{name}@{digest[:12]}", EXTERNAL: "true"}
            tags |= {"mmreg.license": known.license} if known is not None and known.license else {}
            model = self._client.create_logged_model(
                self._experiment,
                name=_NO_MODEL_NAME.sub("-", name),
                source_run_id=made_by,
                tags=tags,
                params={"framework": known.framework} if known is not None else {},
                model_type="mmreg",
            )
            self._client.finalize_logged_model(model.model_id, "READY")
            self._models[digest] = str(model.model_id)
        return self._models[digest]

    def _metrics(self, run: Run, used: list[RunInput], made: Mapping[str, str]) -> Iterator[Any]:
        """What it scored and spent; and the rows of each dataset, by which a model is found from the dataset."""
        at = _ms(run.ended_at)
        for model in made.values() or (None,):
            for one in used:
                told = {"model_id": model, "dataset_name": one.ref.partition("@")[0], "dataset_digest": one.id}
                yield self._entities.Metric(f"mmreg.{one.role}.rows", float(self._rows.get(one.id) or 0), at, 0, **told)
        evaluated = next((one for one in used if one.role == "evaluated_on"), None)
        on = {"dataset_name": evaluated.ref.partition("@")[0], "dataset_digest": evaluated.id} if evaluated else {}
        for digest, scores in run.facets.get("metrics", {}).items():
            for key, value in scores.items() if isinstance(scores, Mapping) else ():
                yield self._entities.Metric(_key(key), float(value), at, 0, model_id=self._models.get(digest), **on)
        opaque = {digest for digest, model in self._known.items() if model.opaque}
        for measure, amount in spent(run, opaque.__contains__).items():
            if amount is not None:
                yield self._entities.Metric(f"mmreg.cost.{_key(measure)}", amount, at, 0)


def _params(run: Run) -> dict[str, str]:
    """The params of a pass or a training, and the seed."""
    facet = {**run.facets.get("pass", {}), **run.facets.get("training", {})}
    told = {**facet.get("params", {}), **{key: facet[key] for key in ("seed", "use", "generation") if key in facet}}
    return {_key(str(name)): str(value)[:LONGEST] for name, value in told.items() if value is not None}


def _key(name: str) -> str:
    return _NO_KEY.sub("_", name)[:200] or "_"


def _ms(moment: str) -> int:
    """Milliseconds since 1970."""
    return round(datetime.fromisoformat(moment).timestamp() * 1000) if moment else 0
