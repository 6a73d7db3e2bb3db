"""Which columns each pass of a declaration reads and makes, as far as the declaration says.

A pass whose outputs are not declared makes columns that only its code knows: beside one, any name is accepted
here and checked when the pass is planned.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from mmreg.errors import FilterError
from mmreg.schemas.declaration import SELECTIONS, PassSpec, ProjectSpec
from mmreg.schemas.declared import Wrong
from mmreg.schemas.suggest import did_you_mean

Roots = Mapping[str, str | None]
"""The root behind each dataset, None where there is none."""

_EVERYWHERE = frozenset({"sample_id", "parent", "_source", "split", "weight"})
"""Columns that are there without being declared, in a root or in the rows of a selection."""


def misread_columns(spec: ProjectSpec, roots: Roots) -> Iterator[Wrong]:
    """Predicates that are none, columns made twice, and columns read that nothing has."""
    made: dict[tuple[str, str], tuple[str, str]] = {}
    for name, declared in spec.passes.items():
        if root := roots.get(declared.from_):
            yield from _made_twice(spec, root, name, made)
            yield from _unread(spec, roots, root, name)
    for dataset, checks in spec.checks.items():
        known = _known(spec, roots, root) if (root := roots.get(dataset)) else None
        for index, check in enumerate(checks):
            column = check.arguments.get("column")
            if known is not None and isinstance(column, str) and _head(column) not in known:
                yield _unknown(column, known, "checks", dataset, index, "column")


def circles(spec: ProjectSpec, roots: Roots) -> Iterator[Wrong]:
    """The first circle of passes that wait for each other's datasets or columns.

    A model may be trained on what it curates, since a checkpoint annotates the next version: no circle that.
    """
    waits = {name: _waits_for(spec, roots, name) for name in spec.passes}
    done: set[str] = set()
    for start in waits:
        if found := _circle(waits, start, done):
            yield Wrong(f"passes wait for each other: {' -> '.join(found)}", "passes", found[0], key=True)
            return


def _made_twice(
    spec: ProjectSpec, root: str, name: str, made: dict[tuple[str, str], tuple[str, str]]
) -> Iterator[Wrong]:
    if spec.passes[name].into is not None:
        return  # its columns may be those of a dataset of its own
    for output, column in spec.passes[name].outputs.items():
        first = made.setdefault((root, column), (name, output))
        if column in spec.datasets[root].columns:
            yield Wrong(f"{root!r} has a column {column!r} of its own", "passes", name, "outputs", output)
        elif first != (name, output):
            yield Wrong(f"the pass {first[0]!r} already makes {column!r}", "passes", name, "outputs", output)


def _unread(spec: ProjectSpec, roots: Roots, root: str, name: str) -> Iterator[Wrong]:
    known = _known(spec, roots, root, reader=name)
    for key, column in spec.passes[name].inputs.items():
        if known is not None and _head(column) not in known:
            yield _unknown(column, known, "passes", name, "inputs", key)
    for key, ranked in (("top", spec.passes[name].top), ("band", spec.passes[name].band)):
        if ranked and known is not None and _head(ranked.column) not in known:
            yield _unknown(ranked.column, known, "passes", name, key, "column")
    for key, text in _predicates(spec.passes[name]):
        try:
            unknown = [column for column in _named(text) if known is not None and _head(column) not in known]
        except FilterError as error:
            yield Wrong(error.message, "passes", name, key)
        else:
            yield from (_unknown(column, known or (), "passes", name, key) for column in unknown[:1])


def _known(spec: ProjectSpec, roots: Roots, root: str, reader: str | None = None) -> frozenset[str] | None:
    """The columns that ``reader`` may read in ``root``; None where they cannot be known."""
    others = [p for name, p in spec.passes.items() if name != reader and roots.get(p.from_) == root]
    if any(p.use not in SELECTIONS and not p.outputs for p in others):
        return None
    made = (column for p in others for column in p.outputs.values())
    states = (f"_mmreg_{name}" for name in spec.passes)
    return frozenset({*spec.datasets[root].columns, *made, *states, *_EVERYWHERE})


def _unknown(column: str, known: frozenset[str] | tuple[()], *path: str | int) -> Wrong:
    near = did_you_mean(_head(column), (name for name in known if not name.startswith("_")))
    return Wrong(f"there is no column {column!r}, and no other pass declares it among its outputs{near}", *path)


def _waits_for(spec: ProjectSpec, roots: Roots, name: str) -> list[str]:
    """The passes that make what ``name`` reads."""
    reader = spec.passes[name]
    columns = {_head(column) for column in reader.inputs.values()}
    columns |= {_head(ranked.column) for ranked in (reader.top, reader.band) if ranked}
    for _, text in _predicates(reader):
        try:
            columns.update(_head(column) for column in _named(text))
        except FilterError:
            continue  # told by misread_columns
    return [
        other
        for other, maker in spec.passes.items()
        if maker.into in reader.reads
        or (other != name and _same_root(roots, maker, reader) and columns & set(maker.outputs.values()))
    ]


def _circle(waits: Mapping[str, list[str]], start: str, done: set[str]) -> list[str] | None:
    """A circle that can be reached from ``start``, its first name repeated at its end."""
    path = [start]
    stack = [iter(waits[start])]
    while stack:
        following = next(stack[-1], None)
        if following is None:
            done.add(path.pop())
            stack.pop()
        elif following in path:
            return [*path[path.index(following) :], following]
        elif following not in done:
            path.append(following)
            stack.append(iter(waits[following]))
    return None


def _same_root(roots: Roots, one: PassSpec, other: PassSpec) -> bool:
    root = roots.get(one.from_)
    return root is not None and root == roots.get(other.from_)


def _predicates(declared: PassSpec) -> Iterator[tuple[str, str]]:
    for key, text in (("where", declared.where), ("rows", declared.rows)):
        if text is not None:
            yield key, text


def _named(text: str) -> tuple[str, ...]:
    # Imported here since sqlglot takes as long as everything else about reading a project.
    from mmreg.schemas.predicate import Predicate

    return Predicate.parse(text).columns


def _head(column: str) -> str:
    """The column that ``image.width`` is a part of."""
    return column.partition(".")[0]
