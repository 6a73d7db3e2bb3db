"""Every answer about the graph, beside a plain networkx computation over made-up histories of a project."""

from __future__ import annotations

from collections import Counter

import networkx as nx
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from plain_histories import ROWS, History, Where, histories, recorded, refs, whole

from mmreg.registry.api import Registry
from mmreg.schemas.lineage import Lineage

CONTENT = {"used", "generated", "carried", "trained_on"}
MODES = ("leaky_external", "external", "self", "human", "none")
FEW = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def ids(found: Lineage) -> set[str]:
    return {node.id for node in found.nodes}


@FEW
@given(histories(), st.data())
def test_up_down_and_path(history: History, data: st.DataObject) -> None:
    graph = whole(history.runs, history.versions)
    with recorded(data.draw(st.permutations(history.runs))) as registry:
        typed = refs(history)
        for node, asked in typed.items():
            up, down = registry.lineage(asked, "up"), registry.lineage(asked, "down")
            assert ids(up) == nx.ancestors(graph, node) | {node}
            assert ids(down) == nx.descendants(graph, node) | {node}
            assert {(e.source, e.target) for e in up.edges} == set(graph.subgraph(ids(up)).edges)
        one, other = (data.draw(st.sampled_from(sorted(typed))) for _ in range(2))
        between = set()
        for upper, lower in ((one, other), (other, one)):
            if not between and lower in nx.descendants(graph, upper) | {upper}:
                between = (nx.descendants(graph, upper) | {upper}) & (nx.ancestors(graph, lower) | {lower})
        assert ids(registry.lineage_path(typed[one], typed[other])) == (between or {one, other})


@FEW
@given(histories())
def test_columns_up_and_down(history: History) -> None:
    with recorded(history.runs) as registry:
        for version in [version for versions in history.versions.values() for version in versions]:
            for column in version.columns:
                up = ids(registry.lineage(f"{version.output.ref}:{column}", "up"))
                plain = {node for node, _ in history.upstream([(version.node, column), (version.node, ROWS)])}
                assert _done(up) == _done(plain), f"{version.output.ref}:{column}"
                down = ids(registry.lineage(f"{version.output.ref}:{column}", "down"))
                assert _done(down) == _done({node for node, _ in history.downstream([(version.node, column)])})


def _done(nodes: set[str]) -> set[str]:
    """Without versions: of these only those are shown with which something was done."""
    return {node for node in nodes if not node.startswith("version:")}


@FEW
@given(histories())
def test_impact(history: History) -> None:
    """What is touched is what comes of it: of a column no more than of its version, of a model no more than of its
    data."""
    with recorded(history.runs) as registry:
        touched = {node: impact(registry, asked) for node, asked in refs(history).items()}
        for node, found in touched.items():
            plain = {place for place, _ in history.downstream(history.places(node))} - {node}
            assert found == {n for n in plain if n.startswith(("version:", "checkpoint:"))}
            assert all(touched[below] <= found for below in found if below.startswith("checkpoint:"))
        for version in [version for versions in history.versions.values() for version in versions]:
            for column in version.columns:
                assert impact(registry, f"{version.output.ref}:{column}") <= touched[version.node]


@FEW
@given(histories())
def test_impact_only_grows(history: History) -> None:
    """What is done later touches more, never less."""
    half = len(history.runs) // 2
    with recorded(history.runs[:half]) as registry:
        nodes = {f"version:{o.uuid}": o.ref for run in history.runs[:half] for o in run.outputs}
        before = {node: impact(registry, asked) for node, asked in nodes.items()}
        for run in history.runs[half:]:
            registry.catalog.absorb(run)
        assert all(before[node] <= impact(registry, asked) for node, asked in nodes.items())


def impact(registry: Registry, asked: str) -> set[str]:
    found = registry.impact(asked)
    return {f"version:{v.uuid}" for v in found.versions} | {f"checkpoint:{m.digest}" for m in found.models}


@FEW
@given(histories())
def test_cost_counts_each_run_once(history: History) -> None:
    graph = whole(history.runs, history.versions)
    with recorded(history.runs) as registry:
        for node, asked in refs(history).items():
            above = nx.ancestors(graph, node) | {node}
            runs = [run for run in history.runs if f"run:{run.id}" in above]
            total = registry.cost(asked).total
            assert total.runs == len(runs)
            for measure in ("cpu_s", "gpu_s"):
                told = [run.facets["cost"][measure] for run in runs if "cost" in run.facets]
                amount = total.amounts.get(measure)
                assert (amount.value if amount else 0.0) == sum(told)
                assert (amount.known if amount else 0) == len(told)


@FEW
@given(histories())
def test_licenses_name_all_data_and_models(history: History) -> None:
    with recorded(history.runs) as registry:
        for node, asked in refs(history).items():
            if node.startswith("run:"):
                continue
            plain = {place for place, _ in history.upstream(history.places(node))}
            ingested = {f"version:{o.uuid}" for run in history.runs if run.job.kind == "ingest" for o in run.outputs}
            datasets = {history.dataset(n) for n in plain & ingested}
            found = registry.licenses(asked)
            assert {one.name for one in found.terms if one.what == "dataset"} == datasets
            models = {one.ref for one in found.terms if one.what == "model"}
            assert len(models) == len([n for n in plain - {node} if n.startswith("checkpoint:")])
            assert set(found.unknown) == {one.ref for one in found.terms}


