"""From what ``mmreg.yaml`` declares of a pass to what can be run: its code, columns, model and generation."""

from __future__ import annotations

import hashlib
import inspect
import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from mmreg.curation.kinds import check_promise, made_roots, root_of
from mmreg.curation.outputs import declared_outputs, final_names
from mmreg.curation.params import incidental
from mmreg.curation.plugins import load_pass
from mmreg.curation.protocol import LoadedModel, Pass, Recipe, makes_rows
from mmreg.curation.reading_files import NamedFiles, contents, file_params, named_files
from mmreg.curation.selections import SELECTIONS
from mmreg.errors import Blocked, NotFound, UsageError
from mmreg.schemas.arrow import ORIGIN, PARENT, SAMPLE_ID, STATE, state_column
from mmreg.schemas.declaration import PassSpec
from mmreg.schemas.predicate import Predicate
from mmreg.schemas.refs import ModelRef

if TYPE_CHECKING:
    from mmreg.registry.api import Registry


@dataclass(frozen=True)
class BoundPass:
    """A pass that is called, ready to plan and to run.

    ``inputs`` maps the pass's own names to the root's columns, ``outputs`` its own output names to the columns
    that it makes there. One that makes rows has ``children`` instead, which are columns of its dataset ``into``;
    ``lost`` says that this is not there. ``generation`` is 64 bits over everything that decides the answers: the pass
    and its declared version, parameters, prompt, weights. ``code`` is a digest of its source: recorded, but no part
    of it.
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
    prompt: str | None = None
    files: dict[str, NamedFiles] = field(default_factory=dict)
    children: dict[str, str] = field(default_factory=dict)
    lost: bool = False

    @property
    def into(self) -> str | None:
        """The root that it makes, if it makes rows."""
        return self.spec.into if self.children else None

    @property
    def state(self) -> str:
        return state_column(self.name)

    @property
    def predicate(self) -> Predicate | None:
        return Predicate.parse(self.spec.rows) if self.spec.rows else None

    def columns(self) -> pa.Schema:
        """The columns that publishing adds: the outputs under their final names, and the state."""
        return pa.schema([*self._fields(self.outputs), pa.field(self.state, STATE)])

    def made_columns(self) -> pa.Schema:
        """The columns that the pass fills in its dataset ``into``."""
        return pa.schema(self._fields(self.children))

    def _fields(self, names: dict[str, str]) -> list[pa.Field[Any]]:
        promised = self.operator.outputs()
        return [promised.field(own).with_name(name) for own, name in names.items()]

    def read(self) -> list[str]:
        """The root's columns that decide which rows are stale."""
        wanted = [name.partition(".")[0] for name in self.predicate.columns] if self.predicate else []
        return sorted({*self.inputs.values(), *wanted})


def bind(registry: Registry, name: str) -> BoundPass:
    """Bind the declared pass ``name``.

    Raises `Blocked` where it waits for a model or a file that does not exist yet, `NotFound` for an unknown operator,
    model or prompt file and `UsageError` for inputs, outputs or parameters that do not fit it.
    """
    spec = registry.spec.passes[name]
    root, cls, inputs = _read(registry, name)
    model = _model(registry, name, spec)
    prompt = registry.read_text(spec.prompt) if spec.prompt else None
    files = named_files(name, spec, cls, registry.project.folder)
    paths = {param: found.paths for param, found in files.items()}
    operator = cls(Recipe(params=spec.params, model=model, prompt=prompt, columns=inputs, files=paths))
    check_promise(name, spec, operator)
    outputs = _outputs(name, spec, operator)
    generation = _generation(spec, cls, sorted(inputs), prompt, model, files)
    bound = BoundPass(name, spec, operator, root, inputs, outputs, generation, _code(cls), model, prompt, files)
    if makes_rows(cls):
        assert spec.into is not None
        return replace(bound, outputs={}, children=outputs, lost=not registry.lake.versions_on_disk(spec.into))
    _refuse_taken(registry, bound)
    return bound


