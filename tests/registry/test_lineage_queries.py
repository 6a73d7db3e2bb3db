"""Lineage: closures against networkx on random graphs, and answers that do not depend on how runs were met."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import networkx as nx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmreg.errors import NotFound, UsageError
from mmreg.registry.catalog import Catalog
from mmreg.registry.catalog.graph import lineage
from mmreg.registry.catalog.record import record_run
from mmreg.registry.catalog.sqlite import SqliteDatabase
from mmreg.schemas.lineage import Edge, Lineage
from mmreg.schemas.refs import NodeRef
from mmreg.schemas.run import Job, JobKind, Run, RunInput, RunState, VersionOutput

DATASETS = ("pairs", "train", "splits")
MODELS = ("clip", "captioner")


@contextmanager
def an_index(runs: list[Run]) -> Iterator[Catalog]:
    with tempfile.TemporaryDirectory() as folder:
        catalog = Catalog.open("sqlite:///catalog.db", Path(folder))
        for run in runs:
            catalog.absorb(run)
        yield catalog
        catalog.close()


@st.composite
def histories(draw: st.DrawFn) -> list[Run]:
    """What a project may have done: each run uses what earlier ones made, or things nobody here made."""
    versions: list[VersionOutput] = []
    digests: list[tuple[str, str]] = []
    runs: list[Run] = []
    for number in range(draw(st.integers(1, 12))):
        kind: JobKind = draw(
            st.sampled_from(["ingest", "pass", "select", "training", "evaluation", "promotion", "alias"])
        )
        inputs = [_used(draw, versions, digests, kind) for _ in range(draw(st.integers(0, 3)))]
        outputs: list[VersionOutput] = []
        checkpoints: list[dict[str, Any]] = []
        facets: dict[str, Any] = {}
        if kind in ("ingest", "pass", "select"):
            for dataset in draw(st.sets(st.sampled_from(DATASETS), min_size=1, max_size=2)):
                ordinal = 1 + sum(version.dataset == dataset for version in versions)
                outputs.append(
                    VersionOutput(dataset, f"{number:04x}-{dataset}", ordinal, "root", 10, lance_version=ordinal)
                )
        elif kind == "training":
            name, digest = draw(st.sampled_from(MODELS)), f"{draw(st.integers(0, 3)):064x}"
            checkpoints.append({"name": name, "digest": digest, "framework": "open_clip"})
            facets = {"metrics": {"loss": draw(st.floats(0, 1))}}
            digests.append((name, digest))
        elif kind == "evaluation":
            facets = {"metrics": {"recall@1": draw(st.floats(0, 1))}}
        elif kind == "promotion" and versions:
            chosen = draw(st.sampled_from(versions))
            facets = {"promotion": {"dataset": chosen.dataset, "uuid": chosen.uuid}}
        elif kind == "alias" and digests:
            name, digest = draw(st.sampled_from(digests))
            facets = {
                "alias": {"model": name, "alias": draw(st.sampled_from(["champion", "control"])), "digest": digest}
            }
        versions += outputs
        second = draw(st.integers(0, 3))  # ties: then the id decides
        runs.append(
            Run(
                id=f"2026-{number:04}",
                job=Job(kind, draw(st.sampled_from(["a", "b"]))),
                state=draw(st.sampled_from([RunState.COMPLETE, RunState.COMPLETE, RunState.FAILED])),
                started_at=f"2026-01-01T00:00:0{second}.000000Z",
                ended_at=f"2026-01-01T00:00:0{second}.500000Z",
                inputs=tuple(inputs),
                outputs=tuple(outputs),
                checkpoints=tuple(checkpoints),
                facets=facets,
            )
        )
    return runs


def _used(draw: st.DrawFn, versions: list[VersionOutput], digests: list[tuple[str, str]], kind: JobKind) -> RunInput:
    what = draw(st.sampled_from(["version", "version", "checkpoint", "source", "stranger"]))
    if what == "version" and versions:
        version = draw(st.sampled_from(versions))
        role = "trained_on" if kind == "training" else draw(st.sampled_from(["used", "evaluated_on"]))
        ref = draw(st.sampled_from([version.ref, version.dataset]))
        return RunInput("version", version.uuid, ref, role)
    if what == "checkpoint" and digests:
        name, digest = draw(st.sampled_from(digests))
        role = draw(st.sampled_from(["curated_by", "init_from", "used"]))
        return RunInput("checkpoint", digest, f"{name}@champion", role)
    if what == "stranger":
        return RunInput("version", "ffff", draw(st.sampled_from(["gone@v1", "gone"])))
    return RunInput("source", draw(st.sampled_from(["s1", "s2"])), "imagefolder data/")


def poorer(draw: st.DrawFn, run: Run) -> Run:
    """A copy as the commit itself carries it, or an earlier one, which said things that no longer hold."""
    kept = tuple(replace(output, lance_version=None) for output in run.outputs if draw(st.booleans()))
    if draw(st.booleans()):
        return replace(run, outputs=kept)
    facets = {
        "promotion": {"dataset": "pairs", "uuid": "0000-pairs"},
        "alias": {"model": "clip", "alias": "champion", "digest": f"{0:064x}"},
        "metrics": {f"{0:064x}": {"loss": 7.0}},
    }
    return replace(run, outputs=kept, ended_at=run.started_at, facets=facets, state=RunState.COMPLETE)


def answers(catalog: Catalog, ids: list[str]) -> dict[str, Any]:
    """All that ls, log, model ls and lineage say."""
    return {
        "ls": catalog.datasets(),
        "log": {summary.name: catalog.log(summary.name) for summary in catalog.datasets()},
        "versions": {summary.name: catalog.versions(summary.name) for summary in catalog.datasets()},
        "models": catalog.models(),
        "lineage": {
            (id, direction): catalog.lineage(id, direction).to_dict() for id in ids for direction in ("up", "down")
        },
    }


def graph_of(runs: list[Run]) -> nx.DiGraph:
    """The same graph made plainly."""
    graph = nx.DiGraph()
    graph.add_edges_from((edge.source, edge.target) for edge in carried(runs))
    for run in runs:
        this = f"run:{run.id}"
        graph.add_node(this)
        graph.add_edges_from((f"{i.kind}:{i.id}", this) for i in run.inputs)
        graph.add_edges_from((this, f"version:{o.uuid}") for o in run.outputs)
        graph.add_edges_from((this, f"checkpoint:{c['digest']}") for c in run.checkpoints)
    return graph


def carried(runs: list[Run]) -> set[Edge]:
    """From each version to the run that made the next one, where that neither read it nor chose its rows anew."""
    found = set()
    for kind in {(output.dataset, output.kind) for run in runs for output in run.outputs}:
        made = sorted(
            ((o.lance_version, o.ordinal, o.uuid, run) for run in runs for o in run.outputs
             if (o.dataset, o.kind) == kind and o.lance_version is not None),
            key=lambda one: one[:3],
        )  # fmt: skip
        for number, _, _, run in made:
            if run.job.kind == "select":
                continue
            before = [uuid for other, _, uuid, _ in made if other < number][-1:]
            read = {i.id for i in run.inputs if i.kind == "version"}
            found |= {Edge(f"version:{uuid}", f"run:{run.id}", "continues") for uuid in before if uuid not in read}
    return found


def edges_of(runs: list[Run], among: set[str]) -> set[Edge]:
    found = carried(runs)
    found |= {Edge(f"{i.kind}:{i.id}", f"run:{run.id}", i.role) for run in runs for i in run.inputs}
    found |= {Edge(f"run:{run.id}", f"version:{o.uuid}", "generated") for run in runs for o in run.outputs}
    found |= {Edge(f"run:{run.id}", f"checkpoint:{c['digest']}", "generated") for run in runs for c in run.checkpoints}
    return {edge for edge in found if {edge.source, edge.target} <= among}


def ids_of(found: Lineage) -> set[str]:
    ids = [node.id for node in found.nodes]
    assert len(set(ids)) == len(ids)
    return set(ids)


@settings(max_examples=25, deadline=None)
@given(histories(), st.data())
def test_answers_do_not_depend_on_how_runs_were_met(runs: list[Run], data: st.DataObject) -> None:
    met = [*runs, *(poorer(data.draw, run) for run in runs), *data.draw(st.lists(st.sampled_from(runs), max_size=5))]
    ids = sorted(graph_of(runs))
    with an_index(runs) as plain, an_index(data.draw(st.permutations(met))) as shuffled:
        assert answers(shuffled, ids) == answers(plain, ids)


@settings(max_examples=25, deadline=None)
@given(histories())
def test_closures_are_those_of_networkx(runs: list[Run]) -> None:
    graph = graph_of(runs)
    with an_index(runs) as catalog:
        for id in graph:
            for direction, others in (("up", nx.ancestors(graph, id)), ("down", nx.descendants(graph, id))):
                found = catalog.lineage(id, direction)
                assert (found.focus, found.direction) == (id, direction)
                assert ids_of(found) == others | {id}
                assert set(found.edges) == edges_of(runs, others | {id})
                assert len(set(found.edges)) == len(found.edges)


@settings(max_examples=25, deadline=None)
@given(histories())
def test_upstream_and_downstream_are_inverses(runs: list[Run]) -> None:
    ids = list(graph_of(runs))
    with an_index(runs) as catalog:
        up = {(id, other) for id in ids for other in ids_of(catalog.lineage(id, "up"))}
        down = {(other, id) for id in ids for other in ids_of(catalog.lineage(id, "down"))}
    assert up == down


@settings(max_examples=25, deadline=None)
@given(histories(), st.integers(0, 4))
def test_depth_counts_runs(runs: list[Run], depth: int) -> None:
    graph = graph_of(runs)
    with an_index(runs) as catalog:
        for id in graph:
            steps = max(0, 2 * depth - 1) if id.startswith("run:") else 2 * depth
            for direction, walked in (("up", graph.reverse()), ("down", graph)):
                near = nx.single_source_shortest_path_length(walked, id, cutoff=steps)
                found = catalog.lineage(id, direction, depth)
                assert ids_of(found) == set(near)
                assert set(found.edges) == edges_of(runs, set(near))


@settings(max_examples=25, deadline=None)
@given(histories(), st.data())
def test_a_path_is_all_that_lies_between(runs: list[Run], data: st.DataObject) -> None:
    graph = graph_of(runs)
    a, b = data.draw(st.sampled_from(sorted(graph))), data.draw(st.sampled_from(sorted(graph)))
    between = _between(graph, a, b) or _between(graph, b, a)
    with an_index(runs) as catalog:
        found = catalog.path(a, b)
    assert (found.focus, found.direction) == (a, "path")
    assert ids_of(found) == (between or {a, b})
    assert set(found.edges) == (edges_of(runs, between) if between else set())


def _between(graph: nx.DiGraph, a: str, b: str) -> set[str]:
    return (nx.descendants(graph, a) | {a}) & (nx.ancestors(graph, b) | {b})


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32), st.integers(2, 60))
def test_larger_graphs_and_cycles(seed: int, size: int) -> None:
    """Versions and runs wired at random; the same weights made again close cycles."""
    drawn = nx.gnp_random_graph(size, 2.5 / size, seed=seed, directed=True)
    runs = [
        Run(
            id=f"r{n:03}",
            job=Job("training", "t"),
            state=RunState.COMPLETE,
            started_at="2026",
            ended_at="2026",
            inputs=tuple(RunInput("checkpoint", f"{p:064x}", "m", "init_from") for p in sorted(drawn.predecessors(n))),
            checkpoints=({"name": "m", "digest": f"{n:064x}"},),
        )
        for n in drawn
    ]
    graph = graph_of(runs)
    start = f"checkpoint:{0:064x}"
    with an_index(runs) as catalog:
        assert ids_of(catalog.lineage(start, "up")) == nx.ancestors(graph, start) | {start}
        assert ids_of(catalog.lineage(start, "down")) == nx.descendants(graph, start) | {start}


@pytest.mark.parametrize("direction", ["up", "down"])
@pytest.mark.parametrize("depth", [None, 2])
def test_walking_reads_one_covering_index(tmp_path: Path, direction: str, depth: int | None) -> None:
    """What keeps a walk's cost that of its own size, in a graph of any size."""
    db = SqliteDatabase.open(tmp_path / "catalog.db")
    statements: list[str] = []
    with db.write() as connection:
        for run in story():
            record_run(connection, run)
        connection.set_trace_callback(statements.append)
    lineage(db, "version:uuid2", direction, depth)
    walks = [statement for statement in statements if " edge " in statement]
    assert len(walks) == 2
    index = "USING COVERING INDEX edge_upstream (target=?)" if direction == "up" else "USING PRIMARY KEY (source=?)"
    for walk in walks:
        plan = [row[3] for row in db.rows(f"EXPLAIN QUERY PLAN {walk}")]
        assert [step for step in plan if index in step], plan
        assert not [step for step in plan if step.startswith(("SCAN e", "SCAN edge", "SCAN n"))], plan
    db.close()


