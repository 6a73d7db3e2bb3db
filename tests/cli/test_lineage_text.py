"""The lineage as a tree, as DOT and as Mermaid, whatever names it holds."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any, get_args

from hypothesis import given, settings
from hypothesis import strategies as st

from mmreg.cli.render import render
from mmreg.cli.render.dot import dot
from mmreg.cli.render.label import LIMIT, label
from mmreg.cli.render.layout import paint
from mmreg.cli.render.lineage import Tree
from mmreg.cli.render.mermaid import mermaid
from mmreg.cli.text import HOSTILE
from mmreg.schemas.lineage import Edge, EdgeKind, Lineage, Node

RUN = "20261122T031500.123456Z-0123456789"


def version(ref: str, **facts: Any) -> Node:
    return Node(f"version:{ref}", "version", ref.partition("@")[0], ref, facts)


def run(job: str, name: str, **facts: Any) -> Node:
    return Node(f"run:{name}", "run", name, f"run:{RUN}", {"job": job, "state": "complete", **facts})


def checkpoint(ref: str) -> Node:
    return Node(f"checkpoint:{ref}", "checkpoint", ref.partition("@")[0], f"model:{ref}")


def tree(lineage: Lineage | Tree) -> str:
    return "\n".join(paint(line, colour=False) for line in render(lineage))


PAIRS, TRAIN, CLIP = version("pairs@v5", rows=8101), version("train@v2", rows=4955), checkpoint("clip@a1b2c3")
SELECT, SCORE, FIT = run("select", "train"), run("pass", "clip_score"), run("training", "clip")
RAW = version("pairs@v4", rows=8101)
NODES = (RAW, CLIP, SCORE, PAIRS, SELECT, TRAIN)
EDGES = (
    Edge(RAW.id, SCORE.id, "used"),
    Edge(CLIP.id, SCORE.id, "used"),
    Edge(SCORE.id, PAIRS.id, "generated"),
    Edge(PAIRS.id, SELECT.id, "used"),
    Edge(CLIP.id, SELECT.id, "curated_by"),
    Edge(SELECT.id, TRAIN.id, "generated"),
)


def test_upstream() -> None:
    assert (
        tree(Lineage(TRAIN.id, "up", NODES, EDGES))
        == """\
train@v2  4,955 rows
└─ select train · run:20261122T031500.123456Z
   ├─ pairs@v5  8,101 rows
   │  └─ pass clip_score · run:20261122T031500.123456Z
   │     ├─ pairs@v4  8,101 rows
   │     └─ model:clip@a1b2c3
   └─ model:clip@a1b2c3  curated  (see above)"""
    )


def test_downstream() -> None:
    assert (
        tree(Lineage(CLIP.id, "down", (CLIP, SCORE, PAIRS, SELECT, TRAIN), EDGES))
        == """\
model:clip@a1b2c3
├─ pass clip_score · run:20261122T031500.123456Z
│  └─ pairs@v5  8,101 rows
│     └─ select train · run:20261122T031500.123456Z
│        └─ train@v2  4,955 rows
└─ select train · run:20261122T031500.123456Z  curated  (see above)"""
    )


def test_a_path_grows_downstream_from_where_it_begins() -> None:
    for focus in (RAW, TRAIN):  # asked either way round
        on_the_way = (RAW, SCORE, PAIRS, SELECT, TRAIN)
        assert (
            tree(Lineage(focus.id, "path", on_the_way, EDGES))
            == """\
