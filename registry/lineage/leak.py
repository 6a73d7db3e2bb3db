"""Whether an evaluation set has leaked into training data: through the graph, then by the rows themselves.

The graph says more than rows do: a teacher that was trained on the evaluation set leaves no row of it in what it has
filtered or written, but what it knows of it all the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from mmreg.errors import UsageError
from mmreg.registry.lineage.descent import CONTENT, Descent, Way
from mmreg.registry.lineage.flow import Place, Step
from mmreg.schemas.leak import Leak, Overlap
from mmreg.schemas.refs import NodeRef, VersionRef
from mmreg.schemas.training import TrainedOn

if TYPE_CHECKING:
    from mmreg.registry.catalog import Catalog
    from mmreg.registry.workspace import Workspace

MAX_DISTANCE = 4
MIN_SIMILARITY = 0.95


def leak(
    workspace: Workspace,
    train: NodeRef,
    evaluation: NodeRef,
    *,
    rows: bool = True,
    max_distance: int = MAX_DISTANCE,
    min_similarity: float = MIN_SIMILARITY,
) -> Leak:
    """Look for ``evaluation``, a version or one split of it (``ref:split``), in ``train``: the same, or a model.

    ``rows``: compare rows, too, which opens Lance: by id, by the digests of media, by the words of texts, by hashes
    that differ in at most ``max_distance`` bits and by embeddings with a cosine of ``min_similarity`` or more.
    Raises `NotFound` for what is not known, or whose rows are gone, and `UsageError` for a node that has no rows.
    """
    descent, answer, asked = told(workspace.catalog, train, evaluation)
    if rows:
        from mmreg.registry.lineage.overlap import Near, overlap
        from mmreg.registry.lineage.training_rows import data_of

        data = data_of(workspace, descent.nodes[descent.focus])
        if train.kind == "version":
            data = [replace(one, split=train.column) for one in data]
        answer = overlap(workspace, descent, answer, data, asked, Near(max_distance, min_similarity))
    return replace(answer, ok=not answer.found)


def told(catalog: Catalog, train: NodeRef, evaluation: NodeRef) -> tuple[Descent, Leak, TrainedOn]:
    """As much as the graph tells, with what is upstream of ``train``, and the evaluation set as it was asked for."""
    if evaluation.kind != "version":
        raise UsageError(f"{evaluation} is no version of a dataset", hint="--eval test@v1, or --eval splits@v1:test")
    if train.kind not in ("version", "model", "digest"):
        raise UsageError(f"{train} is neither data nor a model", hint="--train train@v1:train, or --train model:NAME")
    row = catalog.resolve(VersionRef.parse(evaluation.value))
    asked = TrainedOn(row.ref, row.uuid, evaluation.column)
    descent = Descent(catalog, replace(train, column=None))
    (named,) = descent.named([descent.focus])
    found = tuple(_upstream(descent, asked, train.column))
    ours = f"{named}:{train.column}" if train.column else named
    return descent, Leak(ours, str(asked), not found, None, None, found), asked


def _upstream(descent: Descent, asked: TrainedOn, split: str | None) -> Iterator[Overlap]:
    """What the graph tells: that the evaluation set, or another version of it, is upstream, or was learned from.

    What was made of one split of a dataset the rows themselves tell: all of it is upstream of each of its splits, and
    that is no leak. What a model was trained on they do not.
    """
    down, data = descent.to_focus(), descent.to_focus(CONTENT)
    versions = [node for node in descent.nodes.values() if node.kind == "version" and node.name == asked.dataset]
    same = {node.id for node in versions}
    if asked.split is None or (split is None and descent.focus in same):
        exact = [node for node in versions if node.id == f"version:{asked.uuid}"]
        for node in exact or versions[-1:]:
            what = "the very version" if exact else "another version of it"
            way = _shortest(descent, data, node.id) or _shortest(descent, down, node.id)
            if way is not None and not _learned(descent, way, same):
                yield Overlap("ancestry", what, descent.named(way))
    own = _own(descent)
    for step in trainings(descent):
        read = step.source.node in same and step.target.node not in own
        if read and (asked.split is None or {None, asked.split} & _splits(descent, step)):
            name = descent.nodes[step.target.node].name
            yield Overlap("training", name, descent.named(down[step.target].before(step.source.node)))


def _shortest(descent: Descent, towards: Mapping[Place, Way], node: str) -> Way | None:
    """The shortest way from any place of a node."""
    ways = [towards[place] for place in descent.places if place.node == node and place in towards]
    return min(ways, key=lambda way: way.length, default=None)


def _learned(descent: Descent, way: Way, same: set[str]) -> bool:
    """Whether the first that a way does with versions of the evaluation set is to train a model: that is told so."""
    first = next((node for node in way if node not in same), None)
    return first in {step.target.node for step in trainings(descent)} - _own(descent)


def _own(descent: Descent) -> set[str]:
    """The runs that made what was asked about."""
    return {step.source.node for place in descent.start for step in descent.above(place)}


def trainings(descent: Descent) -> list[Step]:
    """For each training upstream, and each version that it read, the step by which that leads on the shortest way."""
    found: dict[tuple[str, str], Step] = {}
    for step in descent.steps:
        if step.kind == "trained_on":
            found.setdefault((step.source.node, step.target.node), step)
    return list(found.values())


def _splits(descent: Descent, step: Step) -> set[str | None]:
    """Of which splits of a version a training has seen rows; None: all of it."""
    run = descent.flow.run(step.target.node.partition(":")[2])
    return {use.split for use in descent.flow.reads(run) if f"version:{use.what.id}" == step.source.node}
