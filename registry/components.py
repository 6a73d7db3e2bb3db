"""The parts of a model: what its files show of them, what people say, and which registered models they are.

What can be told from digests is not asked: a part whose tensors are those that its parent had, or those of a registered
model, was frozen, whatever was declared.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from mmreg.registry.safetensors import TENSORS
from mmreg.schemas.declared_models import ComponentSpec
from mmreg.schemas.model import Checkpoint, Component
from mmreg.schemas.refs import ModelRef, VersionRef
from mmreg.schemas.run import RunInput

if TYPE_CHECKING:
    from mmreg.registry.workspace import Workspace


def settled(
    workspace: Workspace, found: Checkpoint, said: Sequence[Component], parent: Checkpoint | None = None
) -> tuple[Checkpoint, tuple[RunInput, ...]]:
    """``found``, with its components as they are and as they were ``said`` to be, and the edges that these make.

    ``parent`` is the model that it was made from. A component that is a registered model is an ``init_from`` edge, a
    version that it was trained on a ``trained_on`` edge. Raises `NotFound` for a model or version that nobody knows.
    """
    whole = _registered(workspace) if found.components else {}
    parts, thawed, inputs = [], [], []
    for part in _joined(found.components, said):
        part, more = _exact(workspace, part)
        inputs += more
        before = _before(workspace, part, parent)
        if part.digest is not None and before is not None:
            thawed += [part.name] if part.frozen and before != part.digest else []
            part = replace(part, frozen=before == part.digest)
        known = whole.get(part.digest) if part.digest is not None and part.model is None else None
        if known is not None and not _descends(workspace, known, found):
            part = replace(part, frozen=True, model=named(known))
            inputs.append(RunInput("checkpoint", known.digest, named(known), role="init_from"))
        parts.append(part)
    facts = {**found.facts, "thawed": thawed} if thawed else found.facts
    return replace(found, components=tuple(parts), facts=facts), tuple(dict.fromkeys(inputs))


def named(checkpoint: Checkpoint) -> str:
    """A checkpoint as a record names it: nothing that moves later means another."""
    return f"{checkpoint.name}@{checkpoint.digest[:16]}"


def _registered(workspace: Workspace) -> dict[str, Checkpoint]:
    """The registered models by the digest of all their tensors."""
    return {c.facts[TENSORS]: c for c in workspace.catalog.checkpoints() if TENSORS in c.facts}


def _descends(workspace: Workspace, later: Checkpoint, earlier: Checkpoint) -> bool:
    """Whether ``later`` came from ``earlier``: then it was taken out of it, and is not what it was made from."""
    up = workspace.catalog.lineage(f"checkpoint:{later.digest}", "up")
    return any(node.id == f"checkpoint:{earlier.digest}" for node in up.nodes)


def _joined(found: Iterable[Component], said: Iterable[Component]) -> list[Component]:
    """What was found and what was said, by name; of the digests and sizes the files speak."""
    known: dict[str, Component] = {part.name: part for part in found}
    for part in said:
        there = known.get(part.name, Component(part.name))
        known[part.name] = replace(
            there,
            frozen=there.frozen or part.frozen,
            stage=part.stage or there.stage,
            trained_on=tuple(dict.fromkeys((*there.trained_on, *part.trained_on))),
            model=part.model or there.model,
        )
    return list(known.values())


def _exact(workspace: Workspace, part: Component) -> tuple[Component, list[RunInput]]:
    """``part`` with the models and versions that it names as they are now, and the edges to them."""
    inputs = []
    if part.model is not None:
        known = workspace.catalog.checkpoint(ModelRef.parse(part.model))
        part = replace(part, model=named(known))
        inputs.append(RunInput("checkpoint", known.digest, named(known), role="init_from"))
    rows = [workspace.catalog.resolve(VersionRef.parse(ref)) for ref in part.trained_on]
    inputs += [RunInput("version", row.uuid, row.ref, role="trained_on") for row in rows]
    return replace(part, trained_on=tuple(row.ref for row in rows)), inputs


def _before(workspace: Workspace, part: Component, parent: Checkpoint | None) -> str | None:
    """The digest of a part before the training; None where nobody knows."""
    if part.model is not None:
        known = workspace.catalog.checkpoint(ModelRef.parse(part.model))
        return _digest_of(known, part.name) or known.facts.get(TENSORS)
    return _digest_of(parent, part.name) if parent is not None else None


def _digest_of(checkpoint: Checkpoint, name: str) -> str | None:
    return next((part.digest for part in checkpoint.components if part.name == name), None)


def declared_components(said: Mapping[str, ComponentSpec]) -> tuple[Component, ...]:
    """Components as a declaration says them."""
    return tuple(
        Component(name, None, part.frozen, part.stage, part.trained_on, part.model) for name, part in said.items()
    )


def components_of(said: Mapping[str, Component] | Iterable[Component | str]) -> tuple[Component, ...]:
    """Components as a caller gives them: values, or text as on the command line."""
    parts = said.values() if isinstance(said, Mapping) else said
    return tuple(Component.parse(part) if isinstance(part, str) else part for part in parts)
