"""Through what an output of a run came to be: which inputs, and of versions which columns, as the run recorded it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from mmreg.registry.exchange.known import Step, input_of, output_of
from mmreg.schemas.lineage import Node
from mmreg.schemas.run import Run

Name = tuple[str, str]
"""Of a dataset in OpenLineage: its namespace and its name."""


@dataclass(frozen=True)
class Source:
    """An input, or one column of it (``field``), and what was done with it, in OpenLineage's words."""

    name: Name
    type: str
    subtype: str
    description: str
    field: str | None = None


@dataclass(frozen=True)
class Flow:
    """``whole`` are the sources of an output as a whole, ``fields`` by column those of that alone."""

    whole: tuple[Source, ...]
    fields: Mapping[str, tuple[Source, ...]]


_HOW = {
    "used": ("DIRECT", "TRANSFORMATION"),
    "continues": ("DIRECT", "IDENTITY"),
    "curated_by": ("INDIRECT", "CONDITIONAL"),
    "trained_on": ("DIRECT", "AGGREGATION"),
    "init_from": ("DIRECT", "TRANSFORMATION"),
}
"""What an edge of each kind is. One of another kind carries nothing into an output: an evaluation only looks."""


def flow(step: Step, output: Node, run: Run | None, name: Callable[[Node], Name]) -> Flow:
    """Where ``output``, which ``step`` made, comes from. Without its record only the inputs as a whole are known."""
    whole = [Source(name(node), *_HOW[kind], kind) for node, kinds in step.inputs for kind in kinds if kind in _HOW]
    made = output_of(run, output)
    if run is None or made is None:
        return Flow(tuple(whole), {})
    looked_at = [
        Source(name(node), "INDIRECT", how, "which rows", column) for node, how, column in _looked_at(step, run)
    ]
    sources = tuple(_values(step, run, name))
    fields = dict.fromkeys(made.columns, sources) if sources and made.kind == "root" else {}
    return Flow((*whole, *looked_at), fields)


def _values(step: Step, run: Run, name: Callable[[Node], Name]) -> Iterator[Source]:
    """What the columns that a run wrote are made of."""
    read = _read(run)
    for node, kinds in step.inputs:
        told = input_of(run, node)
        if run.job.kind == "ingest" and node.kind == "source":
            yield Source(name(node), "DIRECT", "IDENTITY", "read from")
        elif run.job.kind == "pass" and "curated_by" in kinds:
            yield Source(name(node), "DIRECT", "TRANSFORMATION", "curated_by")
        elif run.job.kind == "pass" and told is not None and node.kind == "version":
            for column in told.columns:
                if column in read:
                    yield Source(name(node), "DIRECT", "TRANSFORMATION", run.job.name, column)


def _looked_at(step: Step, run: Run) -> Iterator[tuple[Node, str, str]]:
    """The columns by which it was decided for which rows a pass is, or which rows a selection keeps."""
    read = _read(run)
    chosen = run.facets.get("select", {}).get("columns", ())
    for node, _ in step.inputs:
        told = input_of(run, node)
        if node.kind != "version" or told is None:
            continue
        if chosen:
            yield from ((node, "FILTER", column) for column in chosen)
        elif run.job.kind == "pass":
            yield from ((node, "CONDITIONAL", column) for column in told.columns if column not in read)


def _read(run: Run) -> frozenset[str]:
    """The columns that the code of a pass is handed."""
    return frozenset(run.facets.get("pass", {}).get("inputs", {}).values())
