"""An index over a large made-up graph: what a project looks like after years.

Fifty layers of versions in 200 datasets; every version is made by a run from two versions of the layer before, of
the same family of twenty, and goes on from the version before it in its dataset: four edges a run. So a version has
some thousand nodes upstream, whatever the size of the graph.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from projects import make_project

from mmreg.registry.catalog.record import record_run
from mmreg.registry.catalog.sqlite import SqliteDatabase
from mmreg.registry.runs import transaction_uuid, write_run
from mmreg.schemas.run import Job, Run, RunInput, RunState, VersionOutput

LAYERS, FAMILY, DATASETS = 50, 20, 200
OBJECTS = 300
"""Runs that are still objects in the lake, not yet in its archive."""


def build(folder: Path, edges: int) -> str:
    """Make a project whose index has about ``edges`` edges. Returns the ref of a version of the last layer."""
    registry = make_project(folder, {})
    runs = list(made_up_runs(edges // 4))
    for run in runs[-OBJECTS:]:
        write_run(registry.lake.store, run)
    registry.catalog.close()
    index = SqliteDatabase.open(folder / ".mmreg" / "catalog.db")
    for start in range(0, len(runs), 5000):
        with index.write() as connection:
            for run in runs[start : start + 5000]:
                record_run(connection, run)
    index.close()
    return runs[-1].outputs[0].ref


def made_up_runs(count: int) -> Iterator[Run]:
    """About ``count`` runs, the oldest first."""
    seeded = random.Random(7)
    width = max(FAMILY, count // LAYERS // FAMILY * FAMILY)
    ordinals: Counter[str] = Counter()
    before: list[VersionOutput] = []
    for layer in range(LAYERS):
        here: list[VersionOutput] = []
        for place in range(width):
            dataset = f"set{place // FAMILY % DATASETS:03d}"
            ordinals[dataset] += 1
            id = f"20260101T{layer:02d}0000.{place:06d}Z-{layer * width + place:010x}"
            family = before[place // FAMILY * FAMILY :][:FAMILY]
            output = VersionOutput(
                dataset, transaction_uuid(id, dataset), (n := ordinals[dataset]), "root", 1000, 3, n, (), ("score",)
            )
            time = f"2026-01-01T{layer % 24:02d}:{layer // 24:02d}:00.{place:06d}Z"
            yield Run(
                id=id,
                job=Job("pass", f"pass{layer}"),
                state=RunState.COMPLETE,
                started_at=time,
                ended_at=time,
                inputs=tuple(RunInput("version", p.uuid, p.ref) for p in seeded.sample(family, 2) if family)
                if family
                else (),
                outputs=(output,),
                facets={"pass": {"use": "score", "params": {}, "generation": "0" * 16}},
            )
            here.append(output)
        before = here
