"""What people have done for a run: who annotated how many samples, and how long that took.

An annotation is counted once, however many files and versions have it: a run keeps digests of all that it has read as
an object of the lake, and the next one counts the minutes of what is not among them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from mmreg.curation.annotation_files import Annotation
from mmreg.curation.bind import BoundPass
from mmreg.registry.objects import get_object, put_object

if TYPE_CHECKING:
    from mmreg.registry.api import Registry
    from mmreg.schemas.run import Run

WIDTH = 16


def with_people(registry: Registry, bound: BoundPass, run: Run, annotated: int | None) -> Run:
    """``run`` with the facets ``annotators`` and ``annotations``, and its ``cost`` in minutes of people.

    ``annotators`` has one entry for each: ``rows`` are the samples for which theirs is the annotation that counts,
    ``minutes`` what no run before has counted. ``annotated`` is how many of all rows have an annotation, None where not
    all were looked at. A pass without annotations leaves ``run`` as it is. Memory: the keys, 16 bytes an annotation.
    """
    read = getattr(bound.operator, "annotations", None)
    if read is None:
        return run
    known = _known(registry, bound.name)
    digests, minutes = set(), defaultdict[str | None, float](float)
    last: dict[tuple[str, ...], Annotation] = {}
    annotations: Iterator[Annotation] = read()
    for said in annotations:
        minutes[said.annotator] += said.minutes if said.digest not in known and said.digest not in digests else 0
        digests.add(said.digest)
        if said.values is not None and (said.key not in last or said.at >= last[said.key].at):
            last[said.key] = said
    rows = defaultdict[str | None, int](int)
    for said in last.values():
        rows[said.annotator] += 1
    who = [
        {"kind": "human", "name": name, "rows": rows[name], "minutes": round(minutes[name], 4)}
        for name in sorted(minutes, key=str)
    ]
    facet: dict[str, Any] = {
        "object": put_object(registry.lake.store, b"".join(sorted(digests | known))),
        "count": len(digests),
        "new": len(digests - known),
        "unmatched": None if annotated is None else max(0, len(last) - annotated),
    }
    cost: Mapping[str, Any] = {**run.facets.get("cost", {}), "human_min": round(sum(minutes.values()), 4)}
    return replace(run, facets={**run.facets, "annotators": who, "annotations": facet, "cost": cost})


def unmatched(run: Run) -> int:
    """How many annotations of ``run`` were about no sample."""
    return int(run.facets.get("annotations", {}).get("unmatched") or 0)


def _known(registry: Registry, name: str) -> set[bytes]:
    """The annotations that runs of the pass have counted."""
    last = registry.last_pass_run(name)
    digest = last.facets.get("annotations", {}).get("object") if last is not None else None
    if digest is None:
        return set()
    data = get_object(registry.lake.store, digest)
    return {bytes(one) for one in np.frombuffer(data, f"V{WIDTH}")}
