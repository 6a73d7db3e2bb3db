"""The model side of the registry: checkpoints by the digest of their weights, aliases, evaluations."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmreg.errors import NotFound
from mmreg.registry.clock import now
from mmreg.registry.components import components_of, declared_components, named, settled
from mmreg.registry.hub import cached_snapshot, fetched_snapshot, is_hub
from mmreg.registry.runs import new_run_id
from mmreg.registry.weights import digest_weights, opaque_checkpoint, weights_stamp
from mmreg.schemas.declared_models import ModelSpec
from mmreg.schemas.model import Checkpoint, Component
from mmreg.schemas.refs import ModelRef, VersionRef, check_name
from mmreg.schemas.run import Job, Run, RunInput, RunState
from mmreg.schemas.training import checked_cost

if TYPE_CHECKING:
    from mmreg.registry.workspace import Workspace


def model_add(
    workspace: Workspace,
    path: Path,
    name: str,
    *,
    alias: str | None = None,
    license: str | None = None,
    base: str | None = None,
    framework: str | None = None,
    components: Iterable[Component | str] = (),
) -> Checkpoint:
    """Digest the weights at ``path`` and register them: the bare name means them from now on.

    ``components``: what is known of the model's parts, beside what the files show. Raises `NotFound` for a ``base``, or
    a component's model or version, that is not there.
    """
    check_name(name, "model name")
    checkpoint = digest_weights(path, name=name, framework=framework, license=license, base=base)
    checkpoint = replace(checkpoint, path=relative_path(workspace, path))
    checkpoint = _register(workspace, checkpoint, components_of(components))
    if alias is not None:
        model_alias(workspace, ModelRef(name, checkpoint.digest[:16]), alias)
    return checkpoint


def add_declared(workspace: Workspace, name: str) -> Checkpoint:
    """Register the model that ``models:`` declares under ``name``: by its weights, or as opaque by its address."""
    spec = workspace.spec.models[name]
    path = fetched_snapshot(spec.uri, spec.revision) if is_hub(spec.uri) else _weights(workspace, spec)
    checkpoint = opaque_checkpoint(spec, name) if path is None else _digested(workspace, spec, name, path)
    return _register(workspace, checkpoint, declared_components(spec.components))


def declared_checkpoint(workspace: Workspace, name: str) -> Checkpoint:
    """What ``models:`` declares under ``name``, as its files are now, registered or not.

    They are digested where the size or time of one has moved since that was last done here. Where they are not here,
    it is what was registered. Raises `NotFound` where nothing was, or where a model of the hub is to be fetched.
    """
    spec = workspace.spec.models[name]
    path = cached_snapshot(spec.uri, spec.revision) if is_hub(spec.uri) else _weights(workspace, spec)
    if path is None and is_hub(spec.uri):
        raise NotFound(f"model {name}: {spec.uri} is to be fetched", hint="mmreg apply")
    if path is None:
        return opaque_checkpoint(spec, name)
    registered = newest(workspace, name)
    if registered is not None and not path.exists():
        return registered
    now_seen = weights_stamp(path)
    if registered is not None and workspace.catalog.touched(f"model:{name}").get(registered.digest) == now_seen:
        return registered
    checkpoint = _digested(workspace, spec, name, path)
    workspace.catalog.touch(f"model:{name}", checkpoint.digest, now_seen)
    return checkpoint


def note_served(workspace: Workspace, checkpoint: Checkpoint, said: Iterable[str]) -> None:
    """Keep what a server says that it is, its model and fingerprint, with the time when that was first heard.

    Its weights are nobody's here to digest: this is all that tells when others took their place.
    """
    registered = newest(workspace, checkpoint.name)
    if registered is None or registered.digest != checkpoint.digest:
        return  # an earlier one of the name, which must not become the newest again
    served = registered.facts.get("served", {})
    heard = {name: now() for name in said if name not in served}
    if heard:
        told = replace(registered, facts={**registered.facts, "served": {**served, **heard}})
        _record(workspace, Job("model", checkpoint.name), checkpoints=(told.to_dict(),))


def newest(workspace: Workspace, name: str) -> Checkpoint | None:
    """What the bare name of a model means; None before anything was registered under it."""
    try:
        return workspace.catalog.checkpoint(ModelRef(name))
    except NotFound:
        return None


def exact(workspace: Workspace, ref: str | None) -> ModelRef | None:
    """``ref`` by the digest of the checkpoint that it means now. Raises `NotFound`."""
    if ref is None:
        return None
    checkpoint = workspace.catalog.checkpoint(ModelRef.parse(ref))
    return ModelRef(checkpoint.name, checkpoint.digest[:16])


def model_alias(workspace: Workspace, ref: ModelRef, alias: str) -> Checkpoint:
    """Let ``alias`` of the model mean the checkpoint ``ref`` from now on."""
    check_name(alias, "alias")
    checkpoint = workspace.catalog.checkpoint(ref)
    facet = {"model": checkpoint.name, "alias": alias, "digest": checkpoint.digest}
    used = RunInput("checkpoint", checkpoint.digest, str(ref))
    _record(workspace, Job("alias", checkpoint.name), inputs=(used,), facets={"alias": facet})
    return checkpoint


def eval_record(
    workspace: Workspace,
    model: ModelRef,
    ref: VersionRef,
    metrics: Mapping[str, float],
    *,
    split: str | None = None,
    seed: int | None = None,
    evaluator: str | None = None,
    cost: Mapping[str, Any] | None = None,
) -> Run:
    """Record what a model scored on a version, or on one ``split`` of it.

    ``evaluator`` is who judged: a program or a person by name, or as ``model:NAME[@REF]`` a registered model, from
    which the scores then come as well. Raises `NotFound` for a model, version or split that is not there.
    """
    checkpoint = workspace.catalog.checkpoint(model)
    row = workspace.catalog.resolve(ref)
    if split is not None and not workspace.open_version(row.ref, split).parts:
        raise NotFound(f"{row.ref} has no rows")
    inputs = [
        RunInput("checkpoint", checkpoint.digest, str(model)),
        RunInput("version", row.uuid, row.ref, role="evaluated_on"),
    ]
    told: dict[str, Any] = {"model": checkpoint.digest, "split": split, "seed": seed}
    if evaluator is not None and evaluator.startswith("model:"):
        judge = workspace.catalog.checkpoint(ModelRef.parse(evaluator.removeprefix("model:")))
        inputs.append(RunInput("checkpoint", judge.digest, named(judge)))
        told["evaluator"] = {"kind": "model", "name": named(judge), "digest": judge.digest}
    elif evaluator is not None:
        told["evaluator"] = {"kind": "named", "name": evaluator}
    facets: dict[str, Any] = {"metrics": {checkpoint.digest: dict(metrics)}, "evaluation": told}
    if cost:
        facets["cost"] = checked_cost(cost)
    with workspace.holding(row):
        return _record(workspace, Job("evaluation", checkpoint.name), inputs=tuple(inputs), facets=facets)


def told_anew(workspace: Workspace, name: str) -> bool:
    """Whether ``models:`` says something else of registered weights than was recorded: licence, base or parts."""
    spec, known = workspace.spec.models[name], newest(workspace, name)
    if known is None or not (spec.license or spec.base or spec.components):
        return False
    declared = replace(known, license=spec.license or known.license, base=spec.base or known.base)
    try:
        found, _ = _settled(workspace, declared, declared_components(spec.components), known)
    except NotFound:
        return True  # it names what is not there, or not yet
    return _told(found) != _told(known)


def _register(workspace: Workspace, checkpoint: Checkpoint, said: Sequence[Component]) -> Checkpoint:
    """Record ``checkpoint`` unless it is what its name means already: weights that come back count as newest again."""
    known = newest(workspace, checkpoint.name)
    checkpoint, edges = _settled(workspace, checkpoint, said, known)
    if known is None or _told(known) != _told(checkpoint):
        _record(workspace, Job("model", checkpoint.name), inputs=edges, checkpoints=(checkpoint.to_dict(),))
    return checkpoint


def _settled(
    workspace: Workspace, checkpoint: Checkpoint, said: Sequence[Component], known: Checkpoint | None
) -> tuple[Checkpoint, tuple[RunInput, ...]]:
    """``checkpoint`` as it is to be recorded, with its edges.

    What was ``known`` of the same weights stays so, unless something else is said now.
    """
    if known is not None and known.digest == checkpoint.digest:
        before = {part.name: part.model for part in known.components}
        license, base = checkpoint.license or known.license, _still(checkpoint.base, known.base)
        checkpoint = replace(checkpoint, license=license, base=base)
        said = (*known.components, *(replace(one, model=_still(one.model, before.get(one.name))) for one in said))
    parent = _parent(workspace, checkpoint)
    inputs: tuple[RunInput, ...] = ()
    if parent is not None:
        checkpoint = replace(checkpoint, base=named(parent))
        inputs = (RunInput("checkpoint", parent.digest, named(parent), role="init_from"),)
        if "adapter" in checkpoint.facts:
            said = (Component("base", frozen=True, model=named(parent)), *said)
    checkpoint, parts = settled(workspace, checkpoint, said, parent)
    return checkpoint, tuple(dict.fromkeys((*inputs, *parts)))


def _still(said: str | None, known: str | None) -> str | None:
    """Which model ``said`` means for weights that are registered: as an alias moves on, what they were made from stays.

    A digest says which it is.
    """
    if said is None or known is None:
        return said or known
    ref = ModelRef.parse(said)
    by_digest = re.fullmatch("[0-9a-f]{4,64}", ref.selector or "")
    return known if ref.name == ModelRef.parse(known).name and not by_digest else said


def _told(checkpoint: Checkpoint) -> tuple[object, ...]:
    """What makes a registration worth repeating."""
    return checkpoint.digest, checkpoint.license, checkpoint.base, checkpoint.components


def _parent(workspace: Workspace, checkpoint: Checkpoint) -> Checkpoint | None:
    """The model that one was made from: as was said, else by the name on the hub that its own files give, if a model
    of that name is registered."""
    if checkpoint.base is not None:
        return workspace.catalog.checkpoint(ModelRef.parse(checkpoint.base))
    uris = {f"hf://{name}" for name in checkpoint.facts.get("base_model", ())}
    known = [c for c in workspace.catalog.checkpoints() if c.uri in uris] if uris else []
    return next((one for one in known if one.digest != checkpoint.digest), None)


def _digested(workspace: Workspace, spec: ModelSpec, name: str, path: Path) -> Checkpoint:
    """The checkpoint of the files at ``path``: found again below the project, or by its name on the hub."""
    found = digest_weights(path, name=name, framework=spec.framework, license=spec.license, base=spec.base)
    if is_hub(spec.uri):
        return replace(found, uri=spec.uri, facts={**found.facts, "revision": path.name})
    return replace(found, path=relative_path(workspace, path))


def _weights(workspace: Workspace, spec: ModelSpec) -> Path | None:
    """Where the files of a declared model lie; None for one behind an address."""
    if "://" in spec.uri and not spec.uri.startswith("file://"):
        return None
    return workspace.project.folder / spec.uri.removeprefix("file://")


def relative_path(workspace: Workspace, path: Path) -> str:
    """``path`` as it is kept: relative to the project, so that nothing recorded is absolute."""
    return Path(os.path.relpath(path.resolve(), workspace.project.folder.resolve())).as_posix()


def _record(workspace: Workspace, job: Job, **parts: Any) -> Run:
    moment = now()
    run = Run(id=new_run_id(), job=job, state=RunState.COMPLETE, started_at=moment, ended_at=moment, **parts)
    workspace.record(run)
    return run
