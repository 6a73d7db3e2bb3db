"""Every answer about the graph, beside a plain networkx computation over made-up histories of a project.

While a history is drawn, a networkx graph is kept beside it: its nodes are places (a column of a version, which rows it
has, what a run wrote, a model, a source), its edges say what came from what. It knows nothing of records or indexes.
"""

from __future__ import annotations

import tempfile
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import networkx as nx
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mmreg.registry.api import Registry
from mmreg.registry.lake import Lake
from mmreg.schemas.lineage import Lineage
from mmreg.schemas.run import Job, JobKind, Run, RunInput, RunState, VersionOutput

ROWS = ""
Where = tuple[str, str]
"""A node of the graph between data and models, and a column of it, or ROWS."""
CONTENT = {"used", "generated", "carried", "trained_on"}
MODES = ("leaky_external", "external", "self", "human", "none")
FEW = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@dataclass
class Version:
    output: VersionOutput
    columns: tuple[str, ...]

    @property
    def node(self) -> str:
        return f"version:{self.output.uuid}"

    def places(self) -> list[Where]:
        return [(self.node, column) for column in (ROWS, *self.columns)]

    def used(self, role: Any = "used", columns: tuple[str, ...] = ()) -> RunInput:
        return RunInput("version", self.output.uuid, self.output.ref, role, columns)


