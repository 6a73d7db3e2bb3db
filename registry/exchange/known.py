"""What is told of a lineage's nodes beside the graph itself, by those who have the lake."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from mmreg.schemas.lineage import Lineage, Node
from mmreg.schemas.model import Checkpoint
from mmreg.schemas.run import Run, VersionOutput

Field = tuple[str, str]
"""A column: its name and its type, as text."""


@dataclass(frozen=True)
class Source:
    """What something was made of, by a step of this ``kind``: a node, or one ``column`` of it."""

    node: Node
    kind: str
    column: str | None = None


def no_columns(version: str) -> tuple[Field, ...]:
    """Where nobody has looked."""
    return ()


def no_flow(run: str, output: str) -> Mapping[str, Sequence[Source]]:
    """Where nobody has looked."""
    return {}


@dataclass(frozen=True)
class Known:
    """``lake`` is the id of the lake. ``runs`` are by id, ``checkpoints`` by digest.

    ``schema`` tells the columns of a version by its uuid, none where it is gone. ``flow`` tells by column, for a run's
    id and the node id of one of its outputs, what the cells of that come from; under '' what its rows come from.
    """

    lake: str
    runs: Mapping[str, Run] = field(default_factory=dict)
    checkpoints: Mapping[str, Checkpoint] = field(default_factory=dict)
    schema: Callable[[str], tuple[Field, ...]] = no_columns
    flow: Callable[[str, str], Mapping[str, Sequence[Source]]] = no_flow

    @property
    def namespace(self) -> str:
        """What names of this lake belong to."""
        return f"mmreg://{self.lake}"


@dataclass(frozen=True)
class Step:
    """A run of a lineage with its neighbours: each with the kinds of its edges, in the lineage's order."""

    run: Node
    inputs: tuple[tuple[Node, tuple[str, ...]], ...]
    outputs: tuple[tuple[Node, tuple[str, ...]], ...]


def steps(lineage: Lineage) -> list[Step]:
    """All runs of ``lineage``, in its order."""
    nodes = {node.id: node for node in lineage.nodes}
    into: dict[str, dict[str, list[str]]] = {}
    out_of: dict[str, dict[str, list[str]]] = {}
    for edge in lineage.edges:
        source, target = nodes[edge.source], nodes[edge.target]
        if target.kind == "run":
            into.setdefault(target.id, {}).setdefault(source.id, []).append(edge.kind)
        else:
            out_of.setdefault(source.id, {}).setdefault(target.id, []).append(edge.kind)

    def beside(found: dict[str, list[str]] | None) -> tuple[tuple[Node, tuple[str, ...]], ...]:
        return tuple((nodes[id], tuple(kinds)) for id, kinds in (found or {}).items())

    runs = (node for node in lineage.nodes if node.kind == "run")
    return [Step(run, beside(into.get(run.id)), beside(out_of.get(run.id))) for run in runs]


def identity(node: Node) -> str:
    """A version's uuid, a run's id, a checkpoint's digest: ``id`` without its kind."""
    return node.id.partition(":")[2]


def output_of(run: Run | None, node: Node) -> VersionOutput | None:
    """What the run's record says of a version that it published."""
    return next((o for o in run.outputs if f"version:{o.uuid}" == node.id), None) if run is not None else None


def people(run: Run) -> Iterator[tuple[str, str | None]]:
    """Who annotated for a run: a mark of each, the same wherever the same name is given, and that name."""
    for number, person in enumerate(run.facets.get("annotators", ()), 1):
        if person.get("kind") == "human":
            name = person.get("name")
            yield (f"name.{name}" if name else f"{run.id}.{number}"), name
