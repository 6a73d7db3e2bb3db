"""The model side of the registry: checkpoints by the digest of their weights, aliases, evaluations."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmreg.errors import IntegrityError, NotFound
from mmreg.registry.clock import now
from mmreg.registry.runs import new_run_id
from mmreg.registry.weights import digest_weights, opaque_checkpoint
from mmreg.schemas.model import Checkpoint
from mmreg.schemas.refs import ModelRef, VersionRef, check_name
from mmreg.schemas.run import Job, Run, RunInput, RunState

if TYPE_CHECKING:
    from mmreg.registry.api import Registry


def model_add(
    registry: Registry,
    path: Path,
    name: str,
    *,
    alias: str | None = None,
    license: str | None = None,
    base: str | None = None,
    framework: str | None = None,
) -> Checkpoint:
    """Digest the weights at ``path`` and register them. The same weights under the same name are registered once."""
    check_name(name, "model name")
    checkpoint = digest_weights(path, name=name, framework=framework, license=license, base=base)
    checkpoint = replace(checkpoint, path=relative_path(registry, path))
    inputs: tuple[RunInput, ...] = ()
    if base is not None:
        parent = registry.model(base)
        inputs = (
            RunInput("checkpoint", parent.digest, f"{parent.name}@{parent.digest[:12]}", role="init_from"),
        )
    known = {m.digest for m in registry.models() if m.name == name}
    if checkpoint.digest not in known:
        _record(registry, Job("model", name), inputs=inputs, checkpoints=(checkpoint.to_dict(),))
    if alias is not None:
        model_alias(registry, ModelRef(name, checkpoint.digest[:16]), alias)
    return checkpoint


def declared_model(registry: Registry, name: str) -> Checkpoint:
    """Register the model that ``models:`` declares under ``name``: by its weights, or as opaque by its address."""
    spec = registry.spec.models[name]
    if "://" in spec.uri and not spec.uri.startswith("file://"):
        checkpoint = opaque_checkpoint(spec, name)
        _record(registry, Job("model", name), checkpoints=(checkpoint.to_dict(),))
        return checkpoint
    path = registry.project.folder / spec.uri.removeprefix("file://")
    return model_add(registry, path, name, license=spec.license, base=spec.base, framework=spec.framework)


def model_alias(registry: Registry, ref: ModelRef, alias: str) -> Checkpoint:
    """Let ``alias`` of the model mean the checkpoint ``ref`` from now on."""
    check_name(alias, "alias")
    checkpoint = registry.catalog.checkpoint(ref)
    facet = {"model": checkpoint.name, "alias": alias, "digest": checkpoint.digest}
    used = RunInput("checkpoint", checkpoint.digest, str(ref))
    _record(registry, Job("alias", checkpoint.name), inputs=(used,), facets={"alias": facet})
    return checkpoint


def eval_record(registry: Registry, model: ModelRef, ref: VersionRef, metrics: Mapping[str, float]) -> Run:
    """Record what a model scored on a version."""
    checkpoint = registry.catalog.checkpoint(model)
    row = registry.catalog.resolve(ref)
    inputs = (
        RunInput("checkpoint", checkpoint.digest, str(model)),
        RunInput("version", row.uuid, f"{row.dataset}@v{row.ordinal}", role="evaluated_on"),
    )
    facets = {"metrics": {checkpoint.digest: dict(metrics)}}
    return _record(registry, Job("evaluation", checkpoint.name), inputs=inputs, facets=facets)


def weights_path(registry: Registry, checkpoint: Checkpoint, *, verify: bool) -> Path | None:
    """Where a checkpoint's files are on this machine; None for an opaque one.

    ``verify`` digests them again: a model is its weights, and a path may hold others by now. Raises `NotFound`
    where they are gone, `IntegrityError` where they are others.
    """
    if checkpoint.path is None:
        return None
    path = registry.project.folder / checkpoint.path
    if not path.exists():
        raise NotFound(
            f"the weights of {checkpoint.name}@{checkpoint.digest[:12]} are not at {checkpoint.path}",
            hint="put them back, or train again",
        )
    if verify:
        there = digest_weights(path, name=checkpoint.name).digest
        if there != checkpoint.digest:
            raise IntegrityError(
                f"{checkpoint.path} holds other weights ({there[:12]}) than {checkpoint.name}@{checkpoint.digest[:12]}",
                hint=f"put the right ones back, or: mmreg model add {checkpoint.path} {checkpoint.name}",
            )
    return path


def relative_path(registry: Registry, path: Path) -> str:
    """``path`` as it is kept: relative to the project, so that nothing recorded is absolute."""
    return Path(os.path.relpath(path.resolve(), registry.project.folder.resolve())).as_posix()


def _record(registry: Registry, job: Job, **parts: Any) -> Run:
    moment = now()
    run = Run(id=new_run_id(), job=job, state=RunState.COMPLETE, started_at=moment, ended_at=moment, **parts)
    registry.record(run)
    return run
