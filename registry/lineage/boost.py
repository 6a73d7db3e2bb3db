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
from mmreg.registry.lineage.descent import CONTENT, Descent, carrying, follow
from mmreg.schemas.boost import MODES, Boost, Curation, Known, Mode
from mmreg.schemas.lineage import Edge
from mmreg.schemas.refs import ModelRef

if TYPE_CHECKING:
    from mmreg.registry.workspace import Workspace
    from mmreg.schemas.run import Run

WHO_IS_STUDENT = "no model is known to learn from it, so a curator that has seen its data counts as another's"


def boost(workspace: Workspace, focus: str, student: ModelRef | None = None, *, rows: bool = True) -> Boost:
    """Who boosts ``focus`` (a node's id). ``student`` says who learns from it where lineage does not.

    ``rows``: count in the rows, too, how much they have made; that opens Lance. Raises `NotFound` for a student that is
    not known, and `UsageError` for a source.
    """
    descent = Descent(workspace, focus)
    node = descent.nodes[focus]
    if node.kind == "source":
        raise UsageError(
            f"{node.ref} is a source: nobody curated it", hint="mmreg lineage down, then one of its versions"
        )
    line = _line(workspace, descent, student)
    judge = _Judge(workspace, descent, line)
    curations = tuple(sorted(judge.curations(), key=lambda one: (MODES.index(one.mode), one.run, one.digest or "")))
    counts = Counter(one.mode for one in curations)
    answer = Boost(
        focus=focus,
        ref=descent.named([focus])[0],
        mode=next((mode for mode in MODES if counts[mode]), "none"),
        counts={mode: counts[mode] for mode in MODES[:-1]},
        pool=judge.pool,
        students=tuple(sorted(line.names)),
        curations=curations,
        notes=tuple(_notes(curations, line)),
    )
    if not rows:
        return answer
    from mmreg.registry.lineage.shares import shares

    counted = shares(workspace, node, judge.modes())
    return replace(answer, shares=counted)


@dataclass(frozen=True)
class _Line:
    """The student: its names, its checkpoints, and those that it began from; ``digests`` has all of these."""

    names: frozenset[str]
    digests: frozenset[str]


class _Judge:
    """Tells for each edge ``curated_by`` upstream in which mode it is."""

    def __init__(self, workspace: Workspace, descent: Descent, line: _Line) -> None:
        self._workspace, self._descent, self._line = workspace, descent, line
        asked = [edge.target for edge in descent.edges if edge.kind == "curated_by"]
        by_people = {edge.target for edge in descent.edges if descent.nodes[edge.source].kind == "source"}
        makers = [edge.source for edge in descent.edges if descent.nodes[edge.target].kind == "checkpoint"]
        ids = dict.fromkeys(id.removeprefix("run:") for id in (*asked, *by_people, *makers))
        self._runs = {f"run:{run.id}": run for run in workspace.catalog.runs_with(ids)}
        self._names, self._opaque = _registered(workspace, descent)
        self.pool = self._pool()
        starts = [node.id for node in descent.graph.nodes if node.kind == "version" and node.name in self.pool]
        self._seen = descent.descendants(starts)
        self._down = descent.to_focus()
        self._judged: dict[tuple[str, str], Mode] = {}

    def curations(self) -> Iterator[Curation]:
        for edge in self._descent.edges:
            if edge.kind == "curated_by":
                yield self._of_model(edge)
        for id, run in self._runs.items():
            people = [one for one in run.facets.get("annotators", ()) if one.get("kind") == "human"]
            if people:
                yield self._of_people(id, run, people)

    def modes(self) -> Mapping[tuple[str, str], Mode]:
        """What was found, by run and digest of the model; people are under an empty one."""
        return self._judged

    def _pool(self) -> tuple[str, ...]:
        kin = [edge for edge in self._descent.edges if edge.kind == "init_from" and self._same_name(edge)]
        datasets = {
            self._descent.nodes[id].name
            for id in self._descent.content(kin)
            if self._descent.nodes[id].kind == "version"
        }
        return tuple(sorted(name for name in datasets if self._workspace.catalog.kind_of(name) != "derived"))

    def _same_name(self, edge: Edge) -> bool:
        """Whether a run went on from a checkpoint of the model that it made another checkpoint of."""
        made = {doc["name"] for doc in self._runs[edge.target].checkpoints} if edge.target in self._runs else set()
        return bool(made & self._names_of(edge.source))

    def _of_model(self, edge: Edge) -> Curation:
        digest, run = edge.source.partition(":")[2], self._runs[edge.target]
        model = self._descent.named([edge.source])[0]
        known = self._known(edge.source)
        mode, because = self._mode(edge.source, run, model, known)
        self._judged[run.id, digest] = mode
        return Curation(
            mode=mode,
            because=because,
            job=f"{run.job.kind} {run.job.name}",
            run=run.id,
            model=model,
            digest=digest,
            columns=_columns(run),
            way=self._way(edge),
            known=known,
        )

    def _of_people(self, id: str, run: Run, people: list[Mapping[str, Any]]) -> Curation:
        self._judged[run.id, ""] = "human"
        minutes = [one["minutes"] for one in people if one.get("minutes") is not None]
        return Curation(
            mode="human",
            because="people said it",
            job=f"{run.job.kind} {run.job.name}",
            run=run.id,
            model=None,
            digest=None,
            columns=_columns(run),
            way=self._descent.named(follow(self._down, id)),
            annotators=len(people),
            human_min=sum(minutes) if minutes else None,
        )

    def _mode(self, id: str, run: Run, model: str, known: Known) -> tuple[Mode, str]:
        pool = ", ".join(self.pool)
        if id not in self._seen:
            unknown = {
                "trained": "",
                "unrecorded": "; none of its trainings is recorded",
                "opaque": "; it is opaque: its training data is unknown",
            }
            return "external", f"no way leads from {pool} to {model}{unknown[known]}"
        if self._in_line(id):
            return "self", f"{model} is of the student's own line, and has seen {pool}"
        if (loop := _loop(run)) is not None and loop in self._loops(id):
            return "self", f"{model} was made by loop {loop}, which asks it, and has seen {pool}"
        student = " or ".join(sorted(self._line.names))
        return "leaky_external", f"{model} has seen {pool}" + (
            f", and is not of the line of {student}" if student else ""
        )

    def _in_line(self, id: str) -> bool:
        """Whether a checkpoint is the student's, one that it began from, or one that began from it."""
        seen, waiting = set(), [id]
        while waiting:
            checkpoint = waiting.pop()
            if checkpoint in seen:
                continue
            seen.add(checkpoint)
            # The student's own ancestors are the line, too, but what else began from them is not.
            own = checkpoint.partition(":")[2] in self._line.digests and checkpoint == id
            if own or self._names_of(checkpoint) & self._line.names:
                return True
            made = [edge.source for edge in self._descent.above(checkpoint) if edge.kind == "generated"]
            waiting += [e.source for maker in made for e in self._descent.above(maker) if e.kind == "init_from"]
        return False

    def _loops(self, id: str) -> set[str]:
        made = [edge.source for edge in self._descent.above(id) if edge.kind == "generated"]
        return {loop for maker in made if maker in self._runs and (loop := _loop(self._runs[maker])) is not None}

    def _known(self, id: str) -> Known:
        if id.partition(":")[2] in self._opaque:
            return "opaque"
        made = [edge.source for edge in self._descent.above(id) if edge.kind == "generated"]
        trained = any(e.kind in ("trained_on", "init_from") for maker in made for e in self._descent.above(maker))
        return "trained" if trained else "unrecorded"

    def _names_of(self, id: str) -> set[str]:
        return self._names.get(id.partition(":")[2], {self._descent.nodes[id].name})

    def _way(self, edge: Edge) -> tuple[str, ...]:
        """From the pool to the model, where a way leads there, and on through the run to the focus."""
        before = [edge.source]
        if edge.source in self._seen:
            before = [*follow(self._seen, edge.source)][::-1]
        return self._descent.named([*before, *follow(self._down, edge.target)])


