"""What one run has spent: what it told itself, and which measures it has surely moved without anybody counting.

Every kind of run may tell its cost in the facet ``cost``; a pass tells it in its own facet.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from mmreg.schemas.cost import MEASURES
from mmreg.schemas.run import Run

Spent = dict[str, float | None]
"""By measure; None: it was spent, and nobody counted. A measure that does not apply to a run is not there."""

_TIMED = ("ingest", "schema", "select", "pass", "drop", "validation", "erasure", "maintenance")
"""Kinds of jobs that mmreg does itself: a run's start and end say how long it took."""


def spent(run: Run, opaque: Callable[[str], bool]) -> Spent:
    """What ``run`` has spent; ``opaque`` says of a checkpoint's digest whether somebody else's server runs it."""
    amounts = _told(run, opaque)
    for measure in _expected(run, amounts, opaque):
        amounts.setdefault(measure, None)
    return amounts


def _told(run: Run, opaque: Callable[[str], bool]) -> Spent:
    facet, of_pass = run.facets.get("cost", {}), run.facets.get("pass", {}).get("cost", {})
    told: Spent = {m: float(of_pass[m]) for m in MEASURES if of_pass.get(m) is not None}
    if not any(used.role == "curated_by" for used in run.inputs):
        told.pop("calls", None)  # of no model: rows that were gone through
    if _unpriced(run, opaque):
        told.pop("money", None)
    names = {"seconds": "wall_s"}
    told |= {m: float(facet[n]) for m in MEASURES if facet.get(n := names.get(m, m)) is not None}
    if "money" in told and (currency := facet.get("currency")):
        told[f"money {currency}"] = told.pop("money")
    if "seconds" not in told and (run.job.kind in _TIMED or "command" in run.facets.get("training", {})):
        told["seconds"] = _lasted(run)
    return told


def _expected(run: Run, told: Mapping[str, float | None], opaque: Callable[[str], bool]) -> set[str]:
    """What a run of this kind cannot do without."""
    expected: set[str] = set()
    if run.job.kind == "training":
        expected = {"seconds", "cpu_s", "gpu_s", "flops", "money"}
    elif run.job.kind in ("ingest", "select", "pass"):
        expected = {"cpu_s"}
    models = [used.id for used in run.inputs if used.role == "curated_by"]
    if run.job.kind == "pass" and models:
        expected |= {"gpu_s", "flops"} | ({"money"} if any(map(opaque, models)) else set())
    if any(person.get("kind") == "human" for person in run.facets.get("annotators", ())):
        expected |= {"human_min"}
    if any(measure.startswith("money ") for measure in told):
        expected.discard("money")
    return expected


def _unpriced(run: Run, opaque: Callable[[str], bool]) -> bool:
    """Whether a pass asked somebody else's server and tells no price: that its money is 0 then says nothing."""
    facet = run.facets.get("pass", {})
    asked = any(used.role == "curated_by" and opaque(used.id) for used in run.inputs)
    priced = {"price_in", "price_out"}.intersection(facet.get("params", {}))
    return asked and not priced and not facet.get("cost", {}).get("money")


def _lasted(run: Run) -> float:
    """Seconds from start to end; 0 for a record without a start."""
    try:
        started, ended = (datetime.fromisoformat(at) for at in (run.started_at, run.ended_at))
    except ValueError:
        return 0.0
    return max(0.0, (ended - started).total_seconds())