pairs@v4  8,101 rows
└─ pass clip_score · run:20261122T031500.123456Z
   └─ pairs@v5  8,101 rows
      └─ select train · run:20261122T031500.123456Z
         └─ train@v2  4,955 rows"""
        )


def test_no_path_shows_both_ends() -> None:
    assert tree(Lineage(RAW.id, "path", (RAW, CLIP), ())) == "pairs@v4  8,101 rows\nmodel:clip@a1b2c3"


def test_a_failed_run_says_so() -> None:
    failed = run("training", "clip", state="failed")
    assert tree(Lineage(failed.id, "up", (failed,), ())).endswith("  failed")


def test_a_long_history_goes_on_at_the_margin() -> None:
    nodes = [version(f"pairs@v{n}") if n % 2 else run("pass", f"p{n}") for n in range(1, 3000)]
    edges = [Edge(a.id, b.id, "used") for a, b in pairwise(nodes)]
    lineage = Lineage(nodes[-1].id, "up", tuple(nodes), tuple(edges))
    lines = tree(Tree.of(lineage, whole=True)).splitlines()
    assert max(map(len, lines)) < 160
    assert len([line for line in lines if line and "(see " not in line]) == len(nodes)


TEXT = st.text(st.characters(categories=None, exclude_categories=()), max_size=80)
NASTY = TEXT | st.sampled_from(
    ["<b>bold</b>", '"];', "\\", '\\"', "]\n  n9 --> n1", "%%{init: {}}%%", "`**x**`", "#quot;", "&lt;", "-",
     "1. x", "\x1b[31m", "end", "--> |", "\u202e", "click n0 href"]
)  # fmt: skip
KINDS: list[EdgeKind] = [*get_args(EdgeKind)]


@st.composite
def lineages(draw: st.DrawFn) -> Lineage:
    """Any graph, also one with cycles, strays and loose edges, of nodes with any text."""
    kinds = draw(st.lists(st.sampled_from(["version", "run", "checkpoint", "source"]), min_size=1, max_size=7))
    nodes = tuple(
        Node(
            f"{kind}:{n}",
            kind,
            draw(NASTY),
            draw(NASTY),
            draw(st.fixed_dictionaries({}, optional={"job": NASTY})),
        )
        for n, kind in enumerate(kinds)
    )
    ends = st.sampled_from([*(node.id for node in nodes), "version:elsewhere"])
    edges = draw(st.lists(st.builds(Edge, ends, ends, st.sampled_from(KINDS)), max_size=12))
    direction = draw(st.sampled_from(["up", "down", "path"]))
    return Lineage(draw(st.sampled_from(nodes)).id, direction, nodes, tuple(edges))


@settings(max_examples=60)
@given(lineages())
def test_a_tree_tells_every_node_once_and_holds_no_control_character(lineage: Lineage) -> None:
    lines = list(render(lineage))
    told = [line for line in lines if line and not _text(line).endswith(("(see above)", "(see below)"))]
    assert len(told) == len(lineage.nodes)
    assert all(HOSTILE.search(paint(line, colour=False)) is None for line in lines)


@settings(max_examples=60)
@given(lineages())
def test_dot_is_one_statement_a_line_whatever_the_names(lineage: Lineage) -> None:
    quoted = r'"(?P<text>(?:[^"\\<>\x00-\x1f]|\\["\\n])*)"'
    node = re.compile(rf"  n\d+ \[label={quoted} shape=[a-z]+( style=bold)?\];")
    edge = re.compile(rf"  n\d+ -> n\d+ \[label={quoted}\];")
    lines = list(dot(lineage))
    assert lines[0] == "digraph lineage {" and lines[-1] == "}"
    statements = lines[4:-1]
    matches = [node.fullmatch(line) or edge.fullmatch(line) for line in statements]
    assert all(matches)
    assert sum(line.count(" -> n") == 1 and "shape=" not in line for line in statements) == _inner(lineage)
    assert not any(HOSTILE.search(line) for line in lines)


@settings(max_examples=60)
@given(lineages())
def test_mermaid_is_one_statement_a_line_whatever_the_names(lineage: Lineage) -> None:
    text = r"(?:[\w .,:/@-]|#\d+;|<br/>)+"
    node = re.compile(rf'  n\d+(\[\("{text}"\)\]|\["{text}"\]|\{{\{{"{text}"\}}\}}|\[/"{text}"/\])')
    edge = re.compile(r"  n\d+ -->\|[a-z_]+\| n\d+")
    lines = list(mermaid(lineage))
    assert lines[0] == "flowchart LR" and re.fullmatch(r"  style n\d+ stroke-width:3px", lines[-1])
    nodes, edges = lines[1 : len(lineage.nodes) + 1], lines[len(lineage.nodes) + 1 : -1]
    assert all(node.fullmatch(line) for line in nodes)
    assert all(edge.fullmatch(line) for line in edges) and len(edges) == _inner(lineage)
    assert not any(HOSTILE.search(line) for line in lines)


@settings(max_examples=60)
@given(lineages())
def test_labels_are_short_and_never_empty(lineage: Lineage) -> None:
    for node in lineage.nodes:
        assert label(node) and all(0 < len(line) <= LIMIT for line in label(node))


def test_pictures_of_a_real_lineage() -> None:
    lineage = Lineage(TRAIN.id, "up", NODES, EDGES)
    assert r'  n5 [label="train@v2\n4,955 rows" shape=cylinder style=bold];' in list(dot(lineage))
    assert '  n1 -> n4 [label="curated_by"];' in list(dot(lineage))
    assert '  n5[("train@v2<br/>4,955 rows")]' in list(mermaid(lineage))
    assert "  n1 -->|curated_by| n4" in list(mermaid(lineage))


def _text(line: Any) -> str:
    return "".join(piece if isinstance(piece, str) else piece.text for piece in line)


def _inner(lineage: Lineage) -> int:
    ids = {node.id for node in lineage.nodes}
    return sum(edge.source in ids and edge.target in ids for edge in lineage.edges)