# One history, read by eye


def story() -> list[Run]:
    times = iter(range(100))

    def run(kind: JobKind, name: str, *inputs: RunInput, **made: Any) -> Run:
        n = next(times)
        time = f"2026-01-01T00:00:{n:02}.000000Z"
        return Run(f"r{n}", Job(kind, name), RunState.COMPLETE, time, time, inputs, **made)

    v1, v2 = (VersionOutput("pairs", f"uuid{n}", n, "root", 10, 1) for n in (1, 2))
    kept = VersionOutput("train", "uuid3", 1, "derived", 4)
    model = {"name": "clip", "digest": "ab" * 32, "framework": "open_clip"}
    return [
        run("ingest", "pairs", RunInput("source", "s1", "imagefolder data/"), outputs=(v1,)),
        run("pass", "stats", RunInput("version", "uuid1", "pairs@v1"), outputs=(v2,)),
        run("select", "train", RunInput("version", "uuid2", "pairs@v2"), outputs=(kept,)),
        run("training", "clip", RunInput("version", "uuid3", "train", "trained_on"), checkpoints=(model,)),
        run("evaluation", "zero-shot", RunInput("checkpoint", "ab" * 32, "clip")),
    ]


def shown(found: Lineage) -> list[str]:
    refs = {node.id: node.name if node.kind == "run" else node.ref for node in found.nodes}
    return [f"{refs[edge.source]} -{edge.kind}> {refs[edge.target]}" for edge in found.edges]


