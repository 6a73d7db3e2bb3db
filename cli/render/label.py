"""What a node is called, alone or with others, and what is worth a word beside it: in trees and in pictures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from mmreg.cli.render.fold import Knot
from mmreg.cli.text import HOSTILE, clip, plural
from mmreg.schemas.lineage import Node

LIMIT = 60
"""Characters of one line of a label in a picture."""
_NAME = 80
_NAMES = 6
"""How many names are listed before they are counted."""


def name(knot: Knot) -> str:
    """``train@v2``, ``pass recap · run:...``, ``5 × train@v2 … train@v6``, ``⋯ 14 versions, ...``. Not cleaned."""
    if knot.how == "chain":
        return f"⋯ {'; '.join(within(knot))}"
    called = clip(_name(knot.members[0]), _NAME)
    if knot.how == "one":
        return called
    return f"{len(knot.members):,} × {called} … {clip(short_run(knot.node), _NAME)}"


def within(knot: Knot) -> Iterator[str]:
    """What a chain holds: its versions, what the runs did, and what hangs on it."""
    versions = [node for node in knot.members if node.kind == "version"]
    if versions:
        ends = dict.fromkeys(clip(node.ref, _NAME) for node in (versions[0], versions[-1]))
        yield f"{plural(len(versions), 'version')}, {' … '.join(ends)}"
    jobs: dict[str, Counter[str]] = {}
    for node in knot.members:
        if node.kind == "run":
            jobs.setdefault(str(node.facts.get("job", "run")), Counter())[node.name] += 1
    yield from (f"{job} {_listed(names)}" for job, names in jobs.items())
    if sources := sum(node.kind == "source" for node in knot.members):
        yield plural(sources, "source")


def _listed(names: Counter[str]) -> str:
    told = [clip(name, 24) + (f" ×{count}" if count > 1 else "") for name, count in list(names.items())[:_NAMES]]
    rest = len(names) - len(told)
    return ", ".join([*told, f"{rest} more"] if rest else told)


def _name(node: Node) -> str:
    return node.ref if node.kind != "run" else f"{node.facts.get('job', 'run')} {node.name} · {short_run(node)}"


def short_run(node: Node) -> str:
    """The run's reference without its random end: in all likelihood it still names this run alone."""
    return node.ref.partition("Z-")[0] + "Z" if node.kind == "run" and "Z-" in node.ref else node.ref


def facts(knot: Knot) -> Iterator[str]:
    """What is worth a word beside the name: rows, columns where the graph is of columns, a run that did not go well."""
    if knot.how != "one":
        return
    node = knot.node
    if isinstance(node.facts.get("rows"), int):
        yield plural(node.facts["rows"], "row")
    if columns := _columns(node):
        yield columns
    if node.facts.get("state") not in (None, "complete"):
        yield str(node.facts["state"])


def _columns(node: Node) -> str:
    columns = node.facts.get("columns")
    if not isinstance(columns, Sequence) or isinstance(columns, str) or not columns:
        return ""
    told = [clip(str(column), 40) for column in columns[:4]]
    return ", ".join([*told, f"{len(columns) - 4} more"] if len(columns) > 4 else told)


def label(node: Node) -> tuple[str, ...]:
    """One to three lines of at most `LIMIT` characters, without control characters. Not yet escaped."""
    if node.kind == "run":
        lines = (f"{node.facts.get('job', 'run')} {node.name}", short_run(node), _columns(node))
    else:
        rows = node.facts.get("rows")
        lines = (node.ref, plural(rows, "row") if isinstance(rows, int) else "", _columns(node))
    shown = (clip(HOSTILE.sub("", line).strip(), LIMIT) for line in lines)
    return tuple(line for line in shown if line) or (node.kind,)  # Mermaid cannot parse an empty label
