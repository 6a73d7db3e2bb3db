"""A recipe that changed since the pass has run, or code that did although its version says that the answers are the
same: what that means, in words, and to whom it matters.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mmreg.curation.bind import BoundPass
from mmreg.curation.freshness import Freshness
from mmreg.registry.clock import now
from mmreg.registry.runs import new_run_id
from mmreg.schemas.run import Run

if TYPE_CHECKING:
    from mmreg.registry.api import Registry


def kept_back(bound: BoundPass, fresh: Freshness) -> str | None:
    """Why nothing may be computed although something is pending; None where it may."""
    others = fresh.of_others(bound.generation)
    if bound.spec.on_change not in ("freeze", "fail") or not others or not fresh.rows:
        return None
    rows = f"{others:,} rows are of another recipe"
    if bound.spec.on_change == "freeze":
        return f"{rows}; nothing is computed (on_change: freeze)"
    return f"{rows}, and on_change is 'fail': apply will refuse"


def drift(registry: Registry, bound: BoundPass) -> str | None:
    """What to say where the code of a pass is not what its last run recorded, and its recipe is; else None.

    mmreg's own passes answer for themselves: their version moves when their answers do.
    """
    last = registry.catalog.last_run("pass", bound.name)
    if last is None or type(bound.operator).__module__.startswith("mmreg."):
        return None
    was = last.facets["pass"]
    if was["generation"] != f"{bound.generation:016x}" or was["code"] == bound.code:
        return None
    return (
        f"its code changed and its version did not, so nothing is computed for that; bump the version if answers "
        f"change, else mmreg apply {bound.name} takes note"
    )


def take_note(registry: Registry, bound: BoundPass) -> None:
    """Record that the code as it is now gives the same answers: somebody has applied it by name."""
    last = registry.catalog.last_run("pass", bound.name)
    assert last is not None
    moment = now()
    facet = {**last.facets["pass"], "code": bound.code, "cost": {"calls": 0, "seconds": 0.0}}
    facet |= dict.fromkeys(("computed", "resumed", "taken", "errors"), 0)
    run = Run(new_run_id(), last.job, last.state, moment, moment, last.inputs, facets={"pass": facet})
    registry.record(replace(run, declared=last.declared))