def bind_offline(registry: Registry, name: str) -> tuple[type[Pass], str]:
    """The class of the declared pass ``name`` and the digest of its code, once what can be is found to fit.

    Neither the lake nor a model is looked at; what a pass with a model makes is not known then. Raises as `bind`.
    """
    spec = registry.spec.passes[name]
    _, cls, inputs = _read(registry, name)
    prompt = registry.read_text(spec.prompt) if spec.prompt else None
    if spec.model is None:
        operator = cls(Recipe(params=spec.params, prompt=prompt, columns=inputs))
        check_promise(name, spec, operator)
        _outputs(name, spec, operator)
    return cls, _code(cls)


def _read(registry: Registry, name: str) -> tuple[str, type[Pass], dict[str, str]]:
    """The root that a pass reads, its class, and which columns its inputs are."""
    spec = registry.spec.passes[name]
    root = root_of(registry.project, spec.from_)
    cls = load_pass(spec.use, registry.project.folder)
    return root, cls, _inputs(registry, name, spec, root, cls)


def _inputs(registry: Registry, name: str, spec: PassSpec, root: str, cls: type[Pass]) -> dict[str, str]:
    named = [own for own in cls.inputs if own != "*"]
    unknown = sorted(set(spec.inputs) - set(named))
    if unknown and "*" not in cls.inputs:
        raise UsageError(f"pass {name}: {spec.use} has no input {unknown[0]!r} (its inputs: {', '.join(named)})")
    declared = _source_columns(registry, root)
    there = {*declared, SAMPLE_ID.name}
    inputs = {own: spec.inputs.get(own, own if own in there else None) for own in [*named, *unknown]}
    if spec.inputs:
        inputs = {own: column for own, column in inputs.items() if own in spec.inputs}
    missing = [own for own, column in inputs.items() if column is None]
    if missing:
        raise UsageError(
            f"pass {name}: which column is its input {missing[0]!r}?",
            hint=f"inputs: {{{missing[0]}: COLUMN}}",
        )
    return {own: column for own, column in inputs.items() if column is not None}


def _outputs(name: str, spec: PassSpec, operator: Pass) -> dict[str, str]:
    made = operator.outputs().names
    unknown = sorted(set(spec.outputs) - set(made))
    if unknown:
        raise UsageError(f"pass {name}: {spec.use} makes no {unknown[0]!r} (it makes: {', '.join(made)})")
    return final_names(name, spec, operator)


def _refuse_taken(registry: Registry, bound: BoundPass) -> None:
    project, made = registry.project, made_roots(registry.project)
    taken = _source_columns(registry, bound.root)
    for other, declared in registry.spec.passes.items():
        makes_columns = declared.use not in SELECTIONS and declared.into not in made
        if other != bound.name and makes_columns and root_of(project, declared.from_) == bound.root:
            taken |= dict.fromkeys(declared_outputs(other, declared, project.folder), f"pass {other}")
    for own, column in bound.outputs.items():
        if column in taken:
            raise UsageError(
                f"pass {bound.name}: its output {own!r} would be the column {column!r}, which {taken[column]} makes",
                hint=f"outputs: {{{own}: ANOTHER_NAME}}",
            )


def _source_columns(registry: Registry, root: str) -> dict[str, str]:
    """The columns that a root has before any column pass, each with who makes it."""
    if root in registry.spec.datasets:
        return dict.fromkeys(registry.spec.datasets[root].columns, "the source")
    maker = made_roots(registry.project)[root]
    columns = declared_outputs(maker, registry.spec.passes[maker], registry.project.folder)
    return dict.fromkeys([*columns, PARENT.name, ORIGIN.name], f"pass {maker}")


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
    spec: PassSpec,
    cls: type[Pass],
    inputs: list[str],
    prompt: str | None,
    model: LoadedModel | None,
    files: dict[str, NamedFiles],
) -> int:
    left_out = {*incidental(cls), *file_params(cls)}
    recipe = {
        "use": spec.use,
        "version": cls.version,
        "inputs": inputs,
        "params": {key: value for key, value in spec.params.items() if key not in left_out},
        "prompt": prompt,
        "model": model.checkpoint.digest if model else None,
        **({"files": contents(files)} if files else {}),
    }
    text = json.dumps(recipe, sort_keys=True, ensure_ascii=False)
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")


def _code(cls: type[Pass]) -> str:
    try:
        return hashlib.sha256(inspect.getsource(inspect.getmodule(cls) or cls).encode()).hexdigest()
    except (OSError, TypeError):
        return "unknown"
