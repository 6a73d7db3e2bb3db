"""What the rows of a pass have cost so far: in its runs, or in a sample that was computed to know it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mmreg.curation.bind import BoundPass
from mmreg.curation.cost import Measure, from_cost
from mmreg.curation.sample import known_sample

if TYPE_CHECKING:
    from mmreg.registry.api import Registry
    from mmreg.schemas.run import Run


def best_measure(registry: Registry, bound: BoundPass) -> Measure | None:
    """What is known best of the cost of a row: the newest run or sample of this very recipe, else the newest run."""
    run, sampled = _measured_run(registry, bound), known_sample(registry, bound)
    if sampled is None:
        return run[0] if run is not None else None
    if run is None or run[1] != bound.generation or run[2] < sampled.at:
        return sampled.measure
    return run[0]


def _measured_run(registry: Registry, bound: BoundPass) -> tuple[Measure, int, str] | None:
    """The newest run that computed rows and said what that cost, one of the same recipe before others.

    With its generation, and when it ended.
    """
    found = None
    for run in pass_runs(registry, bound):
        facet = run.facets["pass"]
        if not facet.get("computed") or not facet.get("cost"):
            continue
        generation = int(facet["generation"], 16)
        other = "" if generation == bound.generation else " of another recipe"
        measure = from_cost(facet["cost"], int(facet["computed"]), f"from run {run.id}{other}")
        if not other:
            return measure, generation, run.ended_at
        found = found or (measure, generation, run.ended_at)
    return found


def pass_runs(registry: Registry, bound: BoundPass) -> list[Run]:
    """The runs of a pass under the name that it has, then under the one that it had; newest first."""
    names = (bound.name, bound.spec.renamed_from)
    return [run for name in names if name for run in registry.catalog.runs("pass", name) if "pass" in run.facets]
