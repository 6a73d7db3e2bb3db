"""Made-up histories of a project, each kept twice: as the runs that were recorded, and as a plain networkx graph.

The graph's nodes are places (a column of a version, which rows it has, what a run wrote, a model, a source), its edges
say what came from what. It knows nothing of records or indexes.
"""

from __future__ import annotations

import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import networkx as nx
from hypothesis import strategies as st

from mmreg.registry.api import Registry
from mmreg.registry.lake import Lake
from mmreg.schemas.run import Job, JobKind, Run, RunInput, RunState, VersionOutput

ROWS = ""
Where = tuple[str, str]
"""A node of the graph between data and models, and a column of it, or ROWS."""


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