@FEW
@given(histories())
def test_leaks_upstream(history: History) -> None:
    """A dataset has leaked into what has its rows or values, and what was made with models that learned from it."""
    with recorded(history.runs) as registry:
        typed = refs(history)
        for node, asked in typed.items():
            if node.startswith("run:"):
                continue
            plain = {history.dataset(place) for place, _ in history.upstream(history.places(node))}
            for dataset in history.versions:
                assert registry.leak(asked, f"{dataset}@v1", rows=False).ok == (dataset not in plain), (asked, dataset)


@FEW
@given(histories())
def test_boost(history: History) -> None:
    with recorded(history.runs) as registry:
        for node, asked in refs(history).items():
            found = registry.boost(asked, rows=False)
            told = {(one.run, one.digest or ""): one.mode for one in found.curations}
            pool, students, modes = plain_boost(history, node)
            assert set(found.pool) == pool
            assert set(found.students) == students
            assert told == modes, asked
            assert found.mode == next((mode for mode in MODES if mode in modes.values()), "none")
            assert {mode: n for mode, n in found.counts.items() if n} == dict(Counter(modes.values()))


def plain_boost(history: History, focus: str) -> tuple[set[str], set[str], dict[tuple[str, str], str]]:
    """The pool, the students, and the mode of each run upstream that asked a model (its digest) or people ('')."""
    above = history.graph.subgraph(history.upstream(history.places(focus)))
    edges = [(source, target, kind) for source, target, kind in above.edges(data="kind")]
    pool = {history.dataset(node) for node, _ in _content(history, above, focus)} & {"a", "b"}
    begin = [place for place in above if history.dataset(place[0]) in pool]
    seen = set(begin).union(*(nx.descendants(above, place) for place in begin))
    learners = _learners(history, focus)
    students = {history.models[digest] for digest in learners}
    modes: dict[tuple[str, str], str] = {}
    for source, target, kind in edges:
        if kind == "curated_by":
            digest, run = source[0].partition(":")[2], target[0].partition(":")[2]
            modes[run, digest] = _mode(history, source, run, source in seen, students, learners)
    people = {run.id for run in history.runs if "annotators" in run.facets}
    modes |= {(node.partition(":")[2], ""): "human" for node, _ in above if node.partition(":")[2] in people}
    return pool, students, modes


def _mode(history: History, model: Where, run: str, seen: bool, students: set[str], learners: set[str]) -> str:
    if not seen:
        return "external"
    digest = model[0].partition(":")[2]
    ours = {digest, *_began_from(history, digest)}
    line = set(learners).union(*(_began_from(history, learner) for learner in learners))
    loops = {one.id: one.facets.get("loop") for one in history.runs}
    made = next(one for one in history.runs if any(doc["digest"] == digest for doc in one.checkpoints))
    own = digest in line or any(history.models[one] in students for one in ours)
    return "self" if own or (loops[run] is not None and loops[run] == loops[made.id]) else "leaky_external"


def _content(history: History, above: nx.MultiDiGraph, focus: str) -> set[Where]:
    """Where the data of the focus is from: over data alone, and over models of the name of those made from them."""
    kept = nx.MultiDiGraph()
    kept.add_nodes_from(above)
    for source, target, kind in above.edges(data="kind"):
        same = kind == "init_from" and any(
            history.models[source[0].partition(":")[2]] == history.models[made[0].partition(":")[2]]
            for made in history.graph.successors(target)
        )
        if kind in CONTENT or same:
            kept.add_edge(source, target)
    places = [place for place in history.places(focus) if place in kept]
    return set(places).union(*(nx.ancestors(kept, place) for place in places))


def _learners(history: History, focus: str) -> set[str]:
    """The digests of the models that were trained on what has the data of the focus, or the one that it is."""
    if focus.startswith("checkpoint:"):
        return {focus.partition(":")[2]}
    content = [(s, t) for s, t, kind in history.graph.edges(data="kind") if kind in CONTENT]
    below = nx.DiGraph(content)
    places = [place for place in history.places(focus) if place in below]
    found = set().union(*(nx.descendants(below, place) for place in places))
    return {node.partition(":")[2] for node, _ in found if node.startswith("checkpoint:")}


def _began_from(history: History, digest: str) -> set[str]:
    parents = nx.DiGraph()
    parents.add_node(digest)
    for run in history.runs:
        for used in run.inputs:
            if used.role == "init_from":
                parents.add_edges_from((used.id, made["digest"]) for made in run.checkpoints)
    return set(nx.ancestors(parents, digest))


@FEW
@given(histories())
def test_orphans_are_what_no_run_used(history: History) -> None:
    graph = nx.DiGraph()
    for run in history.runs:
        graph.add_edges_from((f"{used.kind}:{used.id}", f"run:{run.id}") for used in run.inputs)
        for output in run.outputs:
            graph.add_edges_from((f"version:{root['uuid']}", f"version:{output.uuid}") for root in output.roots)
    used = {node for node in graph if graph.out_degree(node)}
    superseded = [version for versions in history.versions.values() for version in versions[:-1]]
    with recorded(history.runs) as registry:
        found = {kind.kind: {one.ref for one in kind.found} for kind in registry.orphans().kinds}
        refs_of = {digest: f"model:{name}@{digest[:12]}" for digest, name in history.models.items()}
        assert found["unused_version"] == {v.output.ref for v in superseded if v.node not in used}
        assert found["unused_model"] == {ref for d, ref in refs_of.items() if f"checkpoint:{d}" not in used}
        assert found["model_without_data"] == found["evaluation_without_link"] == found["unread_source"] == set()
