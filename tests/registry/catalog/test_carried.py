"""A root goes on from its version before, whoever wrote: edges that say so, in whatever order runs arrive."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import permutations
from typing import Any

import pytest

from mmreg.registry.catalog import Catalog
from mmreg.schemas.lineage import Edge
from mmreg.schemas.run import Run, RunInput, VersionOutput

Pairs = Callable[..., VersionOutput]
ARun = Callable[..., Run]


@pytest.fixture
def runs(a_run: ARun, pairs: Pairs) -> list[Run]:
    """An ingest, a pass over what it made, and another ingest, which read nothing of both."""
    source = RunInput("source", "s", "data/")
    return [
        a_run(1, "ingest", "pairs", inputs=(source,), outputs=(pairs(1),)),
        a_run(2, inputs=(RunInput("version", pairs(1).uuid, "pairs@v1"),), outputs=(pairs(2),)),
        a_run(3, "ingest", "pairs", inputs=(source,), outputs=(pairs(3),)),
    ]


def carried(catalog: Catalog, version: VersionOutput) -> set[Edge]:
    found = catalog.lineage(f"version:{version.uuid}", "up")
    return {edge for edge in found.edges if edge.kind == "continues"}


def test_an_ingest_goes_on_from_what_passes_made(catalog: Catalog, runs: list[Run], pairs: Pairs) -> None:
    for run in runs:
        catalog.absorb(run)
    found = catalog.lineage(f"version:{pairs(3).uuid}", "up")
    assert {node.id for node in found.nodes if node.kind == "run"} == {f"run:{run.id}" for run in runs}
    assert carried(catalog, pairs(3)) == {Edge(f"version:{pairs(2).uuid}", f"run:{runs[2].id}", "continues")}


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_the_order_of_arrival_does_not_matter(
    catalog: Catalog, runs: list[Run], a_run: ARun, pairs: Pairs, order: tuple[int, ...]
) -> None:
    """A pass whose publish was rebased: it read v1 and stands on v3, which an ingest had made meanwhile."""
    rebased = a_run(4, inputs=(RunInput("version", pairs(1).uuid, "pairs@v1"),), outputs=(pairs(4),))
    told = [*runs, rebased]
    for place in order:
        catalog.absorb(told[place])
    assert carried(catalog, pairs(4)) == {
        Edge(f"version:{pairs(2).uuid}", f"run:{runs[2].id}", "continues"),
        Edge(f"version:{pairs(3).uuid}", f"run:{rebased.id}", "continues"),
    }


def test_where_a_version_stands_may_be_told_later(catalog: Catalog, runs: list[Run], a_run: ARun, pairs: Pairs) -> None:
    """A commit does not know its own number: the run's object, read later, does."""
    for run in (runs[0], runs[2]):
        catalog.absorb(run)
    catalog.absorb(replace(runs[1], outputs=(replace(pairs(2), lance_version=None),)))
    bridged = Edge(f"version:{pairs(1).uuid}", f"run:{runs[2].id}", "continues")
    assert carried(catalog, pairs(3)) == {bridged}
    catalog.absorb(runs[1])
    assert carried(catalog, pairs(3)) == {Edge(f"version:{pairs(2).uuid}", f"run:{runs[2].id}", "continues")}


def test_a_selection_carries_nothing_over(catalog: Catalog, a_run: ARun) -> None:
    def chosen(number: int) -> VersionOutput:
        return VersionOutput("train", f"{number:04x}-train", number, "derived", 4, lance_version=number)

    for number in (1, 2):
        catalog.absorb(a_run(number, "select", "train", outputs=(chosen(number),)))
    assert catalog.lineage(f"version:{chosen(2).uuid}", "up").edges == (
        Edge(f"run:{a_run(2).id}", f"version:{chosen(2).uuid}", "generated"),
    )


def test_a_derived_dataset_that_comes_along_goes_on_from_what_it_was(
    catalog: Catalog, a_run: ARun, pairs: Pairs
) -> None:
    """A change of a root's columns brings it along, and reads it not; the selection stays upstream of it."""

    def chosen(number: int) -> VersionOutput:
        return VersionOutput("train", f"{number:04x}-train", number, "derived", 4, lance_version=number)

    first = RunInput("version", pairs(1).uuid, "pairs@v1")
    select = a_run(2, "select", "train", inputs=(first,), outputs=(chosen(1),))
    change = a_run(3, "schema", "pairs", inputs=(first,), outputs=(pairs(2), chosen(2)))
    for run in (change, a_run(1, "ingest", "pairs", outputs=(pairs(1),)), select):
        catalog.absorb(run)
    assert carried(catalog, chosen(2)) == {Edge(f"version:{chosen(1).uuid}", f"run:{change.id}", "continues")}
    assert f"run:{select.id}" in {node.id for node in catalog.lineage(f"version:{chosen(2).uuid}", "up").nodes}


def test_a_run_of_two_roots_goes_on_from_both(catalog: Catalog, a_run: ARun, pairs: Pairs) -> None:
    def other(number: int) -> dict[str, Any]:
        return {"dataset": "others", "uuid": f"{number:04x}-others"}

    first = a_run(1, outputs=(pairs(1), pairs(1, **other(1))))
    second = a_run(2, "erasure", "erase", outputs=(pairs(2), pairs(2, **other(2))))
    for run in (second, first):
        catalog.absorb(run)
    assert carried(catalog, pairs(2)) == {
        Edge(f"version:{pairs(1).uuid}", f"run:{second.id}", "continues"),
        Edge("version:0001-others", f"run:{second.id}", "continues"),
    }


def test_two_writers_at_once(open_catalog: Callable[[], Catalog], a_run: ARun, pairs: Pairs) -> None:
    """Each takes in every other run of one dataset, by a connection of its own: no gap is left, and no bridge."""
    runs = [a_run(number, "ingest", "pairs", outputs=(pairs(number),)) for number in range(1, 41)]

    def take_in(some: list[Run]) -> None:
        catalog = open_catalog()
        for run in some:
            catalog.absorb(run)
        catalog.close()

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(take_in, [runs[::2], runs[1::2][::-1]]))
    catalog = open_catalog()
    assert carried(catalog, pairs(40)) == {
        Edge(f"version:{pairs(number).uuid}", f"run:{runs[number].id}", "continues") for number in range(1, 40)
    }
    catalog.close()
