"""Through what an output of a run came to be, in OpenLineage's words: which inputs, and of versions which columns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from mmreg.registry.exchange.known import Known, Source, Step, identity
from mmreg.schemas.lineage import Node
from mmreg.schemas.run import Run

_HOW = {
    "used": ("DIRECT", "TRANSFORMATION"),
    "via": ("DIRECT", "IDENTITY"),
    "continues": ("DIRECT", "IDENTITY"),
    "curated_by": ("DIRECT", "TRANSFORMATION"),
    "trained_on": ("DIRECT", "AGGREGATION"),
    "init_from": ("DIRECT", "TRANSFORMATION"),
}
"""What a step of each kind is. One of another kind carries nothing into an output: an evaluation only looks."""


@dataclass(frozen=True)
class Told:
    """A source with what was done with it; without a ``column`` it is one as a whole."""

    node: Node
    column: str | None
    type: str
    subtype: str
    description: str


@dataclass(frozen=True)
class Flow:
    """``whole`` are the sources of an output as a whole, ``fields`` by column those of that alone."""

    whole: tuple[Told, ...]
    fields: Mapping[str, tuple[Told, ...]]


def flow(step: Step, output: Node, known: Known) -> Flow:
    """Where ``output``, which ``step`` made, comes from; its columns as far as ``known`` tells of them."""
    by_column = dict(known.flow(identity(step.run), output.id))
    rows = by_column.pop("", ())
    beside = (Source(node, kind) for node, kinds in step.inputs for kind in kinds)
    looked_at = _looked_at(known.runs.get(identity(step.run)))
    return Flow(
        (*_told(beside), *_deciding(output, (source for source in rows if source.column))),
        {column: tuple(_values(sources, looked_at)) for column, sources in by_column.items()},
    )


def _told(sources: Iterable[Source]) -> Iterator[Told]:
    return (Told(s.node, s.column, *_HOW[s.kind], s.kind) for s in sources if s.kind in _HOW)


def _deciding(output: Node, sources: Iterable[Source]) -> Iterator[Told]:
    """The columns by which it was decided which rows there are; for a model the columns that it was trained on."""
    if output.kind == "checkpoint":
        yield from _told(sources)
    else:
        yield from (Told(s.node, s.column, "INDIRECT", "FILTER", "which rows there are") for s in sources)


def _values(sources: Iterable[Source], looked_at: frozenset[str]) -> Iterator[Told]:
    """What the cells of a column are made of. A version as a whole says only that it has rows of it."""
    for source in sources:
        if source.kind == "used" and source.column in looked_at:
            yield Told(source.node, source.column, "INDIRECT", "CONDITIONAL", "for which rows")
        elif source.column or source.node.kind != "version":
            yield from _told([source])


def _looked_at(run: Run | None) -> frozenset[str]:
    """The columns that a pass read only to know for which rows it is."""
    if run is None or run.job.kind != "pass":
        return frozenset()
    handed = run.facets.get("pass", {}).get("inputs", {}).values()
    return frozenset(column for used in run.inputs for column in used.columns).difference(handed)
