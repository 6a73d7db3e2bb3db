"""All that a version comes from: followed column by column, through what passes, selections and trainings read.

The index knows what each run used. That is not enough: a column stays while its root goes on, so what a version has of
it comes from a run long before, and a selection which went by one column owes nothing to the others.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING

from mmreg.registry.derive import selected_by
from mmreg.registry.lineage.history import History, alive, history
from mmreg.schemas.run import Run, RunInput
from mmreg.schemas.upstream import Origin

if TYPE_CHECKING:
    from mmreg.registry.catalog import VersionRow
    from mmreg.registry.workspace import Workspace

Columns = frozenset[str] | None
"""Which columns of a version count; None: all. With none of them only counts which rows it has."""
ROWS_ALONE: Columns = frozenset()


@dataclass(frozen=True)
class Use:
    """Something that was read: which columns of it, and which split where it was one."""

    what: RunInput
    columns: Columns = None
    split: str | None = None


class Ancestry:
    """What the lake and its index say of where things come from; each is read once."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self.run = cache(workspace.catalog.run)
        self.versions = cache(workspace.catalog.versions)
        self._histories: dict[str, History] = {}
        self._alive: dict[tuple[str, str], dict[int, list[Run]]] = {}

    def upstream(self, row: VersionRow) -> tuple[Origin, ...]:
        """As `mmreg.validators.world.World.upstream`."""
        found: dict[Use, Origin] = {}
        waiting: deque[tuple[Use, tuple[str, ...]]] = deque([(Use(RunInput("version", row.uuid, row.ref)), ())])
        seen: set[Use] = set()
        while waiting:
            use, way = waiting.popleft()
            if use in seen:
                continue
            seen.add(use)
            origin = _origin(use, way)
            found.setdefault(replace(use, columns=None), origin)
            for run in self._makers(use):
                through = (f"{run.job.kind} {run.job.name}", *origin.way)
                waiting.extend((more, through) for more in self.inputs(run))
            # Of a derived version the columns are those of its roots.
            waiting.extend((Use(root, use.columns), origin.way) for root in self._roots(use.what))
        return tuple(found.values())

    def version(self, used: RunInput) -> VersionRow | None:
        """The version that a run read; None where nobody knows it any more."""
        if used.kind != "version":
            return None
        dataset = used.ref.partition("@")[0]
        return next((row for row in self.versions(dataset) if row.uuid == used.id), None)

    def history(self, row: VersionRow) -> History:
        if row.uuid not in self._histories:
            self._histories[row.uuid] = history(self._workspace, row, self.versions(row.dataset), self.run)
        return self._histories[row.uuid]

    def trainings(self, digest: str) -> list[Run]:
        """The runs that made a checkpoint, or registered it."""
        near = self._workspace.catalog.lineage(f"checkpoint:{digest}", "up", 1)
        made = [edge.source for edge in near.edges if edge.target == near.focus and edge.kind == "generated"]
        return [self.run(id.removeprefix("run:")) for id in made]

    def alive(self, row: VersionRow, name: str) -> dict[int, list[Run]]:
        """The generations of a pass, with their runs, of which the root version ``row`` may have rows."""
        if (row.uuid, name) not in self._alive:
            passed = self.history(row).passes[name]
            self._alive[row.uuid, name] = alive(self._workspace, row, name, passed)
        return self._alive[row.uuid, name]

    def passes(self, row: VersionRow, columns: Columns) -> Iterator[Run]:
        """The runs of passes to which the root version ``row`` owes ``columns``, or its rows."""
        for name, passed in self.history(row).passes.items():
            if passed.shows_in(columns):
                for runs in self.alive(row, name).values():
                    yield from runs

    def inputs(self, run: Run) -> Iterator[Use]:
        """What the outputs of ``run`` come from."""
        select = run.facets.get("select", {})
        base = {chosen_from["uuid"]: chosen_from.get("split") for chosen_from in select.get("base", ())}
        apart = _apart(select.get("recipe", {}))
        for used in run.inputs:
            if used.role == "evaluated_on" or (used.id not in base and used.ref.partition("@")[0] in apart):
                continue
            if used.role == "trained_on":
                yield Use(used, None, run.facets.get("training", {}).get("split"))
            elif used.kind != "version":
                yield Use(used)
            elif select:
                row = self.version(used)
                derived = row is not None and row.kind == "derived"
                columns = ROWS_ALONE if derived else frozenset(select.get("columns", ()))
                yield Use(used, columns, base.get(used.id))
            else:
                yield Use(used, frozenset(used.columns))

    def _makers(self, use: Use) -> Iterator[Run]:
        """The runs that made it what it is."""
        used = use.what
        if used.kind == "checkpoint":
            yield from self.trainings(used.id)
        row = self.version(used)
        if row is None:
            return
        if row.kind == "derived":
            chosen = selected_by(self._workspace, row)
            if chosen is not None:
                yield self.run(chosen.run)
            return
        known = self.history(row)
        if known.ingest is not None:
            yield known.ingest
        yield from self.passes(row, use.columns)

    def _roots(self, used: RunInput) -> Iterator[RunInput]:
        row = self.version(used)
        if row is not None and row.kind == "derived":
            for root in row.roots:
                found = next((v for v in self.versions(root["dataset"]) if v.uuid == root["uuid"]), None)
                if found is not None:
                    yield RunInput("version", found.uuid, found.ref)


def _origin(use: Use, way: tuple[str, ...]) -> Origin:
    used = use.what
    name, ref = used.ref.removeprefix("model:").partition("@")[0], used.ref
    if used.kind == "checkpoint":
        ref = f"model {name}@{used.id[:12]}"
    return Origin(used.kind, used.id, name, ref, (ref, *way), use.split)


def _apart(recipe: dict[str, object]) -> set[object]:
    """The datasets that a selection names only to have none of their rows, or as many."""
    sample, none_of = recipe.get("sample"), recipe.get("none_of", [])
    like = {sample.get("like")} if isinstance(sample, dict) else set()
    return like | set(none_of) if isinstance(none_of, list | tuple) else like