def test_where_a_model_came_from() -> None:
    with an_index(story()) as catalog:
        model = catalog.node_id(NodeRef.parse("model:clip"))
        assert shown(catalog.lineage(model, "up")) == [
            "imagefolder data/ -used> pairs",
            "pairs -generated> pairs@v1",
            "pairs@v1 -used> stats",
            "stats -generated> pairs@v2",
            "pairs@v2 -used> train",
            "train -generated> train@v1",
            "train@v1 -trained_on> clip",
            "clip -generated> model:clip@abababababab",
        ]
        assert shown(catalog.lineage(model, "up", 1)) == [
            "train@v1 -trained_on> clip",
            "clip -generated> model:clip@abababababab",
        ]
        assert catalog.lineage(model, "up", 0).edges == ()
        assert [node.id for node in catalog.lineage(model, "up", 0).nodes] == [model]


def test_what_came_of_a_version_and_what_lies_between() -> None:
    with an_index(story()) as catalog:
        assert shown(catalog.lineage("version:uuid2", "down")) == [
            "pairs@v2 -used> train",
            "train -generated> train@v1",
            "train@v1 -trained_on> clip",
            "clip -generated> model:clip@abababababab",
            "model:clip@abababababab -used> zero-shot",
        ]
        assert shown(catalog.lineage("run:r2", "up", 1)) == ["pairs@v2 -used> train"]
        there, back = catalog.path("version:uuid2", "run:r3"), catalog.path("run:r3", "version:uuid2")
        assert (
            shown(there)
            == shown(back)
            == [
                "pairs@v2 -used> train",
                "train -generated> train@v1",
                "train@v1 -trained_on> clip",
            ]
        )
        assert back.focus == "run:r3"


