"""What a declaration changes in the columns of a root: + adds, ~ renames or retypes, - declares no longer.

Additions and alterations are done before the step that needs them. Nothing disappears because a line left the file:
what is declared no longer is kept, and shown until somebody drops it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from mmreg.curation.bind import BoundPass, bind
from mmreg.curation.graph import Step
from mmreg.errors import Blocked, NotFound, UsageError
from mmreg.registry.evolve import called_now, change_columns
from mmreg.registry.operations.schema import SchemaChange, cast_cells
from mmreg.registry.show import producers
from mmreg.schemas.arrow import SAMPLE_ID, SOURCE, dataset_schema, media_kind, state_column
from mmreg.schemas.declaration import DatasetSpec
from mmreg.schemas.plan import PlanStep

if TYPE_CHECKING:
    from mmreg.registry.api import Registry
    from mmreg.schemas.run import Run

_OURS = "_mmreg_"


@dataclass(frozen=True)
class Evolution:
    """What one step changes in the columns of ``root``; ``passes`` are renamed ones, by their old names."""

    step: Step
    root: str
    change: SchemaChange
    passes: Mapping[str, str] = field(default_factory=dict)


class Evolutions:
    """What steps change of columns on the newest versions, each looked for once: make a new one when these may move."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self._found: dict[Step, Evolution | None] = {}
        self._bound: dict[str, BoundPass] = {}
        self._schemas: dict[str, pa.Schema | None] = {}

    def of(self, step: Step) -> Evolution | None:
        """What ``step`` changes in columns that are there; None where that is nothing, or nothing is there yet.

        Raises `UsageError` where a column cannot become what is declared.
        """
        if step not in self._found:
            self._found[step] = self._look(step)
        return self._found[step]

    def bound(self, name: str) -> BoundPass:
        """The pass ``name``; raises as `bind`."""
        if name not in self._bound:
            self._bound[name] = bind(self.registry, name)
        return self._bound[name]

    def schema(self, root: str) -> pa.Schema | None:
        """The columns of the newest version; None before the first."""
        if root not in self._schemas:
            try:
                self._schemas[root] = self.registry.newest(root).table.schema
            except NotFound:
                self._schemas[root] = None
        return self._schemas[root]

    def _look(self, step: Step) -> Evolution | None:
        datasets = self.registry.spec.datasets
        if step.kind == "ingest" and (there := self.schema(step.name)) is not None and step.name in datasets:
            _refuse_taken(self.registry, step.name, there)
            change = dataset_change(step.name, datasets[step.name], there)
            return Evolution(step, step.name, change) if change else None
        if step.kind == "pass":
            try:
                bound = self.bound(step.name)
            except (Blocked, NotFound):
                return None  # told by the step itself
            if (there := self.schema(bound.root)) is not None:
                change = pass_change(bound, partial(made_by, self.registry, bound), there)
                return Evolution(step, bound.root, change, _renamed_pass(bound, change)) if change else None
        return None


def evolve(registry: Registry, found: Evolution, facets: Mapping[str, Any] | None = None) -> Run | None:
    """Publish ``found`` as one version, or what is left of it by then; ``facets`` go into the run."""

    def find(there: pa.Schema) -> SchemaChange:
        if found.step.kind == "ingest":
            return dataset_change(found.root, registry.spec.datasets[found.root], there)
        bound = bind(registry, found.step.name)
        return pass_change(bound, partial(made_by, registry, bound), there)

    with registry.alone(f"schema.{found.root}"):
        return change_columns(registry, found.root, find, name=found.root, passes=found.passes, facets=facets)


def evolution_steps(registry: Registry, found: Evolution) -> Iterator[PlanStep]:
    """``found`` as steps of a plan, one for each column or pass."""
    table = registry.newest(found.root).table
    there, rows = table.schema, table.count_rows()

    def step(verb: str, said: str) -> PlanStep:
        return PlanStep("schema", found.root, "run", said, dataset=found.root, verb=verb)  # type: ignore[arg-type]

    for old, new in found.passes.items():
        yield step("~", f"pass {old} is renamed {new}; what it has made stays")
    for old, new in found.change.renamed.items():
        if not new.startswith(_OURS):
            yield step("~", f"column {old} is renamed {new}; nothing is written or computed again")
    for old, column in found.change.retyped.items():
        name = column.name if column.name == old else f"{old} is renamed {column.name} and"
        yield step("~", f"column {name} becomes {_type(column.type)}, was {_type(there.field(old).type)}")
    for column in found.change.added:
        filled = "; the source is read again" if found.step.kind == "ingest" else ""
        yield step("+", f"column {column.name}: {_type(column.type)}, null in {rows:,} rows{filled}")


def as_it_stands(bound: BoundPass, known: Evolutions) -> BoundPass | None:
    """``bound`` under the names that its columns have until they are changed; None where more than names changes."""
    old, before = dict[str, str](), dict[str, str]()
    for step in (Step("pass", bound.name), Step("ingest", bound.root)):
        if (found := known.of(step)) is None:
            continue
        moved = {f.name for f in (*found.change.added, *found.change.retyped.values())}
        named = {column.partition(".")[0] for column in (bound.predicate.columns if bound.predicate else ())}
        if {*bound.read(), *bound.outputs.values()} & moved or named & set(found.change.renamed.values()):
            return None
        old |= {new: was for was, new in found.change.renamed.items()}
        before |= {new: was for was, new in found.passes.items()}
    return _replaced(bound, old, before.get(bound.name, bound.name))


