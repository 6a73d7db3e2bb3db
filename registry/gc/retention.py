"""How many old versions of a dataset are kept although nothing needs them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mmreg.schemas.declaration import ProjectSpec, RetentionSpec

VERSIONS, DAYS = 1, 30.0


@dataclass(frozen=True)
class Retention:
    """The ``versions`` newest stay, and what was the newest at some time in the last ``days``."""

    versions: int
    days: float


def retention_of(spec: ProjectSpec, dataset: str) -> Retention:
    """As declared for the root ``dataset``, or for the pass that fills it; for what is not said there, the project."""
    said = [*_declared(spec, dataset), spec.retention]
    versions = [each.keep_versions for each in said if each.keep_versions is not None]
    days = [each.keep_days for each in said if each.keep_days is not None]
    return Retention(next(iter(versions), VERSIONS), next(iter(days), DAYS))


def _declared(spec: ProjectSpec, dataset: str) -> list[RetentionSpec]:
    root = spec.datasets.get(dataset)
    places = [root, *(passed for passed in spec.passes.values() if passed.into == dataset)]
    return [place.retention for place in places if place is not None and place.retention is not None]