@dataclass
class History:
    """``runs`` is what the project recorded, ``graph`` the plain account of it."""

    runs: list[Run] = field(default_factory=list)
    graph: nx.MultiDiGraph = field(default_factory=nx.MultiDiGraph)
    versions: dict[str, list[Version]] = field(default_factory=dict)
    models: dict[str, str] = field(default_factory=dict)
    """By digest the name."""

    def ingest(self, dataset: str) -> None:
        source = RunInput("source", f"{dataset}{len(self.runs)}", f"data/{dataset}")
        run = self._run()
        made = self._version(dataset, ("text",), carried=[ROWS, "text"])
        for column in (ROWS, "text"):
            self._write(run, made, column, [((f"source:{source.id}", ROWS), "used")])
        self._record("ingest", dataset, [source], [made], ingest={"columns": ["text"]})

    def compute(self, read: Version, column: str, out: str, model: str | None, people: bool, whole: bool) -> None:
        """A pass: reads a column of one version, and publishes on the newest."""
        dataset, run = read.output.dataset, self._run()
        before = self.versions[dataset][-1]
        whole = whole and read is before
        made = self._version(dataset, (out,), carried=[] if whole else [out])
        asked = [((f"checkpoint:{model}", ROWS), "curated_by")] if model else []
        self._write(run, made, out, [((read.node, column), "used"), ((read.node, ROWS), "used"), *asked])
        inputs = [read.used(columns=(column,))]
        inputs += [RunInput("checkpoint", model, f"{self.models[model]}@x", "curated_by")] if model else []
        facets: dict[str, Any] = {"pass": {"computed": 10 if whole else 4, "resumed": 0, "taken": 0}}
        if people:
            facets["annotators"] = [{"kind": "human", "rows": 4, "minutes": 2.0}]
        self._record("pass", f"make-{out}", inputs, [made], **facets)

    def select(self, base: Version, root: Version, column: str, into: str, apart: Version | None) -> None:
        """Choose rows of ``base`` by a column of its root, and none of those of ``apart``."""
        run = self._run()
        pins = ({"dataset": root.output.dataset, "uuid": root.output.uuid, "lance_version": root.output.lance_version},)
        made = self._version(into, root.columns, kind="derived", roots=pins)
        goes_by = {(base.node, ROWS), (root.node, ROWS), (root.node, column)}
        self._write(run, made, ROWS, [(place, "used") for place in sorted(goes_by)])
        for name in root.columns:
            self.graph.add_edge((root.node, name), (made.node, name), kind="carried")
        inputs = [root.used(), *([base.used()] if base is not root else [])]
        recipe = {}
        if apart is not None and apart.output.dataset not in (base.output.dataset, root.output.dataset):
            inputs.append(apart.used())
            recipe = {"none_of": [apart.output.dataset]}
        told = {"base": [{"ref": base.output.ref, "uuid": base.output.uuid, "split": None}], "columns": [column]}
        self._record("select", into, inputs, [made], select={**told, "recipe": recipe})

    def train(self, name: str, on: Version, began: str | None, judged: Version | None, loop: str | None) -> None:
        run = self._run()
        digest = f"{len(self.models) + 1:064x}"[::-1]
        model = (f"checkpoint:{digest}", ROWS)
        read: list[tuple[Where, str]] = [(place, "trained_on") for place in on.places()]
        read += [((f"checkpoint:{began}", ROWS), "init_from")] if began else []
        self._write(run, None, ROWS, read, model)
        judging = judged.places() if judged and judged is not on else []
        self.graph.add_edges_from((place, (run, "judged"), {"kind": "evaluated_on"}) for place in judging)
        inputs = [on.used("trained_on")]
        inputs += [RunInput("checkpoint", began, self.models[began], "init_from")] if began else []
        inputs += [judged.used("evaluated_on")] if judged and judging else []
        self.models[digest] = name
        facets = {"loop": {"name": loop}} if loop else {}
        cost = {"cost": {"cpu_s": float(len(self.runs) + 1), "gpu_s": 2.0}}
        self._record("training", name, inputs, [], [{"name": name, "digest": digest}], **facets, **cost)

    # How it is kept

    def nodes(self) -> list[str]:
        return sorted({node for node, _ in self.graph.nodes})

    def places(self, node: str) -> list[Where]:
        return [place for place in self.graph.nodes if place[0] == node]

    def upstream(self, places: list[Where]) -> set[Where]:
        return set(places).union(*(nx.ancestors(self.graph, place) for place in places))

    def downstream(self, places: list[Where]) -> set[Where]:
        return set(places).union(*(nx.descendants(self.graph, place) for place in places))

    def dataset(self, node: str) -> str | None:
        found = (v for versions in self.versions.values() for v in versions if v.node == node)
        return next((version.output.dataset for version in found), None)

    def _run(self) -> str:
        return f"run:{_id(len(self.runs))}"

    def _write(
        self,
        run: str,
        made: Version | None,
        column: str,
        read: list[tuple[Where, str]],
        to: Where | None = None,
    ) -> None:
        port = (run, f"{made.node if made else ''}/{column}")
        for place, kind in read:
            self.graph.add_edge(place, port, kind=kind)
        self.graph.add_edge(port, to or (made.node, column) if made else to, kind="generated")

    def _version(
        self,
        dataset: str,
        columns: tuple[str, ...],
        carried: list[str] | None = None,
        kind: Any = "root",
        roots: Any = (),
    ) -> Version:
        """The next version of a dataset. Of a root it has all that the one before has; of columns that are written anew
        only those that are ``carried``."""
        earlier = self.versions.setdefault(dataset, [])
        number = len(earlier) + 1
        id = str(uuid.uuid5(uuid.NAMESPACE_OID, f"{dataset}{number}"))
        output = VersionOutput(dataset, id, number, kind, 10, 0, number, roots, columns if kind == "root" else ())
        before = earlier[-1] if earlier and kind == "root" else None
        made = Version(output, tuple(dict.fromkeys([*(before.columns if before else ()), *columns])))
        self.graph.add_nodes_from(made.places())
        for name in (ROWS, *before.columns) if before else ():
            if name not in columns or name in (carried or ()):
                self.graph.add_edge((before.node, name), (made.node, name), kind="carried")
        earlier.append(made)
        return made

    def _record(
        self,
        kind: JobKind,
        name: str,
        inputs: list[RunInput],
        made: list[Version],
        models: list[dict[str, Any]] | None = None,
        **facets: Any,
    ) -> None:
        number = len(self.runs)
        at = f"2026-01-01T00:00:00.{number:06}Z"
        outputs = tuple(version.output for version in made)
        run = Run(
            _id(number), Job(kind, name), RunState.COMPLETE, at, at, tuple(inputs), outputs, tuple(models or ()), facets
        )
        self.runs.append(run)


def _id(number: int) -> str:
    return f"20260101T000000.{number:06}Z-{number:010x}"


