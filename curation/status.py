"""How fresh everything is: rows by state for every pass, and what apply would do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mmreg.curation.bind import bind
from mmreg.curation.change import drift
from mmreg.curation.kinds import root_of
from mmreg.curation.plan import pass_freshness, plan
from mmreg.curation.selections import SELECTIONS
from mmreg.errors import Blocked, NotFound
from mmreg.schemas.plan import PassStatus, Status

if TYPE_CHECKING:
    from mmreg.registry.api import Registry


def status(registry: Registry) -> Status:
    """Freshness of every declared pass on the newest versions, in O(fragments)."""
    passes = [_pass(registry, name) for name, spec in registry.spec.passes.items() if spec.use not in SELECTIONS]
    return Status(tuple(passes), plan(registry).steps, registry.catalog.age_s())


def _pass(registry: Registry, name: str) -> PassStatus:
    root = root_of(registry.project, registry.spec.passes[name].from_)
    try:
        bound = bind(registry, name)
        fresh = pass_freshness(registry, bound)
    except (Blocked, NotFound) as error:
        return PassStatus(name, root, (), 0, 0, 0, 0, blocked=error.message)
    return PassStatus(
        name=name,
        dataset=root,
        columns=tuple((bound.outputs or bound.children).values()),
        done=fresh.done,
        stale=fresh.stale,
        missing=fresh.missing,
        failed=fresh.failed,
        generations=fresh.generations(),
        overwritten=fresh.overwritten,
        generation=f"{bound.generation:016x}",
        drift=drift(registry, bound),
    )
