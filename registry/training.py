"""Trainings: a run that reads exact versions and writes a checkpoint.

    with workspace.training("clip", ["train@v3"]) as job:
        for batch in job.open("train").batches(["sample_id", "image", "caption"]):
            job.saw(batch.column("sample_id"))
            ...
        job.save("checkpoints/clip", metrics={"r@1": 0.09}, samples_seen=32_000)

The run is recorded when the block ends; also, as failed, where it ends in an exception.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmreg.errors import NotFound, TrainingFailed, UsageError
from mmreg.registry.catalog import VersionRow
from mmreg.registry.clock import now
from mmreg.registry.components import components_of, settled
from mmreg.registry.models import exact, relative_path
from mmreg.registry.runs import new_run_id
from mmreg.registry.trained_data import TrainedData
from mmreg.registry.usage import measured
from mmreg.registry.weights import digest_weights
from mmreg.schemas.model import Checkpoint, Component
from mmreg.schemas.refs import VersionRef
from mmreg.schemas.run import Job, Run, RunInput, RunState
from mmreg.schemas.training import Data, added, checked_cost

if TYPE_CHECKING:
    from mmreg.registry.read import Reader
    from mmreg.registry.row_sets import Samples
    from mmreg.registry.workspace import Workspace


class Training:
    """A training under way. ``run`` is what was recorded, once the block has ended.

    ``cost`` is what it is said to have cost so far (`mmreg.schemas.training.COST`), ``measured`` what was measured.
    """

    def __init__(
        self, workspace: Workspace, name: str, data: Sequence[TrainedData], facts: Mapping[str, Any], id: str
    ) -> None:
        self._workspace, self.name, self.data, self._facts = workspace, name, tuple(data), dict(facts)
        self._components = components_of(self._facts.pop("components", ()))
        self._evaluated: list[VersionRow] = []
        self._holds = ExitStack()
        self._id, self._began_from = id, exact(workspace, self._facts.get("init_from"))
        self._parts: tuple[RunInput, ...] = ()
        self.checkpoint: Checkpoint | None = None
        self.metrics: dict[str, float] = {}
        self.measured: Mapping[str, float] = {}
        self.cost: dict[str, Any] = checked_cost(self._facts.pop("cost", {}))
        self.run: Run | None = None

    def open(self, dataset: str, split: str | None = None) -> Reader:
        """A handle to the exact version of ``dataset``, or of a component's data, that this training was started with.

        Without ``split`` it is the one that the training was started with.
        """
        named = [data for data in self.data if dataset in (data.row.dataset, data.asked.component)]
        for row in self._evaluated if not named else ():
            if row.dataset == dataset:
                return self._workspace.open_version(row.ref, split)
        return self._of(dataset).open(split)

    def saw(self, samples: Samples, of: str | None = None) -> None:
        """Say which samples were trained on, as often as one likes: batch by batch, or all at once.

        ``samples`` are a column ``sample_id``, 16 bytes or 32 hexadecimal digits each; ``of`` names the dataset or the
        component where the training reads several. A training that says nothing has seen all rows. Raises `UsageError`
        for a sample that is not among the data. Memory: 16 bytes a sample.
        """
        self._of(of).saw(samples)

    def spent(self, **cost: float | int | str) -> None:
        """Add to what it cost: ``gpu_s``, ``flops``, ``money`` with its ``currency``, ... (`COST`)."""
        self.cost = added(self.cost, checked_cost(cost))

    def evaluate_on(self, ref: VersionRef | str) -> Reader:
        """A handle to a version that is used for evaluation only; it is recorded as such."""
        row = self._workspace.catalog.resolve(VersionRef.parse(ref) if isinstance(ref, str) else ref)
        self._holds.enter_context(self._workspace.holding(row))
        self._evaluated.append(row)
        return self._workspace.open_version(row.ref)

    def save(
        self,
        path: Path | str,
        metrics: Mapping[str, float] | None = None,
        *,
        samples_seen: int | None = None,
        parameters: int | None = None,
    ) -> Checkpoint:
        """Register the weights at ``path`` as what this training made, with what they scored.

        ``samples_seen`` counts a sample as often as it was read. ``parameters`` are counted in safetensors files.
        """
        path = Path(path)
        facts = {key: self._facts.get(key) for key in ("framework", "license")}
        found = digest_weights(path, name=self._facts.get("model") or self.name, **facts)
        found = replace(found, path=relative_path(self._workspace, path))
        return self.save_known(found, metrics, samples_seen=samples_seen, parameters=parameters)

    def save_known(
        self,
        found: Checkpoint,
        metrics: Mapping[str, float] | None = None,
        *,
        samples_seen: int | None = None,
        parameters: int | None = None,
    ) -> Checkpoint:
        """`save` for weights that are elsewhere and whose digest is known."""
        parent = self._workspace.catalog.checkpoint(self._began_from) if self._began_from else None
        base = str(self._began_from) if self._began_from else None
        found = replace(found, base=base)
        fed = [Component(d.asked.component, trained_on=(d.row.ref,)) for d in self.data if d.asked.component]
        self.checkpoint, self._parts = settled(self._workspace, found, (*self._components, *fed), parent)
        self.metrics = dict(metrics or {})
        told = {"samples_seen": samples_seen, "parameters": parameters or self.checkpoint.facts.get("parameters")}
        self._facts |= {key: value for key, value in told.items() if value is not None}
        return self.checkpoint

    def record(self, state: RunState, started: str, error: str | None, ended: str | None = None) -> None:
        """Record the run as it ended."""
        facets: dict[str, Any] = {"training": self._told()}
        if cost := {**self.measured, **self.cost}:
            facets["cost"] = cost
        if error is not None:
            facets["error"] = error
        checkpoints: tuple[dict[str, Any], ...] = ()
        if self.checkpoint is not None and state is RunState.COMPLETE:
            checkpoints = (self.checkpoint.to_dict(),)
            if self.metrics:
                facets["metrics"] = {self.checkpoint.digest: self.metrics}
            if alias := self._facts.get("alias"):
                facets["alias"] = {
                    "model": self.checkpoint.name,
                    "alias": alias,
                    "digest": self.checkpoint.digest,
                }
        self.run = Run(
            id=self._id,
            job=Job("training", self.name),
            state=state,
            started_at=started,
            ended_at=ended or now(),
            inputs=tuple(dict.fromkeys(self._inputs())),
            checkpoints=checkpoints,
            facets=facets,
        )
        self._workspace.record(self.run)

    @contextmanager
    def holding(self) -> Iterator[None]:
        """Keep clean-up away from what this training reads, until it is recorded."""
        with self._holds:
            self._holds.enter_context(self._workspace.holding(*(data.row for data in self.data)))
            yield

    def pin(self) -> None:
        """Keep what the model was made from: its versions, and the root versions behind them."""
        for row in [*(data.row for data in self.data), *self._evaluated]:
            self._workspace.pin(row.dataset, row.uuid, row.lance_version)
            for root in row.roots:
                self._workspace.pin(root["dataset"], root["uuid"], root["lance_version"])

    def _of(self, name: str | None) -> TrainedData:
        found = [data for data in self.data if name is None or name in (data.row.dataset, data.asked.component)]
        if not found:
            raise NotFound(f"training {self.name} was not started with {name!r}", hint="name it among its inputs")
        if len(found) > 1:
            several = ", ".join(str(data) for data in found)
            raise UsageError(f"training {self.name}: which of {several}?", hint="name its dataset or its component")
        return found[0]

    def _told(self) -> dict[str, Any]:
        """The facet ``training``: what was said of it, and its data."""
        told = {**self._facts, "data": [data.told().to_dict() for data in self.data]}
        if self._began_from is not None:
            told["init_from"] = str(self._began_from)
        if len(self.data) == 1:
            told["split"] = self.data[0].asked.split
        return told

    def _inputs(self) -> Iterator[RunInput]:
        for data in self.data:
            yield RunInput("version", data.row.uuid, data.row.ref, role="trained_on")
        for row in self._evaluated:
            yield RunInput("version", row.uuid, row.ref, role="evaluated_on")
        if self._began_from is not None:
            parent = self._workspace.catalog.checkpoint(self._began_from)
            yield RunInput("checkpoint", parent.digest, str(self._began_from), role="init_from")
        yield from self._parts


@contextmanager
def training(
    workspace: Workspace, name: str, inputs: Sequence[VersionRef | Data | str], *, measure: bool = True, **facts: Any
) -> Iterator[Training]:
    """Record a training on ``inputs``, each a version, or `Data` as itself or as text.

    ``facts``: model, alias, framework, license, init_from, seed, params, components, cost, ... With ``measure`` the
    processor time and the wall time of the block, its child processes included, are part of its cost, unless they are
    given. Raises `TrainingFailed` where the block ends without `Training.save`, and `UsageError` for a split that is
    said of no input.
    """
    if "split" in facts:
        raise UsageError("a split belongs to what was trained on", hint=f"'{inputs[0]}:{facts['split']}' as an input")
    data = [TrainedData.of(workspace, asked) for asked in inputs]
    job = Training(workspace, name, data, facts, new_run_id())
    with job.holding():
        job.pin()
        started = now()
        with _recording_failure(job, started), measured("self") as cost:
            if measure:
                job.measured = cost
            yield job
        job.pin()
        if job.checkpoint is None:
            job.record(RunState.FAILED, started, "no checkpoint was saved")
            raise TrainingFailed(f"training {name} ended without saving a checkpoint", hint="call job.save(PATH)")
        job.record(RunState.COMPLETE, started, None)


def record_training(
    workspace: Workspace,
    name: str,
    inputs: Sequence[VersionRef | Data | str],
    checkpoint: Path,
    *,
    metrics: Mapping[str, float] | None = None,
    rows: Mapping[str | None, Samples] | None = None,
    samples_seen: int | None = None,
    parameters: int | None = None,
    **facts: Any,
) -> Run:
    """Record a training that already happened and wrote ``checkpoint``. What it cost is what ``cost`` says.

    ``rows`` are the samples that were seen where those are not all, by dataset or component; under None where there is
    one dataset. Other ``facts`` as for `training`.
    """
    job = Training(workspace, name, [TrainedData.of(workspace, asked) for asked in inputs], facts, new_run_id())
    with job.holding():
        started = now()
        for of, samples in (rows or {}).items():
            job.saw(samples, of)
        job.save(checkpoint, metrics, samples_seen=samples_seen, parameters=parameters)
        job.pin()
        job.record(RunState.COMPLETE, started, None)
    assert job.run is not None
    return job.run


@contextmanager
def _recording_failure(job: Training, started: str) -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        job.record(RunState.ABORTED, started, "interrupted")
        raise
    except BaseException as error:
        job.record(RunState.FAILED, started, traceback.format_exception_only(error)[-1].strip())
        raise
