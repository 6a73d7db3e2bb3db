"""How fresh everything is: rows by state for every pass, and what apply would do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mmreg.curation.change import drift
from mmreg.curation.evolution import Evolutions, as_it_stands
from mmreg.curation.kinds import root_of
from mmreg.curation.plan import pass_freshness, plan
from mmreg.curation.selections import SELECTIONS
from mmreg.errors import Blocked, NotFound
from mmreg.schemas.plan import PassStatus, Status

if TYPE_CHECKING:
    from mmreg.registry.api import Registry


def status(registry: Registry) -> Status:
    """Freshness of every declared pass on the newest versions, in O(fragments)."""
    names = [name for name, spec in registry.spec.passes.items() if spec.use not in SELECTIONS]
    evolutions = Evolutions(registry)
    passes = [_pass(registry, name, evolutions) for name in names]
    return Status(tuple(passes), plan(registry).steps, registry.catalog.age_s())


def _pass(registry: Registry, name: str, evolutions: Evolutions) -> PassStatus:
    root = root_of(registry.project, registry.spec.passes[name].from_)
    try:
        bound = evolutions.bound(name)
        there = as_it_stands(bound, evolutions)
        if there is None:
            return PassStatus(name, root, (), 0, 0, 0, 0, blocked=f"waits for a change of the columns of {root}")
        fresh = pass_freshness(registry, there)
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
        drift=drift(registry, there),
    )
