"""Walks over the flow of columns, beside networkx on the same steps of made-up histories."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import networkx as nx
from hypothesis import given, settings
from hypothesis import strategies as st

from mmreg.registry.catalog import Catalog
from mmreg.registry.lineage.flow import Flow
from mmreg.registry.lineage.touch import begin, walk
from mmreg.schemas.run import Job, JobKind, Run, RunInput, RunState, VersionOutput

COLUMNS = ("text", "score", "caption")
SETTINGS = settings(max_examples=15)


def run(number: int, kind: JobKind, name: str, **parts: Any) -> Run:
    moment = f"2026-01-01T00:00:{number:02}.000000Z"
    return Run(f"2026-{number:04}", Job(kind, name), RunState.COMPLETE, moment, moment, **parts)


@st.composite
def histories(draw: st.DrawFn) -> list[Run]:
    """One root that is ingested and passed over, selections of it, models that are trained on them and asked again."""
    runs: list[Run] = []
    roots: list[VersionOutput] = []
    chosen: list[VersionOutput] = []
    models: list[str] = []
    for number in range(draw(st.integers(2, 10))):
        kinds = ["ingest"] if not roots else ["ingest", "pass", "pass", "select", "training", "evaluation", "schema"]
        kind = draw(st.sampled_from(kinds))
        inputs: list[RunInput] = []
        if kind in ("ingest", "pass"):
            columns = ("text",) if kind == "ingest" else (draw(st.sampled_from(COLUMNS[1:])),)
            facets: dict[str, Any] = (
                {"ingest": {}} if kind == "ingest" else {"pass": {"computed": draw(st.integers(0, 9))}}
            )
            if kind == "pass":
                read = (draw(st.sampled_from(COLUMNS)),)
                inputs.append(RunInput("version", roots[-1].uuid, roots[-1].ref, columns=read))
                if models and draw(st.booleans()):
                    inputs.append(RunInput("checkpoint", draw(st.sampled_from(models)), "m", "curated_by"))
            else:
                inputs.append(RunInput("source", f"s{number}", "data/"))
            ordinal = len(roots) + 1
            output = VersionOutput(
                "pairs", f"{number:04x}-r", ordinal, "root", 9, lance_version=ordinal, columns=columns
            )
            roots.append(output)
            runs.append(run(number, kind, kind, inputs=tuple(inputs), outputs=(output,), facets=facets))
        elif kind == "schema":  # a selection comes along, though nothing read it
            ordinal = len(roots) + 1
            root = VersionOutput("pairs", f"{number:04x}-r", ordinal, "root", 9, lance_version=ordinal)
            inputs.append(RunInput("version", roots[-1].uuid, roots[-1].ref))
            outputs = [root]
            if chosen:
                pin = {"dataset": "pairs", "uuid": root.uuid, "lance_version": ordinal}
                ordinal = len(chosen) + 1
                along = VersionOutput(
                    "train", f"{number:04x}-d", ordinal, "derived", 5, lance_version=ordinal, roots=(pin,)
                )
                outputs.append(along)
                chosen.append(along)
            roots.append(root)
            runs.append(run(number, "schema", "pairs", inputs=tuple(inputs), outputs=tuple(outputs)))
        elif kind == "select":
            root = roots[-1]
            by = [draw(st.sampled_from(COLUMNS))]
            pin = {"dataset": "pairs", "uuid": root.uuid, "lance_version": root.lance_version}
            ordinal = len(chosen) + 1
            output = VersionOutput(
                "train", f"{number:04x}-d", ordinal, "derived", 5, lance_version=ordinal, roots=(pin,)
            )
            chosen.append(output)
            used = (RunInput("version", root.uuid, root.ref),)
            base = [{"uuid": root.uuid, "ref": root.ref, "split": None}]
            facets = {"select": {"columns": by, "base": base, "recipe": {}}}
            runs.append(run(number, "select", "keep", inputs=used, outputs=(output,), facets=facets))
        else:
            version = draw(st.sampled_from([*roots, *chosen]))
            role: Literal["trained_on", "evaluated_on"] = "trained_on" if kind == "training" else "evaluated_on"
            inputs.append(RunInput("version", version.uuid, version.ref, role))
            made: tuple[dict[str, Any], ...] = ()
            if kind == "training":
                if models and draw(st.booleans()):
                    inputs.append(RunInput("checkpoint", draw(st.sampled_from(models)), "m", "init_from"))
                models.append(f"{number:064x}")
                made = ({"name": "m", "digest": models[-1]},)
            elif models:
                inputs.append(RunInput("checkpoint", draw(st.sampled_from(models)), "m"))
            runs.append(run(number, kind, kind, inputs=tuple(inputs), checkpoints=made))
    return runs


@contextmanager
def an_index(runs: list[Run]) -> Iterator[Catalog]:
    with tempfile.TemporaryDirectory() as folder:
        catalog = Catalog.open("sqlite:///catalog.db", Path(folder))
        for one in runs:
            catalog.absorb(one)
        yield catalog
        catalog.close()


def plain(flow: Flow, runs: list[Run]) -> nx.DiGraph:
    """All steps, each as heavy as the run that it enters."""
    graph = nx.DiGraph()
    for one in runs:
        for steps in flow.steps(one.id).into.values():
            for step in steps:
                graph.add_edge(step.source, step.target, weight=int(step.target.node.startswith("run:")))
    return graph


def a_node(draw: st.DrawFn, runs: list[Run]) -> str:
    nodes = [f"version:{o.uuid}" for one in runs for o in one.outputs]
    nodes += [f"checkpoint:{doc['digest']}" for one in runs for doc in one.checkpoints]
    return draw(st.sampled_from(nodes))


@SETTINGS
@given(histories(), st.data())
def test_what_is_touched_is_what_networkx_reaches(runs: list[Run], data: st.DataObject) -> None:
    with an_index(runs) as catalog:
        flow = Flow(catalog)
        graph = plain(flow, runs)
        start = list(flow.all_places(data.draw(st.composite(a_node)(runs))))
        found = walk(catalog, flow, begin(start))
        reached = {*start}.union(*(nx.descendants(graph, place) for place in start if place in graph))
        assert {spot.place for spot in found.ways} == reached


@SETTINGS
@given(histories(), st.data())
def test_the_way_is_one_of_least_runs(runs: list[Run], data: st.DataObject) -> None:
    with an_index(runs) as catalog:
        flow = Flow(catalog)
        graph = plain(flow, runs)
        start = [place for place in flow.all_places(data.draw(st.composite(a_node)(runs))) if place in graph]
        found = walk(catalog, flow, begin(start))
        far = nx.multi_source_dijkstra_path_length(graph, set(start)) if start else {}
        least: dict[Any, int] = {}
        for spot, way in found.ways.items():
            least.setdefault(spot.place, sum(id.startswith("run:") for id in way))
        assert least == far


@SETTINGS
@given(histories(), st.data())
def test_whatever_is_touched_touches_no_more(runs: list[Run], data: st.DataObject) -> None:
    with an_index(runs) as catalog:
        flow = Flow(catalog)
        start = list(flow.all_places(data.draw(st.composite(a_node)(runs))))
        found = {spot.place for spot in walk(catalog, flow, begin(start)).ways}
        further = data.draw(st.sampled_from(sorted(found)))
        assert {spot.place for spot in walk(catalog, flow, begin([further])).ways} <= found


@SETTINGS
@given(histories(), st.data())
def test_up_is_down_the_other_way_round(runs: list[Run], data: st.DataObject) -> None:
    with an_index(runs) as catalog:
        flow = Flow(catalog)
        graph = plain(flow, runs)
        start = list(flow.all_places(data.draw(st.composite(a_node)(runs))))
        found = {spot.place for spot in walk(catalog, flow, begin(start), "up").ways}
        assert found == {*start}.union(*(nx.ancestors(graph, place) for place in start if place in graph))
