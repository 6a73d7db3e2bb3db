"""From what ``mmreg.yaml`` declares of a pass to what can be run: its code, columns, model and generation."""

from __future__ import annotations

import hashlib
import inspect
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from mmreg.curation.outputs import declared_outputs
from mmreg.curation.params import incidental
from mmreg.curation.plugins import load_pass
from mmreg.curation.protocol import LoadedModel, Pass, Recipe
from mmreg.curation.selections import SELECTIONS
from mmreg.errors import Blocked, NotFound, UsageError
from mmreg.schemas.arrow import STATE, state_column
from mmreg.schemas.declaration import PassSpec
from mmreg.schemas.document import roots_of
from mmreg.schemas.predicate import Predicate
from mmreg.schemas.refs import ModelRef

if TYPE_CHECKING:
    from mmreg.registry.api import Registry


@dataclass(frozen=True)
class BoundPass:
    """A column pass, ready to plan and to run.

    ``inputs`` maps the pass's own names to the root's columns, ``outputs`` its own output names to the columns
    that it makes. ``generation`` is 64 bits over everything that decides the answers: the pass and its declared
    version, parameters, prompt, weights. ``code`` is a digest of its source: recorded, but no part of it.
    """

    name: str
    spec: PassSpec
    operator: Pass
    root: str
    inputs: dict[str, str]
    outputs: dict[str, str]
    generation: int
    code: str
    model: LoadedModel | None

    @property
    def state(self) -> str:
        return state_column(self.name)

    @property
    def predicate(self) -> Predicate | None:
        return Predicate.parse(self.spec.rows) if self.spec.rows else None

    def columns(self) -> pa.Schema:
        """The columns that publishing adds: the outputs under their final names, and the state."""
        made = self.operator.outputs()
        fields: list[pa.Field[Any]] = [made.field(own).with_name(name) for own, name in self.outputs.items()]
        return pa.schema([*fields, pa.field(self.state, STATE)])

    def read(self) -> list[str]:
        """The root's columns that decide which rows are stale."""
        wanted = [name.partition(".")[0] for name in self.predicate.columns] if self.predicate else []
        return sorted({*self.inputs.values(), *wanted})


def bind(registry: Registry, name: str) -> BoundPass:
    """Bind the declared pass ``name``.

    Raises `Blocked` where it waits for a model that does not exist yet, `NotFound` for an unknown operator, model or
    prompt file and `UsageError` for inputs, outputs or parameters that do not fit it.
    """
    spec = registry.spec.passes[name]
    root = roots_of(registry.spec, spec.from_)
    cls = load_pass(spec.use, registry.project.folder)
    inputs = _inputs(registry, name, spec, root, cls)
    model = _model(registry, name, spec)
    prompt = registry.read_text(spec.prompt) if spec.prompt else None
    operator = cls(Recipe(params=spec.params, model=model, prompt=prompt, columns=inputs))
    outputs = _outputs(registry, name, spec, root, operator.outputs().names)
    generation = _generation(spec, cls, sorted(inputs), prompt, model)
    return BoundPass(name, spec, operator, root, inputs, outputs, generation, _code(cls), model)


def _inputs(registry: Registry, name: str, spec: PassSpec, root: str, cls: type[Pass]) -> dict[str, str]:
    named = [own for own in cls.inputs if own != "*"]
    unknown = sorted(set(spec.inputs) - set(named))
    if unknown and "*" not in cls.inputs:
        raise UsageError(f"pass {name}: {spec.use} has no input {unknown[0]!r} (its inputs: {', '.join(named)})")
    declared = registry.spec.datasets[root].columns
    inputs = {own: spec.inputs.get(own, own if own in declared else None) for own in [*named, *unknown]}
    if spec.inputs:
        inputs = {own: column for own, column in inputs.items() if own in spec.inputs}
    missing = [own for own, column in inputs.items() if column is None]
    if missing:
        raise UsageError(
            f"pass {name}: which column is its input {missing[0]!r}?",
            hint=f"inputs: {{{missing[0]}: COLUMN}}",
        )
    return {own: column for own, column in inputs.items() if column is not None}


def _outputs(registry: Registry, name: str, spec: PassSpec, root: str, made: list[str]) -> dict[str, str]:
    unknown = sorted(set(spec.outputs) - set(made))
    if unknown:
        raise UsageError(f"pass {name}: {spec.use} makes no {unknown[0]!r} (it makes: {', '.join(made)})")
    outputs = {own: spec.outputs.get(own, own) for own in made}
    taken = dict.fromkeys(registry.spec.datasets[root].columns, "the source")
    for other, declared in registry.spec.passes.items():
        if other != name and declared.use not in SELECTIONS and roots_of(registry.spec, declared.from_) == root:
            taken |= dict.fromkeys(declared_outputs(declared, registry.project.folder), f"pass {other}")
    for own, column in outputs.items():
        if column in taken:
            raise UsageError(
                f"pass {name}: its output {own!r} would be the column {column!r}, which {taken[column]} makes",
                hint=f"outputs: {{{own}: ANOTHER_NAME}}",
            )
    return outputs


def _model(registry: Registry, name: str, spec: PassSpec) -> LoadedModel | None:
    if spec.model is None:
        return None
    ref = ModelRef.parse(spec.model)
    try:
        return registry.loaded_model(ref)
    except NotFound as error:
        maker = next((t for t, s in registry.spec.trainings.items() if s.model == ref.name), None)
        if maker is not None:
            raise Blocked(f"waits for training {maker}", hint=f"mmreg apply {maker}") from error
        if ref.name in registry.spec.models:
            raise Blocked(f"waits for model {ref.name}", hint="mmreg apply") from error
        raise


def _generation(
    spec: PassSpec, cls: type[Pass], inputs: list[str], prompt: str | None, model: LoadedModel | None
) -> int:
    recipe = {
        "use": spec.use,
        "version": cls.version,
        "inputs": inputs,
        "params": {key: value for key, value in spec.params.items() if key not in incidental(cls)},
        "prompt": prompt,
        "model": model.checkpoint.digest if model else None,
    }
    text = json.dumps(recipe, sort_keys=True, ensure_ascii=False)
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")


def _code(cls: type[Pass]) -> str:
    try:
        return hashlib.sha256(inspect.getsource(inspect.getmodule(cls) or cls).encode()).hexdigest()
    except (OSError, TypeError):
        return "unknown"
