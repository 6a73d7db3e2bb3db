"""Trainings: a run that reads exact versions and writes a checkpoint.

    with workspace.training("clip", ["train@v3"]) as job:
        for batch in job.open("train").batches(["image", "caption"]):
            ...
        job.save("checkpoints/clip", metrics={"r@1": 0.09})

The run is recorded when the block ends; also, as failed, where it ends in an exception.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmreg.errors import NotFound, TrainingFailed
from mmreg.registry.catalog import VersionRow
from mmreg.registry.clock import now
from mmreg.registry.models import relative_path
from mmreg.registry.read import Reader
from mmreg.registry.runs import new_run_id
from mmreg.registry.weights import digest_weights
from mmreg.schemas.model import Checkpoint
from mmreg.schemas.refs import ModelRef, VersionRef
from mmreg.schemas.run import Job, Run, RunInput, RunState

if TYPE_CHECKING:
    from mmreg.registry.workspace import Workspace


class Training:
    """A training under way. ``run`` is what was recorded, once the block has ended."""

    def __init__(self, workspace: Workspace, name: str, rows: Sequence[VersionRow], facts: Mapping[str, Any]) -> None:
        self._workspace, self.name, self._rows, self._facts = workspace, name, list(rows), dict(facts)
        self._evaluated: list[VersionRow] = []
        self._holds = ExitStack()
        self.checkpoint: Checkpoint | None = None
        self.metrics: dict[str, float] = {}
        self.run: Run | None = None

    def open(self, dataset: str, split: str | None = None) -> Reader:
        """A handle to the exact version of ``dataset`` that this training was started with."""
        for row in [*self._rows, *self._evaluated]:
            if row.dataset == dataset:
                return self._workspace.open_version(row.ref, split)
        raise NotFound(f"training {self.name} was not started with {dataset!r}", hint="name it among its inputs")

    def evaluate_on(self, ref: VersionRef | str) -> Reader:
        """A handle to a version that is used for evaluation only; it is recorded as such."""
        row = self._workspace.catalog.resolve(VersionRef.parse(ref) if isinstance(ref, str) else ref)
        self._holds.enter_context(self._workspace.holding(row))
        self._evaluated.append(row)
        return self._workspace.open_version(row.ref)

    def save(self, path: Path | str, metrics: Mapping[str, float] | None = None) -> Checkpoint:
        """Register the weights at ``path`` as what this training made, with what they scored."""
        path = Path(path)
        facts = {key: self._facts.get(key) for key in ("framework", "license")}
        model = self._facts.get("model", self.name)
        checkpoint = digest_weights(path, name=model, **facts)
        self.checkpoint = replace(
            checkpoint, path=relative_path(self._workspace, path), base=self._facts.get("init_from")
        )
        self.metrics = dict(metrics or {})
        return self.checkpoint

    def record(self, state: RunState, started: str, error: str | None) -> None:
        """Record the run as it ended."""
        facets: dict[str, Any] = {"training": self._facts}
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
            id=new_run_id(),
            job=Job("training", self.name),
            state=state,
            started_at=started,
            ended_at=now(),
            inputs=tuple(self._inputs()),
            checkpoints=checkpoints,
            facets=facets,
        )
        self._workspace.record(self.run)

    @contextmanager
    def holding(self) -> Iterator[None]:
        """Keep clean-up away from what this training reads, until it is recorded."""
        with self._holds:
            self._holds.enter_context(self._workspace.holding(*self._rows))
            yield

    def pin(self) -> None:
        """Keep what the model was made from: its versions, and the root versions behind them."""
        for row in [*self._rows, *self._evaluated]:
            self._workspace.pin(row.dataset, row.uuid, row.lance_version)
            for root in row.roots:
                self._workspace.pin(root["dataset"], root["uuid"], root["lance_version"])

    def _inputs(self) -> Iterator[RunInput]:
        for role, rows in (("trained_on", self._rows), ("evaluated_on", self._evaluated)):
            for row in rows:
                yield RunInput("version", row.uuid, row.ref, role=role)  # type: ignore[arg-type]
        if init := self._facts.get("init_from"):
            parent = self._workspace.catalog.checkpoint(ModelRef.parse(init))
            yield RunInput("checkpoint", parent.digest, init, role="init_from")


@contextmanager
def training(workspace: Workspace, name: str, inputs: Sequence[VersionRef], **facts: Any) -> Iterator[Training]:
    """Record a training on ``inputs``. ``facts``: model, alias, framework, license, init_from, seed, params, ...

    Raises `TrainingFailed` where the block ends without `Training.save`.
    """
    rows = [workspace.catalog.resolve(ref) for ref in inputs]
    job = Training(workspace, name, rows, facts)
    with job.holding():
        job.pin()
        started = now()
        try:
            yield job
        except KeyboardInterrupt:
            job.record(RunState.ABORTED, started, "interrupted")
            raise
        except BaseException as error:
            job.record(RunState.FAILED, started, traceback.format_exception_only(error)[-1].strip())
            raise
        job.pin()
        if job.checkpoint is None:
            job.record(RunState.FAILED, started, "no checkpoint was saved")
            raise TrainingFailed(f"training {name} ended without saving a checkpoint", hint="call job.save(PATH)")
        job.record(RunState.COMPLETE, started, None)
