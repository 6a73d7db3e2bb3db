"""What is in the lake and declared no longer: it is kept, and shown until somebody drops it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

from mmreg.curation.evolution import Evolutions, outputs_of
from mmreg.curation.graph import Step
from mmreg.curation.kinds import made_roots, root_of
from mmreg.curation.selections import SELECTIONS
from mmreg.errors import Blocked, NotFound
from mmreg.registry.operations.schema import SchemaChange
from mmreg.schemas.arrow import SAMPLE_ID, state_column
from mmreg.schemas.plan import PlanStep

if TYPE_CHECKING:
    from mmreg.registry.api import Registry

_OURS = "_mmreg_"


def undeclared(found: Evolutions) -> Iterator[PlanStep]:
    """Datasets, passes and columns, each as a step that does nothing."""
    registry = found.registry
    declared = {*registry.spec.datasets, *(p.into for p in registry.spec.passes.values() if p.into)}
    for summary in registry.catalog.datasets():
        if summary.name not in declared:
            yield _kept(summary.name, f"dataset with {summary.rows:,} rows", summary.name)
    for root, spec in registry.spec.datasets.items():
        renamed = (column.renamed_from for column in spec.columns.values() if column.renamed_from)
        yield from _columns(found, root, {*spec.columns, *renamed})
    for root, name in made_roots(registry.project).items():
        with suppress(Blocked, NotFound):
            own = {"parent", "origin", state_column(name), *found.bound(name).children.values()}
            yield from _columns(found, root, own)


def _columns(found: Evolutions, root: str, known: set[str]) -> Iterator[PlanStep]:
    """Those of ``root`` that are not ``known`` and that no declared pass makes."""
    if (there := found.schema(root)) is None:
        return
    registry = found.registry
    for name, spec in registry.spec.passes.items():
        if spec.use not in SELECTIONS and root_of(registry.project, spec.from_) == root:
            known |= {state_column(name), *spec.outputs.values(), *_made(found, root, name)}
            known |= {state_column(spec.renamed_from)} if spec.renamed_from is not None else set()
    for column in there.names:
        if column.startswith(_OURS) and column not in known:
            name = column.removeprefix(_OURS)
            outputs = [c for c in _last_outputs(registry, root, name) if c in there.names]
            known |= set(outputs)
            yield _kept(name, f"pass with the columns {', '.join(outputs) or '(none)'}", root)
    for column in there.names:
        if not column.startswith("_") and column != SAMPLE_ID.name and column not in known:
            yield _kept(f"{root}:{column}", "column", root)


def _made(found: Evolutions, root: str, name: str) -> set[str]:
    """The columns of a declared pass, also under the names that they are about to lose."""
    try:
        bound = found.bound(name)
    except (Blocked, NotFound):
        return set(_last_outputs(found.registry, root, name))
    change = evolution.change if (evolution := found.of(Step("pass", name))) is not None else SchemaChange()
    return {*bound.outputs.values(), *change.renamed, *change.retyped}


def _kept(name: str, what: str, dataset: str) -> PlanStep:
    said = f"{what} is declared no longer; kept: mmreg drop {name}"
    return PlanStep("schema", name, "undeclared", said, dataset=dataset, verb="-")


def _last_outputs(registry: Registry, root: str, name: str) -> list[str]:
    last = registry.catalog.last_run("pass", name)
    return list(outputs_of(registry, root, last).values()) if last is not None else []
