"""What a node is called, alone or with others, and what is worth a word beside it: in trees and in pictures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from mmreg.cli.render.fold import Knot
from mmreg.cli.text import HOSTILE, clip, plural
from mmreg.schemas.lineage import Node

LIMIT = 60
"""Characters of one line of a label in a picture."""
_NAME = 80
_NAMES = 4
"""How many names are listed before they are counted."""


def name(knot: Knot) -> str:
    """``train@v2``, ``pass recap · run:...``, ``5 × train@v2 … train@v6``, ``⋯ pairs@v2 … pairs@v9``. Not cleaned."""
    first, last = clip(_name(knot.members[0]), _NAME), clip(short(knot.node), _NAME)
    if knot.how == "one":
        return first
    if knot.how == "alike":
        if knot.node.kind == "run" and knot.node.name != knot.members[0].name:
            first, last = (clip(_job(node), _NAME) for node in (knot.members[0], knot.node))
        return f"{len(knot.members):,} × {first} … {last}"
    versions = [clip(node.ref, _NAME) for node in knot.members if node.kind == "version"]
    return f"⋯ {' … '.join(dict.fromkeys((versions[0], versions[-1])))}" if versions else "⋯"


def facts(knot: Knot) -> Iterator[str]:
    """What is worth a word beside the name: rows, columns where the graph is of columns, a run that did not go well,
    what a chain holds, what is only counted.
    """
    if knot.how == "chain":
        yield f"{plural(sum(node.kind == 'version' for node in knot.members), 'version')}"
        yield from _runs([node for node in knot.members if node.kind == "run"])
    if knot.how == "one":
        yield from _facts(knot.node)
    yield from _counted(knot.beside)


def _runs(runs: Sequence[Node]) -> Iterator[str]:
    passes = list(dict.fromkeys(node.name for node in runs if node.facts.get("job") == "pass"))
    told = [clip(name, 24) for name in passes[:_NAMES]]
    if rest := len(passes) - len(told):
        told.append(f"{rest} more")
    if told:
        yield f"{'pass' if len(passes) == 1 else 'passes'} {', '.join(told)}"
    yield from _counted([node for node in runs if node.facts.get("job") != "pass"])


def _counted(nodes: Sequence[Node]) -> Iterator[str]:
    kinds = Counter(str(node.facts.get("job", "run")) if node.kind == "run" else node.kind for node in nodes)
    yield from (plural(count, kind) for kind, count in kinds.items())


def _name(node: Node) -> str:
    return node.ref if node.kind != "run" else f"{_job(node)} · {short(node)}"


def _job(node: Node) -> str:
    return f"{node.facts.get('job', 'run')} {node.name}"


def short(node: Node) -> str:
    """The node's reference; a run's without its random end: in all likelihood it still names this run alone."""
    return node.ref.partition("Z-")[0] + "Z" if node.kind == "run" and "Z-" in node.ref else node.ref


def _facts(node: Node) -> Iterator[str]:
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


def lines(knot: Knot) -> tuple[str, ...]:
    """`label` of a knot: what it is called, then a line or two beside that."""
    if knot.how == "one":
        return (*label(knot.node), *_tamed(_counted(knot.beside)))
    if knot.how == "chain":
        told = list(facts(knot))
        passes = [fact for fact in told if fact.startswith("pass")]
        return _tamed((name(knot), ", ".join(fact for fact in told if fact not in passes), *passes))
    first, last = label(knot.members[0]), label(knot.node)
    end = next((f"… {b}" for a, b in zip(first, last, strict=False) if a != b), "")
    return _tamed((f"{len(knot.members):,} × {first[0]}", end, *_counted(knot.beside)))


def label(node: Node) -> tuple[str, ...]:
    """A few lines of at most `LIMIT` characters, without control characters. Not yet escaped."""
    lines = (_job(node), short(node), *_facts(node)) if node.kind == "run" else (node.ref, *_facts(node))
    return _tamed(lines) or (node.kind,)  # Mermaid cannot parse an empty label


def _tamed(lines: Iterable[str]) -> tuple[str, ...]:
    shown = (clip(HOSTILE.sub("", line).strip(), LIMIT) for line in lines)
    return tuple(line for line in shown if line)
