"""Who boosts what: whether the models that curated it come from the data that they curate, and whose they are.

Computed from the graph, never declared. The pool are the root datasets whose rows and values the focus has. A model
that curated them is `external` while no way leads from any version of the pool to it, be it through trainings, through
models that it began from, or through those that curated what it was trained on. Else it is `self` where it is of the
student's own line, and `leaky_external` where it is not: a teacher that has seen the student's data.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from mmreg.errors import UsageError
from mmreg.registry.lineage.descent import CONTENT, Descent
from mmreg.registry.lineage.flow import ROWS, Place, Step
from mmreg.schemas.boost import MODES, Boost, Curation, Known, Mode
from mmreg.schemas.refs import ModelRef, NodeRef

if TYPE_CHECKING:
    from mmreg.registry.catalog import Catalog
    from mmreg.registry.workspace import Workspace
    from mmreg.schemas.run import Run

Modes = Mapping[tuple[str, str], Mode]

WHO_IS_STUDENT = "no model is known to learn from it, so a curator that has seen its data counts as another's"


def boost(workspace: Workspace, focus: NodeRef, student: ModelRef | None = None, *, rows: bool = True) -> Boost:
    """Who boosts ``focus``. ``student`` says who learns from it where lineage does not.

    ``rows``: count in the rows, too, how much they have made; that opens Lance. Raises `NotFound` for a student that is
    not known, and `UsageError` for a source.
    """
    answer, modes = told(workspace.catalog, focus, student)
    if not rows:
        return answer
    from mmreg.registry.lineage.shares import shares

    (node,) = workspace.catalog.nodes([answer.focus])
    counted = shares(workspace, node, modes, focus.column)
    notes = answer.notes if counted is not None else (*answer.notes, "no rows of it are in the lake, to be counted")
    return replace(answer, shares=counted, notes=notes)


def told(catalog: Catalog, focus: NodeRef, student: ModelRef | None = None) -> tuple[Boost, Modes]:
    """As much as the graph tells, and the mode by run and digest of the model; people are under an empty one."""
    if focus.kind == "source":
        raise UsageError(f"{focus} is a source: nobody curated it", hint=f"mmreg lineage down {focus}")
    descent = Descent(catalog, focus)
    line = _line(catalog, descent, student)
    judge = _Judge(catalog, descent, line)
    curations = tuple(sorted(judge.curations(), key=lambda one: (MODES.index(one.mode), one.run, one.digest or "")))
    counts = Counter(one.mode for one in curations)
    (named,) = descent.named([descent.focus])
    answer = Boost(
        focus=descent.focus,
        ref=f"{named}:{focus.column}" if focus.column else named,
        mode=next((mode for mode in MODES if counts[mode]), "none"),
        counts={mode: counts[mode] for mode in MODES[:-1]},
        pool=judge.pool,
        students=tuple(sorted(line.names)),
        curations=curations,
        notes=tuple(_notes(curations, line)),
    )
    return answer, judge.modes


@dataclass(frozen=True)
class _Line:
    """The student: its names, and its checkpoints with those that they began from."""

    names: frozenset[str]
    digests: frozenset[str]


class _Judge:
    """Tells of each run upstream that asked a model, or people, in which mode that boosts."""

    def __init__(self, catalog: Catalog, descent: Descent, line: _Line) -> None:
        self._descent, self._line = descent, line
        self._names, self._opaque = _registered(catalog, descent)
        self.modes: dict[tuple[str, str], Mode] = {}
        self.pool = self._pool(catalog)
        self._seen = descent.descendants(
            place for place in descent.places if descent.nodes[place.node].name in self.pool and _is_version(place)
        )
        self._down = descent.to_focus()

    def curations(self) -> Iterator[Curation]:
        asked: dict[tuple[str, str], list[Step]] = {}
        for step in self._descent.steps:
            if step.kind == "curated_by":
                asked.setdefault((step.source.node, step.target.node), []).append(step)
        for steps in asked.values():
            yield self._of_model(steps)
        for id, places in self._runs().items():
            run = self._descent.flow.run(id)
            people = [one for one in run.facets.get("annotators", ()) if one.get("kind") == "human"]
            if people:
                yield self._of_people(run, places, people)

    def _pool(self, catalog: Catalog) -> tuple[str, ...]:
        versions = (place.node for place in self._descent.content(self._goes_on) if _is_version(place))
        datasets = {self._descent.nodes[id].name for id in versions}
        return tuple(sorted(name for name in datasets if catalog.kind_of(name) != "derived"))

    def _goes_on(self, step: Step) -> bool:
        """Whether a training went on from a checkpoint of the model that it made another checkpoint of."""
        if step.kind != "init_from":
            return False
        made = self._descent.flow.run(_id(step.target.node)).checkpoints
        names = {doc["name"] for doc in made if doc["digest"] == _id(step.target.of)}
        return bool(names & self._names_of(step.source.node))

    def _runs(self) -> dict[str, list[Place]]:
        """What each pass upstream wrote of it."""
        found: dict[str, list[Place]] = {}
        for place in self._descent.places:
            node = self._descent.nodes[place.node]
            if node.kind == "run" and node.facts.get("job") == "pass":
                found.setdefault(_id(place.node), []).append(place)
        return found

    def _of_model(self, steps: list[Step]) -> Curation:
        """Of what one run asked one model; a step for each column that it wrote."""
        first = min(steps, key=lambda step: self._down[step.target].length)
        run, digest = self._descent.flow.run(_id(first.target.node)), _id(first.source.node)
        (model,) = self._descent.named([first.source.node])
        known = self._known(first.source)
        mode, because = self._mode(first.source, run, model, known)
        self.modes[run.id, digest] = mode
        before = self._seen.get(first.source, [first.source.node])
        return Curation(
            mode=mode,
            because=because,
            job=f"{run.job.kind} {run.job.name}",
            run=run.id,
            model=model,
            digest=digest,
            columns=_columns([step.target for step in steps]),
            way=self._descent.named([*[*before][::-1], *self._down[first.target]]),
            known=known,
        )

    def _of_people(self, run: Run, places: list[Place], people: list[Mapping[str, Any]]) -> Curation:
        self.modes[run.id, ""] = "human"
        minutes = [one["minutes"] for one in people if one.get("minutes") is not None]
        read = (step.source.node for step in self._descent.above(places[0]))
        files = [node for node in read if node.startswith("source:")]
        return Curation(
            mode="human",
            because="people said it",
            job=f"{run.job.kind} {run.job.name}",
            run=run.id,
            model=None,
            digest=None,
            columns=_columns(places),
            way=self._descent.named([*files[:1], *self._down[places[0]]]),
            annotators=len(people),
            human_min=sum(minutes) if minutes else None,
        )

    def _mode(self, checkpoint: Place, run: Run, model: str, known: Known) -> tuple[Mode, str]:
        if checkpoint not in self._seen:
            unknown = {
                "trained": "",
                "unrecorded": "; none of its trainings is recorded",
                "opaque": "; it is opaque: its training data is unknown",
            }
            return "external", f"no way leads from {', '.join(self.pool)} to {model}{unknown[known]}"
        *_, first = self._seen[checkpoint]
        pool = self._descent.nodes[first].name
        if self._in_line(checkpoint):
            return "self", f"{model} is of the student's own line, and has seen {pool}"
        if (loop := _loop(run)) is not None and loop in self._loops(checkpoint):
            return "self", f"{model} was made by loop {loop}, which asks it, and has seen {pool}"
        student = " or ".join(sorted(self._line.names))
        other = f", and is not of the line of {student}" if student else ""
        return "leaky_external", f"{model} has seen {pool}{other}"

    def _in_line(self, checkpoint: Place) -> bool:
        """Whether it is the student's, one that the student began from, or one that began from the student's."""
        if _id(checkpoint.node) in self._line.digests:
            return True
        seen: set[Place] = set()
        waiting = [checkpoint]
        while waiting:
            here = waiting.pop()
            if self._names_of(here.node) & self._line.names:
                return True
            seen.add(here)
            began = (step.source for step in self._made_by(here) if step.kind == "init_from")
            waiting += [place for place in began if place not in seen]
        return False

    def _loops(self, checkpoint: Place) -> set[str]:
        """The loops in which it was made."""
        made = (self._descent.flow.run(_id(step.source.node)) for step in self._descent.above(checkpoint))
        return {loop for run in made if (loop := _loop(run)) is not None}

    def _known(self, checkpoint: Place) -> Known:
        if _id(checkpoint.node) in self._opaque:
            return "opaque"
        told = any(step.kind in ("trained_on", "init_from") for step in self._made_by(checkpoint))
        return "trained" if told else "unrecorded"

    def _made_by(self, checkpoint: Place) -> Iterator[Step]:
        """What led to the runs that made a model, or registered it, as far as it led on into the model."""
        for made in self._descent.above(checkpoint):
            yield from self._descent.above(made.source)

    def _names_of(self, node: str) -> set[str]:
        return self._names.get(_id(node)) or {self._descent.nodes[node].name}


def _registered(catalog: Catalog, descent: Descent) -> tuple[dict[str, set[str]], set[str]]:
    """The names of the checkpoints upstream by digest, and the digests of those whose weights nobody can read."""
    names: dict[str, set[str]] = {}
    opaque = set()
    digests = [_id(id) for id, node in descent.nodes.items() if node.kind == "checkpoint"]
    for checkpoint in catalog.checkpoints_with(digests):
        names.setdefault(checkpoint.digest, set()).add(checkpoint.name)
        if checkpoint.opaque:
            opaque.add(checkpoint.digest)
    return names, opaque


def _line(catalog: Catalog, descent: Descent, student: ModelRef | None) -> _Line:
    """The student: as it was named, else the model that was asked about, else those that learn from the focus."""
    focus = descent.nodes[descent.focus]
    if student is not None:
        digests = {catalog.checkpoint(student).digest}
    elif focus.kind == "checkpoint":
        digests = {_id(focus.id)}
    else:
        digests = set(_learners(descent))
    known = list(catalog.checkpoints_with(sorted(digests)))
    names = {checkpoint.name for checkpoint in known} if student is None else {student.name}
    return _Line(frozenset(names), frozenset(_with_ancestors(catalog, digests)))


def _learners(descent: Descent) -> Iterator[str]:
    """The digests of models that were trained on the focus, or on what has its rows or values."""
    found = set(descent.start)
    waiting = list(descent.start)
    while waiting:
        here = waiting.pop()
        if here.node.startswith("checkpoint:"):
            yield _id(here.node)
            continue
        for step in descent.flow.below(here):
            if step.kind in CONTENT and step.target not in found:
                found.add(step.target)
                waiting.append(step.target)


def _with_ancestors(catalog: Catalog, digests: set[str]) -> set[str]:
    """Checkpoints, and those that they began from."""
    found, waiting = set(digests), list(digests)
    while waiting:
        near = catalog.lineage(f"checkpoint:{waiting.pop()}", "up", 1)
        for edge in near.edges:
            if edge.kind == "init_from" and (digest := _id(edge.source)) not in found:
                found.add(digest)
                waiting.append(digest)
    return found


def _id(node: str) -> str:
    return node.partition(":")[2]


def _is_version(place: Place) -> bool:
    return place.node.startswith("version:")


def _columns(written: list[Place]) -> tuple[str, ...]:
    return tuple(sorted({place.column for place in written if place.column != ROWS}))


def _loop(run: Run) -> str | None:
    """The loop that a run is a step of."""
    facet = run.facets.get("loop")
    name = facet.get("name") if isinstance(facet, Mapping) else facet
    return str(name) if name is not None else None


def _notes(curations: tuple[Curation, ...], line: _Line) -> Iterator[str]:
    if not line.names and any(one.mode == "leaky_external" for one in curations):
        yield f"{WHO_IS_STUDENT}; name the student with --student"
    blind = sorted({one.model for one in curations if one.mode == "external" and one.known != "trained" and one.model})
    if blind:
        yield f"external as far as is recorded: nothing tells what {', '.join(blind)} had seen"