def _registered(workspace: Workspace, descent: Descent) -> tuple[dict[str, set[str]], set[str]]:
    """The names of the checkpoints upstream by digest, and the digests of those whose weights nobody can read."""
    names: dict[str, set[str]] = {}
    opaque = set()
    digests = [node.id.partition(":")[2] for node in descent.graph.nodes if node.kind == "checkpoint"]
    for checkpoint in workspace.catalog.checkpoints_with(digests):
        names.setdefault(checkpoint.digest, set()).add(checkpoint.name)
        if checkpoint.opaque:
            opaque.add(checkpoint.digest)
    return names, opaque


def _line(workspace: Workspace, descent: Descent, student: ModelRef | None) -> _Line:
    """The student: as it was named, else the model that was asked about, else those that learn from the focus."""
    focus = descent.nodes[descent.graph.focus]
    if student is not None:
        digests = {workspace.catalog.checkpoint(student).digest}
    elif focus.kind == "checkpoint":
        digests = {focus.id.partition(":")[2]}
    else:
        digests = set(_learners(workspace, focus.id))
    known = list(workspace.catalog.checkpoints_with(sorted(digests)))
    names = {checkpoint.name for checkpoint in known} if student is None else {student.name}
    return _Line(frozenset(names), frozenset(_with_ancestors(workspace, digests)))


def _learners(workspace: Workspace, focus: str) -> Iterator[str]:
    """The digests of models that were trained on the focus, or on what has its rows or values."""
    graph = workspace.catalog.lineage(focus, "down")
    kinds = {node.id: node.kind for node in graph.nodes}
    below: dict[str, list[str]] = {}
    for edge in carrying(workspace, graph):
        if edge.kind in CONTENT and kinds[edge.source] != "checkpoint":
            below.setdefault(edge.source, []).append(edge.target)
    found, waiting = {focus}, [focus]
    while waiting:
        for id in below.get(waiting.pop(), ()):
            if id not in found:
                found.add(id)
                waiting.append(id)
    yield from (id.partition(":")[2] for id in found if kinds[id] == "checkpoint")


def _with_ancestors(workspace: Workspace, digests: set[str]) -> set[str]:
    """Checkpoints, and those that they began from."""
    found, waiting = set(digests), list(digests)
    while waiting:
        near = workspace.catalog.lineage(f"checkpoint:{waiting.pop()}", "up", 1)
        for edge in near.edges:
            if edge.kind == "init_from" and (digest := edge.source.partition(":")[2]) not in found:
                found.add(digest)
                waiting.append(digest)
    return found


def _columns(run: Run) -> tuple[str, ...]:
    return tuple(dict.fromkeys(column for output in run.outputs for column in output.columns))


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
