"""What something touches downstream, followed column by column: every place once, the shortest way to it first.

A place is a checkpoint, or of a version one column, the question which rows it has, or all of it. Where a column went
from one version of a root to the next nothing was read, so no edge tells: versions of a root carry on what they have.
A pass touches what it writes where it read a touched column, a selection the rows that it chose by one, a training the
whole model; a model touches all that it was asked to make or to choose. What only evaluates touches nothing further.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from mmreg.registry.lineage.descent import kept_clear
from mmreg.schemas.impact import Touch
from mmreg.schemas.run import Run, RunInput, VersionOutput

if TYPE_CHECKING:
    from mmreg.registry.catalog import Catalog, VersionRow

ALL, ROWS = "*", ""
"""Parts of a version besides its columns: all of it, and which rows it has."""
Way = tuple[str, ...]
SHORT = 12
"""Hexadecimal digits of a digest that a way shows."""


@dataclass(frozen=True)
class Place:
    """``node`` is a node's id; ``part`` a column, `ALL` or `ROWS` of a version, and `ALL` of all else."""

    node: str
    how: Touch
    part: str = ALL


class Downstream:
    """All that lies downstream of ``nodes``, read from the index once: a query for each dataset and 500 runs."""

    def __init__(self, catalog: Catalog, nodes: Iterable[str]) -> None:
        parts = [catalog.lineage(node, "down") for node in nodes]
        self.nodes = {node.id: node for part in parts for node in part.nodes}
        runs = (id.removeprefix("run:") for id in self.nodes if id.startswith("run:"))
        self.runs = {run.id: run for run in sorted(catalog.runs_with(runs), key=lambda run: (run.ended_at, run.id))}
        self.versions: dict[str, VersionRow] = {}
        self._after: dict[str, VersionRow] = {}
        self._pinned: dict[str, list[VersionRow]] = {}
        for dataset in sorted({node.name for node in self.nodes.values() if node.kind == "version"}):
            self._know(catalog.versions(dataset))
        self._readers: dict[str, list[tuple[Run, RunInput]]] = {}
        for run in self.runs.values():
            for used in run.inputs:
                self._readers.setdefault(f"{used.kind}:{used.id}", []).append((run, used))

    def walk(
        self, starts: Mapping[Place, Way], reads: Callable[[Place, Run | None], bool] = lambda place, run: True
    ) -> dict[Place, Way]:
        """Every place that ``starts`` touch, themselves included, with the way to it, in the order of their ways.

        ``reads`` may say that a place is not touched after all, or, where a run is given, that it read none of it.
        """
        ways: dict[Place, Way] = {}
        waiting = deque((place, way, False) for place, way in starts.items())
        while waiting:
            place, way, carried = waiting.popleft()
            if place in ways or not reads(place, None):
                continue
            ways[place] = way
            for further in self._carried(place):
                waiting.appendleft((further, (*(way[:-1] if carried else way), self.name(further.node)), True))
            for run, further in self._onward(place):
                if reads(place, run):
                    through = (*way, f"{run.job.kind} {run.job.name}")
                    ends = further.node == f"run:{run.id}"
                    waiting.append((further, through if ends else (*through, self.name(further.node)), False))
        return ways

    def name(self, node: str) -> str:
        """A node as people name it."""
        kind, _, id = node.partition(":")
        if kind == "version" and id in self.versions:
            return self.versions[id].ref
        known = self.nodes.get(node)
        if kind == "run":
            return f"{self.runs[id].job.kind} {self.runs[id].job.name}" if id in self.runs else node
        if kind == "checkpoint":
            return f"model {known.name if known is not None else 'unknown'}@{id[:SHORT]}"
        return known.ref if known is not None else node

    def outputs(self, run: Run, how: Touch) -> Iterator[Place]:
        """All that a run made, as its own work."""
        for output in run.outputs:
            yield from _made(run, output, how)
        yield from (Place(f"checkpoint:{doc['digest']}", "registered") for doc in run.checkpoints)

    def _know(self, versions: list[VersionRow]) -> None:
        for row in versions:
            self.versions[row.uuid] = row
            for root in row.roots:
                self._pinned.setdefault(root["uuid"], []).append(row)
        for newer, older in pairwise(versions):
            self._after[older.uuid] = newer

    def _carried(self, place: Place) -> Iterator[Place]:
        """Where it goes without being read: the next version, and selections of this one."""
        id = place.node.removeprefix("version:")
        here, after = self.versions.get(id), self._after.get(id)
        if here is None:
            return
        if place.part != ROWS:
            yield from (Place(f"version:{row.uuid}", place.how, place.part) for row in self._pinned.get(id, ()))
        if after is None:
            return
        run = self.runs.get(after.run)
        if here.kind == "derived":  # its columns come from its roots; its rows stay until others are chosen
            if after.job_kind != "select" and place.part in (ALL, ROWS):
                yield Place(f"version:{after.uuid}", place.how, place.part)
        elif place.part in (ALL, ROWS):
            yield Place(f"version:{after.uuid}", place.how, place.part)
        elif (name := _name_after(place.part, run)) and not _remade(name, after, run):
            yield Place(f"version:{after.uuid}", place.how, name)

    def _onward(self, place: Place) -> Iterator[tuple[Run, Place]]:
        for run, used in self._readers.get(place.node, ()):
            for further in self._through(run, used, place):
                yield run, further

    def _through(self, run: Run, used: RunInput, place: Place) -> Iterator[Place]:
        """What a run that ``used`` the place touches by it."""
        if used.role == "evaluated_on" or run.job.kind == "evaluation":
            yield Place(f"run:{run.id}", "content")
        elif used.role == "trained_on":
            if run.facets.get("metrics"):
                yield Place(f"run:{run.id}", "content")
            yield from (Place(f"checkpoint:{doc['digest']}", "trained") for doc in run.checkpoints)
        elif used.role == "init_from":
            yield from (Place(f"checkpoint:{doc['digest']}", "initialised") for doc in run.checkpoints)
        elif run.job.kind == "select":
            yield from self._chosen(run, used, place)
        elif run.job.kind == "pass":
            yield from self._passed(run, used, place)
        elif used.kind != "version":
            for output in run.outputs:
                yield from _made(run, output, "content")

    def _chosen(self, run: Run, used: RunInput, place: Place) -> Iterator[Place]:
        """By a selection. The values of what it chose come by its roots."""
        select = run.facets.get("select", {})
        if used.id in kept_clear(run):
            return
        row = self.versions.get(used.id)
        derived = row is not None and row.kind == "derived"
        if used.kind == "checkpoint" or place.part == ROWS or place.part in select.get("columns", ()):
            how: Touch = "chosen"
        elif derived and place.part == ALL:
            how = place.how
        else:
            return
        part = ROWS if how == "chosen" else ALL
        yield from (Place(f"version:{o.uuid}", how, part) for o in run.outputs if o.kind == "derived")

    def _passed(self, run: Run, used: RunInput, place: Place) -> Iterator[Place]:
        """By a pass: its columns, or where it makes rows all that it made."""
        if used.kind == "version":
            of_rows = place.part in (ALL, ROWS) and not used.columns
            by_column = place.part in used.columns or (place.part == ALL and bool(used.columns))
            if not of_rows and not by_column:
                return
            how: Touch = place.how if of_rows else "content"
        else:
            how = "content"
        for output in run.outputs:
            if output.kind == "root":
                yield from _made(run, output, how)


def _made(run: Run, output: VersionOutput, how: Touch) -> Iterator[Place]:
    """What a run itself made of a version that it published."""
    node = f"version:{output.uuid}"
    if run.job.kind == "select":
        yield Place(node, "chosen", ROWS)
    elif run.job.kind != "pass" or output.dataset == run.facets.get("pass", {}).get("into"):
        yield Place(node, how)
    elif output.kind == "root":
        yield from (Place(node, how, column) for column in output.columns)


def _name_after(column: str, run: Run | None) -> str | None:
    """What a column is called once ``run`` has changed columns; None where it is gone."""
    changed = run.facets.get("schema", {}) if run is not None else {}
    if column in changed.get("renamed", {}):
        return str(changed["renamed"][column])
    return None if column in changed.get("dropped", ()) else column


def _remade(column: str, row: VersionRow, run: Run | None) -> bool:
    """Whether ``run`` made all cells of ``column`` anew, so that none of those before is left in ``row``."""
    if run is None or run.job.kind != "pass" or column not in row.columns:
        return False
    told = run.facets.get("pass", {})
    return int(told.get("computed", 0)) + int(told.get("resumed", 0)) + int(told.get("taken", 0)) >= row.rows > 0
