"""Lineages to look at: one of a team that goes round and round, and any at all, of nodes with any text."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, get_args

import pytest
from hypothesis import strategies as st

from mmreg.schemas.lineage import Edge, EdgeKind, Lineage, Node


@dataclass
class History:
    """Nodes and edges as they come about, with the newest node of each name."""

    nodes: dict[str, Node] = field(default_factory=dict)
    edges: dict[Edge, None] = field(default_factory=dict)
    newest: dict[str, str] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)

    def run(self, job: str, name: str, *reads: tuple[str, EdgeKind], state: str = "complete") -> str:
        number = self.counts["run"] = self.counts.get("run", 0) + 1
        ref = f"run:20261122T{number // 3600:02}{number // 60 % 60:02}{number % 60:02}.{number:06}Z-{number:010x}"
        self._node(Node(ref, "run", name, ref, {"job": job, "state": state}))
        for what, kind in reads:
            self.edges[Edge(self.newest.get(what, what), ref, kind)] = None
        return ref

    def version(self, run: str, dataset: str, rows: int = 8101) -> str:
        number = self.counts[dataset] = self.counts.get(dataset, 0) + 1
        return self._made(
            run, Node(f"version:{dataset}-{number}", "version", dataset, f"{dataset}@v{number}", {"rows": rows})
        )

    def model(self, run: str, name: str) -> str:
        number = self.counts[name] = self.counts.get(name, 0) + 1
        ref = f"model:{name}@{number * 7919 % 65536:04x}{number:08x}"
        return self._made(run, Node(f"checkpoint:{name}-{number}", "checkpoint", name, ref))

    def source(self, path: str) -> str:
        number = self.counts[path] = self.counts.get(path, 0) + 1
        return self._node(Node(f"source:{path}-{number}", "source", path, path))

    def seen(self, focus: str, direction: Any) -> Lineage:
        """All of it from one node; the tests of the graph itself are elsewhere."""
        ends = {"up": ("target", "source"), "down": ("source", "target")}[direction]
        found, todo = {focus}, [focus]
        while todo:
            here = todo.pop()
            beyond = {getattr(e, ends[1]) for e in self.edges if getattr(e, ends[0]) == here} - found
            found |= beyond
            todo += beyond
        edges = tuple(edge for edge in self.edges if edge.source in found and edge.target in found)
        return Lineage(focus, direction, tuple(node for node in self.nodes.values() if node.id in found), edges)

    def _made(self, run: str, node: Node) -> str:
        self.edges[Edge(run, node.id, "generated")] = None
        self.newest[node.name] = node.id
        return self._node(node)

    def _node(self, node: Node) -> str:
        self.nodes[node.id] = node
        return node.id


@pytest.fixture(scope="session")
def studio() -> Callable[[int], History]:
    """That many rounds of ingest, passes, selection and five trainings, the last of which annotates in the next."""
    return _studio


@pytest.fixture(scope="session")
def lineages() -> st.SearchStrategy[Lineage]:
    """Any graph, also one with cycles, strays and loose edges, of nodes with any text."""
    return _lineages()


_TEXT = st.text(st.characters(categories=None, exclude_categories=()), max_size=80) | st.sampled_from(
    ["<b>bold</b>", "</text><script>alert(1)</script>", "]]>", "<!--", "&lt;", "\x1b[31m", "\u202e", "\ufffe", "\x00",
     "{{ title }}", "</script><img src=x onerror=alert(2)>", '"];', "é絵🐈", "a" * 300]
)  # fmt: skip
_NAMES = st.sampled_from(["pairs", "train", "clip"])


@st.composite
def _lineages(draw: st.DrawFn) -> Lineage:
    kinds = draw(st.lists(st.sampled_from(["version", "run", "run", "checkpoint", "source"]), min_size=1, max_size=40))
    nodes = tuple(
        Node(
            f"{kind}:{n}",
            kind,
            draw(_NAMES | _TEXT),
            draw(_TEXT),
            draw(
                st.fixed_dictionaries({"state": st.just("complete")}, optional={"job": _TEXT, "rows": st.integers(0)})
            ),
        )
        for n, kind in enumerate(kinds)
    )
    ends = st.integers(0, len(nodes) - 1)
    edge = st.tuples(ends, ends, st.sampled_from(get_args(EdgeKind)))
    edges = [Edge(nodes[a].id, nodes[b].id, kind) for a, b, kind in draw(st.lists(edge, max_size=60))]
    if draw(st.booleans()):  # as it really is: without cycles
        edges = [edge for edge in edges if int(edge.source.split(":")[1]) < int(edge.target.split(":")[1])]
    else:
        edges.append(Edge("version:elsewhere", nodes[0].id, "used"))
    focus = draw(st.sampled_from(nodes)).id
    return Lineage(focus, draw(st.sampled_from(["up", "down", "path"])), nodes, tuple(dict.fromkeys(edges)))


def _studio(rounds: int) -> History:
    history = History()
    history.model(history.run("model", "captioner"), "captioner")
    for number in range(rounds):
        listing = history.source("data/records.jsonl")
        continued: list[tuple[str, EdgeKind]] = [("pairs", "continues")] if number else []
        history.version(history.run("ingest", "pairs", (listing, "used"), *continued), "pairs", 8000 + 100 * number)
        _passes(history, [*("stats", "clean", "phash", "language", "pii")], [])
        _passes(history, ["recap"], [("captioner", "used")])
        if number:
            _passes(history, ["clip_score"], [("clip", "used")])
        judged: list[tuple[str, EdgeKind]] = [("clip", "curated_by")] if number else []
        history.version(history.run("select", "train", ("pairs", "used"), *judged), "train", 5000 + 70 * number)
        history.version(history.run("select", "heldout", ("pairs", "used")), "heldout", 700)
        for dataset in ("train", "heldout"):
            history.run("validation", dataset, (dataset, "used"))
        for _ in range(5):
            start: list[tuple[str, EdgeKind]] = [("captioner", "init_from")] if not number else []
            made = history.model(history.run("training", "clip", ("train", "trained_on"), *start), "clip")
            history.run("evaluation", "clip", (made, "used"), ("heldout", "evaluated_on"))
        history.run("training", "clip", ("train", "trained_on"), state="failed")
    return history


def _passes(history: History, names: list[str], reads: list[tuple[str, EdgeKind]]) -> None:
    for name in names:
        history.version(history.run("pass", name, ("pairs", "used"), *reads), "pairs")
        history.run("validation", "pairs", ("pairs", "used"))
