"""Trainings that ran without access to the lake, recorded from the files that they wrote.

A file is recorded once: the id of its run comes from the digest of its content.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from mmreg.errors import IntegrityError, NotFound, UsageError
from mmreg.registry.clock import now
from mmreg.registry.components import declared_components
from mmreg.registry.row_sets import read_ids
from mmreg.registry.trained_data import TrainedData
from mmreg.registry.training import Training
from mmreg.schemas.model import Checkpoint
from mmreg.schemas.refs import VersionRef
from mmreg.schemas.run import Run, RunState
from mmreg.schemas.training import Data
from mmreg.schemas.training_file import FileData, TrainingFile, parse

if TYPE_CHECKING:
    from mmreg.registry.workspace import Workspace

LEASE = "training-files"


def train_ingest(workspace: Workspace, file: Path) -> Run:
    """Record the training that ``file`` tells of, as `mmreg.schemas.training_file` says; or find it recorded.

    Raises `SpecError` for what is no such file, `NotFound` for a version, model or file that is not there,
    `IntegrityError` where two things that it says of the same contradict each other.
    """
    try:
        content = file.read_bytes()
        said = parse(content.decode(), str(file))
    except OSError as error:
        raise NotFound(f"{file}: {error.strerror}", hint="give files that trainings have written") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{file} is no text in UTF-8", hint="give files that trainings have written") from error
    ended = _utc(said.ended_at) if said.ended_at else None
    id = _run_id(content, ended)
    with workspace.alone(LEASE):
        return next(workspace.catalog.runs_with([id]), None) or _recorded(workspace, file, said, id, ended)


def _recorded(workspace: Workspace, file: Path, said: TrainingFile, id: str, ended: str | None) -> Run:
    data = [TrainedData.of(workspace, _asked(workspace, one)) for one in said.data]
    for one, told in zip(data, said.data, strict=True):
        if told.rows is not None:
            one.saw(read_ids(file.parent / told.rows))
    facts = said.model_dump(
        include={"model", "framework", "license", "alias", "init_from", "seed", "params", "cost"}, exclude_none=True
    )
    job = Training(workspace, said.name, data, {**facts, "components": declared_components(said.components)}, id)
    with job.holding():
        job.pin()
        counted = {"samples_seen": said.samples_seen, "parameters": said.parameters}
        path = file.parent / said.checkpoint if said.checkpoint is not None else None
        if path is not None and (said.sha256 is None or path.exists()):
            saved = job.save(path, said.metrics, **counted)
            if said.sha256 not in (None, saved.digest):
                raise IntegrityError(
                    f"{path} holds other weights ({saved.digest[:12]}) than {file} says ({str(said.sha256)[:12]})",
                    hint="put the right ones there, or move them away: the 'sha256' alone is enough",
                )
        else:
            known = Checkpoint(
                said.model or said.name, str(said.sha256), said.framework or "unknown", license=said.license
            )
            job.save_known(known, said.metrics, **counted)
        at = ended or now()
        job.record(RunState.COMPLETE, _utc(said.started_at) if said.started_at else at, None, at)
    assert job.run is not None
    return job.run


def _asked(workspace: Workspace, told: FileData) -> Data:
    """Raises `IntegrityError` where the ref means another version than the uuid by now, `NotFound` for neither."""
    if told.uuid is None:
        ref = VersionRef.parse(str(told.ref))
    else:
        node = next(iter(workspace.catalog.nodes([f"version:{told.uuid}"])), None)
        if node is None:
            raise NotFound(f"no version {told.uuid}", hint="mmreg ls: is this the right lake?")
        ref = VersionRef(node.name, told.uuid)
        if told.ref is not None and workspace.catalog.resolve(VersionRef.parse(told.ref)).uuid != told.uuid:
            raise IntegrityError(
                f"{told.ref} is not the version {told.uuid}, which is {node.ref}", hint="leave 'ref' away, or mend it"
            )
    return Data(ref, told.split, told.where, told.weight, told.component)


def _run_id(content: bytes, ended: str | None) -> str:
    """As `mmreg.registry.runs.new_run_id` makes them, but the same for the same content. Sorts by when it ended."""
    at = datetime.fromisoformat(ended) if ended else datetime.fromtimestamp(0, UTC)
    return f"{at:%Y%m%dT%H%M%S.%fZ}-{hashlib.sha256(content).hexdigest()[:10]}"


def _utc(moment: str) -> str:
    """As records write times."""
    return datetime.fromisoformat(moment).astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