def test_nodes_say_a_few_things_of_themselves() -> None:
    with an_index(story()) as catalog:
        facts = {node.id: node.facts for node in catalog.lineage("run:r4", "up").nodes}
    assert facts["version:uuid1"] == {"rows": 10, "rejected": 1, "created_at": "2026-01-01T00:00:00.000000Z"}
    assert facts["run:r3"]["job"] == "training"
    assert facts["run:r3"]["state"] == "complete"
    assert facts["checkpoint:" + "ab" * 32]["framework"] == "open_clip"
    assert facts["source:s1"] == {}


def test_failed_runs_are_part_of_the_story() -> None:
    failed = replace(story()[1], state=RunState.FAILED, outputs=())
    with an_index([story()[0], failed]) as catalog:
        (node,) = [node for node in catalog.lineage("version:uuid1", "down").nodes if node.kind == "run"]
        assert node.facts["state"] == "failed"


def test_what_nobody_here_made_is_named_as_it_was_used() -> None:
    with an_index(story()[3:]) as catalog:
        nodes = {node.id: node for node in catalog.lineage("run:r4", "up").nodes}
        assert (nodes["version:uuid3"].ref, nodes["version:uuid3"].name) == ("train", "train")
        catalog.absorb(story()[2])
        nodes = {node.id: node for node in catalog.lineage("run:r4", "up").nodes}
        assert nodes["version:uuid3"].ref == "train@v1"


def test_questions_that_make_no_sense() -> None:
    with an_index(story()) as catalog:
        with pytest.raises(NotFound, match="version:nowhere is not in the lineage graph"):
            catalog.lineage("version:nowhere", "up")
        with pytest.raises(NotFound, match="run:nowhere"):
            catalog.path("version:uuid1", "run:nowhere")
        with pytest.raises(UsageError, match="'sideways' is no direction"):
            catalog.lineage("version:uuid1", "sideways")
        with pytest.raises(UsageError, match="a depth of -1"):
            catalog.lineage("version:uuid1", "up", -1)