def dataset_change(name: str, spec: DatasetSpec, there: pa.Schema) -> SchemaChange:
    """What is to change of ``there`` for the declared columns of a dataset."""
    renamed: dict[str, str] = {}
    retyped: dict[str, pa.Field[Any]] = {}
    added = []
    for column in dataset_schema(name, spec):
        if column.name in (SAMPLE_ID.name, SOURCE.name):
            continue
        old, before = column.name, spec.columns[column.name].renamed_from
        if old not in there.names and before is not None and before in there.names:
            old = before
        if old not in there.names:
            added.append(_nullable(name, spec, column))
        elif there.field(old).type != column.type:
            retyped[old] = _castable(name, there.field(old), column)
        elif old != column.name:
            renamed[old] = column.name
    return SchemaChange(tuple(added), renamed, retyped)


def pass_change(bound: BoundPass, made: Callable[[], Mapping[str, str]], there: pa.Schema) -> SchemaChange:
    """What is to change of ``there`` for the columns of a pass that has run.

    ``made`` tells which these are by its own names; asked only where they are not there under their final ones.
    """
    renamed: dict[str, str] = {}
    retyped: dict[str, pa.Field[Any]] = {}
    added = []
    if bound.state not in there.names:
        before = state_column(bound.spec.renamed_from) if bound.spec.renamed_from is not None else ""
        if before not in there.names:
            _refuse_kept(bound, there)
            return SchemaChange()
        renamed[before] = bound.state
    columns = bound.columns()
    earlier = {} if set(bound.outputs.values()) <= set(there.names) else made()
    for own, name in bound.outputs.items():
        column = columns.field(name)
        old = name if name in there.names else earlier.get(own, "")
        if old not in there.names or (old != name and old in bound.outputs.values()):
            added.append(column)
        elif there.field(old).type != column.type:
            retyped[old] = _castable(bound.root, there.field(old), column)
        elif old != name:
            renamed[old] = name
    return SchemaChange(tuple(added), renamed, retyped)


def made_by(registry: Registry, bound: BoundPass) -> dict[str, str]:
    """Which column each output of a pass is, since it last ran."""
    for name in (bound.name, bound.spec.renamed_from):
        last = registry.catalog.last_run("pass", name) if name is not None else None
        if last is not None:
            return outputs_of(registry, bound.root, last)
    return {}


def outputs_of(registry: Registry, root: str, run: Run) -> dict[str, str]:
    """The columns that a run of a pass made, by its own names, as they are called now."""
    outputs: dict[str, str] = run.facets["pass"]["outputs"]
    names = called_now(registry, root, run, outputs.values())
    return {own: names[column] for own, column in outputs.items() if column in names}


def _refuse_taken(registry: Registry, root: str, there: pa.Schema) -> None:
    """A column of the source may not be one that a pass has made: its cells would be taken for the source's."""
    last = registry.catalog.last_run("ingest", root)
    ours = last.facets["ingest"].get("columns", registry.spec.datasets[root].columns) if last is not None else ()
    others = [name for name in registry.spec.datasets[root].columns if name in there.names and name not in ours]
    made = producers(registry, root, registry.newest(root).table.version) if others else {}
    for name in others:
        if name in made:
            raise UsageError(
                f"{root}: the declared column {name!r} is one that pass {made[name][0]} has made",
                hint=f"give it another name, or first: mmreg drop {made[name][0]}",
            )


def _refuse_kept(bound: BoundPass, there: pa.Schema) -> None:
    """A pass that never ran may not write over what another one has left."""
    for own, name in bound.outputs.items():
        if name in there.names:
            raise UsageError(
                f"pass {bound.name}: its output {own!r} would be the column {name!r}, which {bound.root} has already",
                hint=f"outputs: {{{own}: ANOTHER_NAME}}; renamed_from: what the pass was called; or first: mmreg drop",
            )


def _renamed_pass(bound: BoundPass, change: SchemaChange) -> dict[str, str]:
    before = bound.spec.renamed_from
    moved = before is not None and change.renamed.get(state_column(before)) == bound.state
    return {before: bound.name} if before is not None and moved else {}


def _replaced(bound: BoundPass, old: Mapping[str, str], name: str) -> BoundPass:
    return replace(
        bound,
        name=name,
        inputs={own: old.get(column, column) for own, column in bound.inputs.items()},
        outputs={own: old.get(column, column) for own, column in bound.outputs.items()},
    )


def _nullable(name: str, spec: DatasetSpec, column: pa.Field[Any]) -> pa.Field[Any]:
    if spec.columns[column.name].nullable:
        return column
    raise UsageError(
        f"{name}: the rows that are there lack the new column {column.name!r}, so it has to be nullable",
        hint=f"columns: {{{column.name}: {{..., nullable: true}}}}",
    )


def _castable(name: str, there: pa.Field[Any], wanted: pa.Field[Any]) -> pa.Field[Any]:
    """``wanted``, if there is a way to it from what is there; each cell is looked at when it is changed."""
    nothing: pa.Array[Any] = pa.array([], there.type)
    try:
        cast_cells(there.name, nothing, wanted.type)
    except UsageError as error:
        raise UsageError(f"{name}: {error.message}", hint=error.hint) from error
    return wanted


def _type(dtype: pa.DataType) -> str:
    return media_kind(dtype) or str(dtype)
