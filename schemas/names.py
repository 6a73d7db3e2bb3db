"""Names in a declaration that must mean something: who refers to what, and that nothing goes in circles."""

from __future__ import annotations

from collections.abc import Iterator

from mmreg.errors import NotFound
from mmreg.schemas.declaration import ProjectSpec, Wrong
from mmreg.schemas.suggest import did_you_mean


def roots_of(spec: ProjectSpec, dataset: str) -> str:
    """The root dataset behind ``dataset``: itself, or what its selections were made from."""
    makers = {p.into: p.from_ for p in spec.passes.values() if p.into}
    name = dataset
    while name in makers and name not in spec.datasets:
        name = makers.pop(name)
    if name not in spec.datasets:
        raise NotFound(f"no dataset {dataset!r} is declared{did_you_mean(dataset, _datasets(spec))}")
    return name


def contradictions(spec: ProjectSpec) -> Iterator[Wrong]:
    return iter(())


def _datasets(spec: ProjectSpec) -> list[str]:
    return [*spec.datasets, *(p.into for p in spec.passes.values() if p.into)]
