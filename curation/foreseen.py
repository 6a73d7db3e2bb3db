"""A dataset as its declaration lets it be foreseen, without a lake: which columns it will have, and of which types."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from mmreg.config import Project
from mmreg.curation.kinds import made_roots, roots_behind
from mmreg.curation.outputs import final_names
from mmreg.curation.plugins import load_pass
from mmreg.curation.protocol import Pass, Recipe
from mmreg.curation.selections import SELECTIONS
from mmreg.errors import MmregError, UsageError
from mmreg.schemas.arrow import ORIGIN, PARENT, SAMPLE_ID, STATE, dataset_schema, state_column
from mmreg.schemas.declaration import PassSpec
from mmreg.validators.table import Table
from mmreg.validators.world import World


class OnlyTheLakeKnows(UsageError):
    """Whether a check makes sense cannot be told from the declaration alone."""


@dataclass(frozen=True)
class Foreseen(Table):
    """``dim`` are columns that will be there, of types that nobody can tell yet; not ``whole``: there may be others."""

    dim: Collection[str] = field(default_factory=tuple)
    whole: bool = True

    def around(self, check: str) -> World:
        raise OnlyTheLakeKnows("it asks the lake")

    def type(self, path: str) -> pa.DataType:
        column = path if path in self.schema.names else path.partition(".")[0]
        if column in self.dim or (column not in self.schema.names and not self.whole):
            raise OnlyTheLakeKnows(f"what {path} will be only the lake can tell")
        return super().type(path)


def foresee(project: Project, dataset: str) -> Foreseen:
    """What is known of ``dataset``, of its columns and who makes them."""
    first, *others = [_root(project, root) for root in roots_behind(project, dataset)]
    if not others:
        return replace(first, dataset=dataset)
    # A mixture has the columns of all, each in so far as they agree: which those are is for the lake to tell.
    shared = [column for column in first.schema if all(column in other.schema for other in others)]
    producers = {name: maker for table in (first, *others) for name, maker in table.producers.items()}
    return Foreseen(pa.schema(shared), producers, dataset=dataset, whole=False)


def _root(project: Project, root: str) -> Foreseen:
    found = _source(project, root)
    columns, dim, whole = list(found.columns), set(found.dim), found.whole
    producers: dict[str, str] = {}
    if (maker := made_roots(project).get(root)) is not None:
        own = {column.name for column in (SAMPLE_ID, PARENT, ORIGIN)}
        producers = {name: maker for name in (*(column.name for column in columns), *dim) if name not in own}
        columns.append(pa.field(state_column(maker), STATE))
    for name, spec in _column_passes(project, root):
        made = _outputs(name, spec, project.folder)
        columns += [pa.field(state_column(name), STATE), *made.columns]
        dim |= made.dim
        whole = whole and made.whole
        producers |= dict.fromkeys([*(column.name for column in made.columns), *made.dim], name)
    return Foreseen(pa.schema(columns), producers, dataset=root, dim=frozenset(dim), whole=whole)


@dataclass(frozen=True)
class _Made:
    """Columns with their types, names of ``dim`` ones without, and whether these are all."""

    columns: tuple[pa.Field[Any], ...]
    dim: frozenset[str] = frozenset()
    whole: bool = True


def _source(project: Project, root: str) -> _Made:
    """The columns of a root before any column pass: as declared, or as the pass makes them that makes its rows."""
    if root in project.spec.datasets:
        return _Made(tuple(dataset_schema(root, project.spec.datasets[root])))
    maker = made_roots(project)[root]
    made = _outputs(maker, project.spec.passes[maker], project.folder)
    return replace(made, columns=(SAMPLE_ID, *made.columns, PARENT, ORIGIN))


def _column_passes(project: Project, root: str) -> Iterator[tuple[str, PassSpec]]:
    made = made_roots(project)
    for name, spec in project.spec.passes.items():
        if spec.use not in SELECTIONS and spec.into not in made and roots_behind(project, spec.from_) == (root,):
            yield name, spec


def _outputs(name: str, spec: PassSpec, folder: Path) -> _Made:
    """What a pass makes; where only its model tells that, the names in ``outputs:``."""
    try:
        operator: Pass = load_pass(spec.use, folder)(Recipe(params=spec.params))
        promised, names = operator.outputs(), final_names(name, spec, operator)
    except MmregError:
        return _Made((), frozenset(spec.outputs.values()), whole=False)
    return _Made(tuple(promised.field(own).with_name(column) for own, column in names.items()))
