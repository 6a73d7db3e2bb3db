"""What something has cost: each run once, what nobody counted told apart, on either kind of index."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import networkx as nx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mmreg.registry.catalog import Catalog
from mmreg.registry.lineage.cost import cost
from mmreg.schemas.cost import Amount, By, Cost
from mmreg.schemas.run import Run, RunInput, RunState, VersionOutput

MODEL, API = "aa" * 32, "bb" * 32


def version(number: int, dataset: str = "pairs") -> VersionOutput:
    return VersionOutput(dataset, f"{dataset}-{number}", number, "root", 10, lance_version=number)


def read(*versions: VersionOutput, role: Any = "used") -> tuple[RunInput, ...]:
    return tuple(RunInput("version", v.uuid, v.ref, role) for v in versions)


def asks(digest: str, name: str) -> tuple[RunInput, ...]:
    return (RunInput("checkpoint", digest, f"model:{name}", "curated_by"),)


def of_pass(**cost: float) -> dict[str, Any]:
    return {"pass": {"generation": "0" * 16, "cost": cost}}


@pytest.fixture
def ask(catalog: Catalog) -> Callable[..., Cost]:
    """Take in runs, then ask what the last version of the dataset has cost."""

    def ask(runs: Sequence[Run], node: str, by: By = "job") -> Cost:
        for run in runs:
            catalog.absorb(run)
        return cost(catalog, catalog.lineage(node, "up"), by)

    return ask


def diamond(a_run: Callable[..., Run], a_model: Callable[..., dict[str, Any]]) -> list[Run]:
    """pairs@v1, read by two passes, both read by a training whose model curates pairs@v4; one asks a server."""
    return [
        a_run(1, "ingest", "pairs", outputs=(version(1),)),
        a_run(2, "model", "api", checkpoints=(a_model("api", "bb", opaque=True),)),
        a_run(3, "pass", "say", inputs=(*read(version(1)), *asks(API, "api")), outputs=(version(2),),
              facets=of_pass(calls=10, seconds=4, tokens_in=100, tokens_out=20, money=0.0)),
        a_run(4, "pass", "stats", inputs=read(version(1)), outputs=(version(3),), facets=of_pass(calls=10, seconds=1)),
        a_run(5, "training", "clip", inputs=read(version(2), version(3), role="trained_on"),
              checkpoints=(a_model("clip", "aa"),),
              facets={"training": {}, "cost": {"wall_s": 60, "gpu_s": 50, "money": 2.5, "currency": "EUR"}}),
        a_run(6, "pass", "clip", inputs=(*read(version(3)), *asks(MODEL, "clip")), outputs=(version(4),),
              facets=of_pass(calls=10, seconds=2)),
        a_run(7, "pass", "other", inputs=read(version(3)), outputs=(version(5),), facets=of_pass(seconds=1000)),
    ]  # fmt: skip


def test_each_run_counts_once_and_what_nobody_counted_is_told(
    ask: Callable[..., Cost], a_run: Callable[..., Run], a_model: Callable[..., dict[str, Any]]
) -> None:
    answer = ask(diamond(a_run, a_model), "version:pairs-4")
    total = answer.total.amounts
    assert answer.total.runs == 6, "once each, though two ways lead from pairs@v1"
    assert total["seconds"] == Amount(0.5 + 4 + 1 + 60 + 2, 5)
    assert total["calls"] == Amount(20, 2), "a pass that asks no model has called none"
    assert total["gpu_s"] == Amount(50, 1, 2)
    assert total["money EUR"] == Amount(2.5, 1), "currencies are never added up"
    assert total["money"] == Amount(0, 0, 1), "a server without a price is not free"
    assert answer.uncounted == {"cpu_s": 5, "gpu_s": 2, "flops": 3, "money": 1}
    assert answer.untold == (f"api@{API[:12]}",)
    assert {line.name for line in answer.lines} == {"pairs", "api", "say", "stats", "clip"}


@pytest.mark.parametrize(
    ("by", "names"),
    [
        ("model", {"no model", f"api@{API[:12]}", f"clip@{MODEL[:12]}"}),
        ("dataset", {"pairs", "api", "clip"}),
        ("job", {"pairs", "api", "say", "stats", "clip"}),
    ],
)
def test_lines_of_each_kind_add_up_to_the_total(
    by: By, names: set[str], ask: Callable[..., Cost], a_run: Callable[..., Run],
    a_model: Callable[..., dict[str, Any]],
) -> None:  # fmt: skip
    answer = ask(diamond(a_run, a_model), "version:pairs-4", by)
    assert {line.name for line in answer.lines} == names
    assert sum(line.runs for line in answer.lines) == answer.total.runs
    for measure, amount in answer.total.amounts.items():
        parts = [line.amounts[measure] for line in answer.lines if measure in line.amounts]
        assert sum(part.value for part in parts) == pytest.approx(amount.value)
        assert sum(part.unknown for part in parts) == amount.unknown


def test_a_line_tells_its_way(
    ask: Callable[..., Cost], a_run: Callable[..., Run], a_model: Callable[..., dict[str, Any]]
) -> None:
    lines = {line.name: line for line in ask(diamond(a_run, a_model), "version:pairs-4", "run").lines}
    way = next(line.way for name, line in lines.items() if name.startswith("clip ") and line.kind == "training")
    assert way == ("training clip", f"model clip@{MODEL[:12]}", "pass clip", "pairs@v4")
    assert lines["pairs 20260101T000001.000000Z-0000000001"].way[:2] == ("ingest pairs", "pairs@v1")


def test_stopped_runs_whose_results_were_taken_up_are_owed(ask: Callable[..., Cost], a_run: Callable[..., Run]) -> None:
    def say(number: int, generation: int, resumed: int, **parts: Any) -> Run:
        facet = {"generation": f"{generation:016x}", "resumed": resumed, "cost": {"seconds": 10.0**number}}
        return a_run(number, "pass", "say", facets={"pass": facet}, inputs=read(version(1)), **parts)

    stopped = {"state": RunState.FAILED}
    runs = [
        say(0, 1, 0, **stopped),
        say(1, 1, 5, outputs=(version(2),)),
        say(2, 1, 0, **stopped),
        say(3, 2, 0, **stopped),
        say(4, 1, 8, outputs=(version(3),)),
        say(5, 1, 0, **stopped),
    ]
    first, second = ask(runs, "version:pairs-2").total, ask(runs, "version:pairs-3").total
    assert (first.runs, first.stopped, first.amounts["seconds"].value) == (2, 1, 1 + 10)
    assert (second.runs, second.stopped) == (4, 2), "what the first took up is not taken up again"
    assert second.amounts["seconds"].value == 1 + 10 + 100 + 10_000, "and another recipe's is nobody's yet"


def test_records_of_people_and_of_old(ask: Callable[..., Cost], a_run: Callable[..., Run]) -> None:
    people = {"annotators": [{"kind": "human", "name": None, "rows": 3, "minutes": None}]}
    counted = {"annotators": [{"kind": "human", "name": "a", "rows": 3, "minutes": 9}], "cost": {"human_min": 9}}
    runs = [
        a_run(1, "pass", "labels", inputs=read(version(1)), outputs=(version(2),), facets=people),
        a_run(2, "pass", "labels", inputs=read(version(2)), outputs=(version(3),), facets=counted),
        a_run(3, "training", "old", inputs=read(version(3)), outputs=(version(4),), facets={}),
        a_run(4, "training", "ours", inputs=read(version(4)), outputs=(version(5),),
              facets={"training": {"command": ["python"]}}),
    ]  # fmt: skip
    amounts = ask(runs, "version:pairs-5").total.amounts
    assert amounts["human_min"] == Amount(9, 1, 1)
    assert amounts["seconds"] == Amount(0.5 * 3, 3, 1), "how long a training took that ran elsewhere is not known"


edges = st.lists(st.tuples(st.integers(0, 11), st.integers(0, 11)), max_size=30)


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(edges=edges, costs=st.lists(st.integers(0, 1000), min_size=12, max_size=12))
def test_sums_are_those_of_a_plain_walk(
    catalog: Catalog, a_run: Callable[..., Run], edges: list[tuple[int, int]], costs: list[int]
) -> None:
    catalog.clear()
    graph = nx.DiGraph((min(pair), max(pair)) for pair in edges if pair[0] != pair[1])
    graph.add_nodes_from(range(12))
    for number in range(12):
        above = [version(other, f"d{other}") for other in sorted(graph.predecessors(number))]
        made = replace(version(number, f"d{number}"), ordinal=1, kind="derived")
        catalog.absorb(
            a_run(number, "pass", f"p{number}", inputs=read(*above), outputs=(made,),
                  facets=of_pass(seconds=costs[number]))
        )  # fmt: skip
    for number in range(12):
        answer = cost(catalog, catalog.lineage(f"version:d{number}-{number}", "up"))
        wanted = {number, *nx.ancestors(graph, number)}
        assert answer.total.amounts["seconds"].value == sum(costs[n] for n in wanted)
        assert answer.total.runs == len(wanted)
