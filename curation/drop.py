"""``mmreg drop``: what a name means, and whether anything declared still reads it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mmreg.curation.kinds import roots_behind
from mmreg.errors import NotFound, UsageError
from mmreg.registry.drop import drop_columns, drop_dataset
from mmreg.registry.show import producers
from mmreg.schemas.arrow import SAMPLE_ID, state_column
from mmreg.schemas.plan import Dropped
from mmreg.schemas.predicate import Predicate
from mmreg.schemas.suggest import did_you_mean

if TYPE_CHECKING:
    from mmreg.registry.api import Registry


@dataclass(frozen=True)
class Target:
    """What is to be dropped: a dataset, or ``columns`` of one (those of ``pass_name``, or a single one)."""

    dataset: str
    columns: tuple[str, ...] = ()
    pass_name: str | None = None

    def __str__(self) -> str:
        if not self.columns:
            return f"dataset {self.dataset}"
        shown = ", ".join(column for column in self.columns if not column.startswith("_"))
        return f"pass {self.pass_name} ({self.dataset}: {shown})" if self.pass_name else f"{self.dataset}:{shown}"


def find(registry: Registry, name: str) -> Target:
    """What ``name`` means: ``DATASET:COLUMN``, a pass with columns in the lake, or a dataset.

    Raises `NotFound`, or `UsageError` where the declaration still has it or reads it.
    """
    dataset, _, column = name.partition(":")
    target = _column(registry, dataset, column) if column else _pass(registry, name) or _dataset(registry, name)
    readers = [reader for column in target.columns for reader in _readers(registry, target, column)]
    if readers:
        raise UsageError(f"{target} is read by {', '.join(dict.fromkeys(readers))}; nothing was dropped",
                         hint="take that out of mmreg.yaml first")  # fmt: skip
    return target


def drop(registry: Registry, name: str) -> Dropped:
    """Drop what ``name`` means. Raises as `find` does, and `UsageError` where something in the lake needs it."""
    target = find(registry, name)
    if not target.columns:
        return Dropped(str(target), drop_dataset(registry, target.dataset).id)
    said = {"pass": target.pass_name} if target.pass_name else {"column": target.columns[0]}
    run = drop_columns(registry, target.dataset, frozenset(target.columns), said=said)
    return Dropped(str(target), run.id, run.outputs[0].ref)


def _column(registry: Registry, dataset: str, column: str) -> Target:
    there = registry.newest(dataset).table
    if column not in there.schema.names or column.startswith("_") or column == SAMPLE_ID.name:
        raise NotFound(f"{dataset} has no column {column!r}{did_you_mean(column, there.schema.names)}",
                       hint=f"mmreg show {dataset}@latest")  # fmt: skip
    if dataset in registry.spec.datasets and column in registry.spec.datasets[dataset].columns:
        raise _declared(f"{dataset}:{column}")
    made = producers(registry, dataset, there.version).get(column)
    if made is not None and made[0] in registry.spec.passes:
        raise UsageError(f"{dataset}:{column} is made by pass {made[0]}", hint=f"mmreg drop {made[0]}")
    return Target(dataset, (column,))


def _pass(registry: Registry, name: str) -> Target | None:
    """The columns of a pass with its state, wherever it has any. A declared one is computed anew when it is applied."""
    for summary in registry.catalog.datasets():
        if summary.kind != "root":
            continue
        table = registry.newest(summary.name).table
        if state_column(name) in table.schema.names and summary.name != _made_by(registry, name):
            made = producers(registry, summary.name, table.version)
            columns = [column for column, (maker, _) in made.items() if maker == name and column in table.schema.names]
            return Target(summary.name, (*columns, state_column(name)), name)
    return None


def _made_by(registry: Registry, name: str) -> str | None:
    """The root that a pass has made, which is dropped by its own name."""
    last = registry.catalog.last_run("pass", name)
    return last.facets["pass"].get("into") if last is not None else None


def _dataset(registry: Registry, name: str) -> Target:
    known = [summary.name for summary in registry.catalog.datasets()]
    if name not in known:
        raise NotFound(f"there is no dataset and no pass {name!r}{did_you_mean(name, known)}", hint="mmreg plan")
    declared = {*registry.spec.datasets, *(p.into for p in registry.spec.passes.values())}
    if name in declared:
        raise _declared(name)
    return Target(name)


def _declared(name: str) -> UsageError:
    return UsageError(
        f"{name} is declared, and the next apply would make it anew", hint="take it out of mmreg.yaml first"
    )


def _readers(registry: Registry, target: Target, column: str) -> Iterator[str]:
    """Declared passes and checks that read ``column``."""
    for name, spec in registry.spec.passes.items():
        datasets = (spec.from_,) if spec.from_ else tuple(spec.datasets)
        if name == target.pass_name or all(target.dataset not in roots_behind(registry.project, d) for d in datasets):
            continue
        read = set(spec.inputs.values())
        for predicate in (spec.where, spec.rows):
            read |= {named.partition(".")[0] for named in Predicate.parse(predicate).columns} if predicate else set()
        read |= {ranked.column.partition(".")[0] for ranked in (spec.top, spec.band) if ranked is not None}
        if isinstance(group := spec.params.get("group"), str):
            read.add(group)
        if column in read:
            yield f"pass {name}"
    for dataset, checks in registry.spec.checks.items():
        here = target.dataset in roots_behind(registry.project, dataset)
        if here and any(check.arguments.get("column") == column for check in checks):
            yield f"a check of {dataset}"
