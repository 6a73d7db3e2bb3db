"""What the rows of an evaluation set and of training data have in common: the same, or nearly the same.

The checks `lineage.no_leak` and `lineage.no_similar` look, from the side of the evaluation set, so that what they count
are rows of that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from mmreg.errors import NotFound
from mmreg.registry.findings.subject import Subject, check
from mmreg.registry.identity import fixed_width
from mmreg.registry.lineage.descent import Descent
from mmreg.registry.lineage.leak import trainings
from mmreg.registry.lineage.makers import Maker, is_embedding, is_hash, makers
from mmreg.registry.lineage.training_rows import Seen, TrainingRows, among
from mmreg.registry.row_sets import Ids, empty, members, rows_of
from mmreg.registry.validation.world import WorkspaceWorld
from mmreg.schemas.arrow import PARENT, media_kind
from mmreg.schemas.cells import child
from mmreg.schemas.check import CheckResult
from mmreg.schemas.check_spec import EXAMPLES, CheckSpec
from mmreg.schemas.leak import How, Leak, Overlap
from mmreg.schemas.refs import NodeRef, VersionRef
from mmreg.schemas.training import TrainedOn, trained_on
from mmreg.validators.load import load_check
from mmreg.validators.table import Table

if TYPE_CHECKING:
    from mmreg.registry.catalog import VersionRow
    from mmreg.registry.workspace import Workspace

BATCH_ROWS = 8192


@dataclass(frozen=True)
class Near:
    """What counts as nearly the same: hashes that differ in so many bits at most, embeddings of such a cosine."""

    max_distance: int
    min_similarity: float


def overlap(
    workspace: Workspace, descent: Descent, answer: Leak, train: list[TrainedOn], evaluation: TrainedOn, near: Near
) -> Leak:
    """``answer`` with what the rows of ``evaluation`` have in common with ``train``, the data of the focus of
    ``descent``, and with what models upstream of that were trained on.

    Memory: 56 bytes a row of the smaller side, and blocks of 64 MiB for what is near. Raises `NotFound` where the
    evaluation set, or all of the training data, is gone.
    """
    look = _Look(workspace, descent, answer, train, evaluation, near)
    rows = list(look.found())
    counted, gone = _trainings(look)
    shown = {one.way for one in rows}  # what rows were found by says more than that they are upstream
    graph = [one for one in answer.found if one.way not in shown and (one.how != "training" or one.what in gone)]
    return replace(
        answer,
        train_rows=len(look.train),
        evaluation_rows=len(look.evaluation.reader),
        found=(*rows, *counted, *graph),
        compared=tuple(look.compared),
        not_compared=look.not_compared,
    )


@dataclass
class _Look:
    """One evaluation set against the training data; notes by what it compared, and what it could not."""

    workspace: Workspace
    descent: Descent
    answer: Leak
    data: list[TrainedOn]
    asked: TrainedOn
    near: Near
    compared: list[str] = field(default_factory=list)
    not_compared: dict[str, str] = field(default_factory=dict)

    def found(self) -> Iterator[Overlap]:
        yield from self._same("sample_id", "sample_id", "sample_id", by="sample_id")
        yield from self._parents()
        for theirs, ours in self._media():
            yield from self._same("media", theirs, ours, by="media", column=theirs)
        for theirs, ours in self._texts():
            yield from self._same("text", theirs, ours, by="text", column=theirs)
        for theirs, ours in self._made_alike("hash", is_hash):
            yield from self._close("hash", theirs, ours, max_distance=self.near.max_distance)
        for theirs, ours in self._made_alike("embedding", is_embedding):
            yield from self._close("embedding", theirs, ours, min_similarity=self.near.min_similarity)

    @cached_property
    def row(self) -> VersionRow:
        return self._version(self.asked)

    @cached_property
    def evaluation(self) -> Seen:
        return Seen.of(self.workspace, self.asked)

    @cached_property
    def ids(self) -> Ids:
        """The samples of the evaluation set, ascending."""
        return members(self.workspace, self.asked)

    @cached_property
    def train(self) -> TrainingRows:
        return TrainingRows(self.answer.train, [seen for seen, _ in self._sides])

    @cached_property
    def way(self) -> tuple[str, ...]:
        """From the evaluation set up to what both come from, and down to the training data; none without such."""
        theirs = Descent(self.workspace.catalog, NodeRef("version", f"{self.asked.dataset}@{self.asked.uuid}"))
        up, down = theirs.to_focus(), self.descent.to_focus()
        both = [place for place in theirs.places if place in down]
        if not both:
            return ()
        near = min(both, key=lambda place: up[place].length + down[place].length)
        return (*theirs.named([*up[near]][::-1]), *self.descent.named([*down[near]][1:]))

    def overlap(self, how: How, what: str, count: int, examples: list[dict[str, str]]) -> Overlap:
        share = count / len(self.evaluation) if len(self.evaluation) else 0.0
        return Overlap(how, what, self.way, count, share, tuple(examples))

    @cached_property
    def _sides(self) -> list[tuple[Seen, Subject]]:
        """The training data that is still there. Raises `NotFound` where none is."""
        found, gone = [], []
        for data in self.data:
            try:
                found.append((Seen.of(self.workspace, data), Subject(self.workspace, self._version(data))))
            except NotFound as error:
                gone.append(error)
        if gone and not found:
            raise gone[0]
        if not found:
            hint = "mmreg train record, with what it was trained on; --no-rows asks the graph alone"
            raise NotFound(f"{self.answer.train}: no data that it was trained on is recorded", hint=hint)
        if gone:
            self.not_compared["rows"] = "; ".join(error.message for error in gone)
        return found

    def _version(self, data: TrainedOn) -> VersionRow:
        return self.workspace.catalog.resolve(VersionRef(data.dataset, data.uuid))

    # By which columns

    def _media(self) -> Iterator[tuple[str, str]]:
        """Columns of media of one kind, on both sides."""
        ours = {f.name: media_kind(f.type) for f in self.train.schema}
        theirs = {f.name: media_kind(f.type) for f in self.evaluation.reader.schema}
        pairs = [(t, o) for t, kind in theirs.items() for o in ours if kind is not None and ours[o] == kind]
        if not pairs:
            self.not_compared["media"] = "no kind of media is on both sides"
        yield from pairs

    def _texts(self) -> Iterator[tuple[str, str]]:
        """Texts of one name; where there are none, each with each."""
        theirs = Subject(self.workspace, self.row).texts
        ours = [name for name in self._sides[0][1].texts if name in self.train.schema.names]
        pairs = [(t, t) for t in theirs if t in ours] or [(t, o) for t in theirs for o in ours]
        if not pairs:
            self.not_compared["text"] = "no text is on both sides"
        yield from pairs

    def _made_alike(self, how: How, wanted: Callable[[Maker], bool]) -> Iterator[tuple[str, str]]:
        """Columns that passes made in the same way on both sides."""
        theirs = self._made(self.row, wanted)
        ours = [self._made(subject.row, wanted) for _, subject in self._sides]
        pairs = [(t, o) for t, by in theirs.items() for o in ours[0] if all(one.get(o) == by for one in ours)]
        if not pairs:
            self.not_compared[how] = f"no {how} was made in the same way on both sides"
        yield from pairs

    def _made(self, row: VersionRow, wanted: Callable[[Maker], bool]) -> dict[str, Maker]:
        return {column: maker for column, maker in makers(self.workspace, row).items() if wanted(maker)}

    # Comparing

    def _same(self, how: How, theirs: str, ours: str, **arguments: Any) -> Iterator[Overlap]:
        yield from self._checked(how, theirs, ours, check("lineage.no_leak", **self._evaluation(), **arguments))

    def _close(self, how: How, theirs: str, ours: str, **arguments: Any) -> Iterator[Overlap]:
        spec = check("lineage.no_similar", **self._evaluation(), column=theirs, **arguments)
        yield from self._checked(how, theirs, ours, spec)

    def _evaluation(self) -> dict[str, str]:
        """What a check compares with; which rows those are `_Around` knows."""
        return {"evaluation": self._sides[0][1].row.ref}

    def _checked(self, how: How, theirs: str, ours: str, spec: CheckSpec) -> Iterator[Overlap]:
        what = theirs if theirs == ours else f"{theirs} and {ours}"
        self.compared.append(what if what == how else f"{how} {what}")
        result = self._run(spec, self.train if theirs == ours else self.train.calling(ours, theirs))
        if result.failed:
            examples = [{"sample_id": e["sample_id"], "reason": e["reason"]} for e in result.examples]
            yield self.overlap(how, what, result.failed, examples)

    def _run(self, spec: CheckSpec, train: TrainingRows) -> CheckResult:
        """What a check says of the evaluation set, with the training data for what it compares with."""
        reader = self.evaluation.reader
        around = _Around(self.workspace, self.row, train)
        looks = load_check(spec, Table(reader.schema, ref=reader.ref, rows=len(reader), world=around))
        columns = list(dict.fromkeys(["sample_id", *looks.columns]))
        for batch in reader.batches(columns, batch_size=BATCH_ROWS, media=False):
            looks.update(batch)
        return looks.result()

    def _parents(self) -> Iterator[Overlap]:
        """Rows that a pass has made from samples of the evaluation set."""
        if PARENT.name not in self.train.schema.names:
            return
        self.compared.append(PARENT.name)
        made = [empty()]
        for batch in self.train.batches(["sample_id", PARENT.name], batch_size=BATCH_ROWS, media=False):
            ids = child(batch.column(PARENT.name), "sample_id").drop_null()
            made.append(fixed_width(ids))
        shared = self.ids[among(self.ids, np.unique(np.concatenate(made)))]
        if len(shared):
            said = f"rows of {self.answer.train} were made from it"
            yield self.overlap("parent", PARENT.name, len(shared), _examples(shared, said))


class _Around(WorkspaceWorld):
    """The registry around the evaluation set, in which what a check asks to open is the training data."""

    def __init__(self, workspace: Workspace, row: VersionRow, train: TrainingRows) -> None:
        super().__init__(workspace, row)
        self._train = train

    def open(self, ref: str, split: str | None = None) -> TrainingRows:  # type: ignore[override]
        return self._train


def _trainings(look: _Look) -> tuple[list[Overlap], set[str]]:
    """The models upstream that were trained on samples of the evaluation set, under whatever name these were.

    And the names of trainings of which nobody can tell any more.
    """
    descent, down = look.descent, look.descent.to_focus()
    own = {step.source.node for place in descent.start for step in descent.above(place)}
    found, gone = [], set()
    for step in trainings(descent):
        run = descent.flow.run(step.target.node.partition(":")[2])
        for data in trained_on(run) if step.target.node not in own else ():
            if f"version:{data.uuid}" != step.source.node:
                continue
            try:
                seen = rows_of(look.workspace, data)
            except NotFound as error:
                look.not_compared[f"training {run.job.name}"] = error.message
                gone.add(run.job.name)
                continue
            shared = look.ids[among(look.ids, seen)]
            if len(shared):
                way = descent.named(down[step.target].before(step.source.node))
                overlap = look.overlap("training", run.job.name, len(shared), _examples(shared, f"is in {data}"))
                found.append(replace(overlap, way=way))
    return found, gone


def _examples(ids: Ids, reason: str) -> list[dict[str, str]]:
    return [{"sample_id": bytes(id).hex(), "reason": reason} for id in ids[:EXAMPLES]]