@st.composite
def histories(draw: st.DrawFn) -> History:
    """Two roots, two selections, three models; passes that ask them, people, and trainings of trainings."""
    history = History()
    history.ingest("a")
    history.ingest("b")
    for _ in range(draw(st.integers(2, 12))):
        roots = [version for name in ("a", "b") for version in history.versions[name]]
        chosen = [version for name in ("s", "t") for version in history.versions.get(name, ())]
        root = draw(st.sampled_from(roots))
        model = draw(st.sampled_from([None, *history.models]))
        match draw(st.sampled_from(["compute", "compute", "compute", "select", "select", "train", "train", "ingest"])):
            case "ingest":
                history.ingest(root.output.dataset)
            case "compute":
                column, out = draw(st.sampled_from(root.columns)), draw(st.sampled_from(["x", "y"]))
                people = draw(st.integers(0, 4)) == 0
                history.compute(root, column, out, None if people else model, people, draw(st.booleans()))
            case "select":
                base = draw(st.sampled_from([root, *chosen]))
                of = base if base.output.kind == "root" else _root_of(history, base)
                into, apart = draw(st.sampled_from(["s", "t"])), draw(st.sampled_from([None, *chosen]))
                history.select(base, of, draw(st.sampled_from(of.columns)), into, apart)
            case "train":
                on, judged = draw(st.sampled_from([root, *chosen])), draw(st.sampled_from([None, *roots]))
                loop = draw(st.sampled_from([None, None, "round"]))
                history.train(draw(st.sampled_from(["student", "teacher", "judge"])), on, model, judged, loop)
    return history


def _root_of(history: History, derived: Version) -> Version:
    (pin,) = derived.output.roots
    return next(v for v in history.versions[pin["dataset"]] if v.output.uuid == pin["uuid"])


@contextmanager
def recorded(runs: list[Run]) -> Iterator[Registry]:
    """A registry that has met these runs, in this order; its lake has no tables."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "mmreg.yaml").write_text("version: 1\nproject: made-up\n")
        registry = Registry.open(folder)
        Lake.create(registry.project.lake_uri, {})
        with registry:
            for run in runs:
                registry.catalog.absorb(run)
            yield registry


def ref(node: str) -> str:
    kind, _, id = node.partition(":")
    return {"run": f"run:{id}", "checkpoint": f"sha256:{id}"}.get(kind, node)


def refs(history: History) -> dict[str, str]:
    """What to type for each node that is no source."""
    typed = {v.node: v.output.ref for versions in history.versions.values() for v in versions}
    return typed | {node: ref(node) for node in history.nodes() if node.startswith(("run:", "checkpoint:"))}


def whole(runs: list[Run], versions: dict[str, list[Version]]) -> nx.DiGraph:
    """The graph by node, as the runs' inputs and outputs say, with what a root goes on from."""
    graph = nx.DiGraph()
    for run in runs:
        graph.add_node(f"run:{run.id}")
        graph.add_edges_from((f"{used.kind}:{used.id}", f"run:{run.id}") for used in run.inputs)
        graph.add_edges_from((f"run:{run.id}", f"version:{output.uuid}") for output in run.outputs)
        graph.add_edges_from((f"run:{run.id}", f"checkpoint:{made['digest']}") for made in run.checkpoints)
        for output in run.outputs:
            if output.kind == "root" and output.ordinal > 1:
                graph.add_edge(versions[output.dataset][output.ordinal - 2].node, f"run:{run.id}")
    return graph


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
def test_orphans(history: History) -> None:
    """What no run read and nothing refers to, but the newest of each dataset."""
    with recorded(history.runs) as registry:
        found = {of.kind: {one.ref for one in of.found} for of in registry.orphans().kinds}
        read = {used.id for run in history.runs for used in run.inputs}
        read |= {pin["uuid"] for run in history.runs for output in run.outputs for pin in output.roots}
        older = [version for versions in history.versions.values() for version in versions[:-1]]
        assert found["unused_version"] == {v.output.ref for v in older if v.output.uuid not in read}
        unused = {f"model:{name}@{digest[:12]}" for digest, name in history.models.items() if digest not in read}
        assert found["unused_model"] == unused
        assert not found["model_without_data"] and not found["unread_source"]


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
