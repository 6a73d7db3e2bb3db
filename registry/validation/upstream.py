"""All that a version comes from: followed column by column, through what passes, selections and trainings read.

The index knows what each run used. That is not enough: a column stays while its root goes on, so what a version has of
it comes from a run long before, and a selection which went by one column owes nothing to the others.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from functools import cache, partial
from typing import TYPE_CHECKING

from mmreg.registry.derive import selected_by
from mmreg.registry.validation.history import History, alive, history
from mmreg.schemas.run import Run, RunInput
from mmreg.schemas.upstream import Origin

if TYPE_CHECKING:
    from mmreg.registry.catalog import VersionRow
    from mmreg.registry.workspace import Workspace

Columns = frozenset[str] | None
"""Which columns of a version count; None: all. None of them: only which rows it has."""
ROWS_ALONE: Columns = frozenset()
Way = tuple[str, ...]


class Ancestry:
    """Reads of ``workspace`` what it needs, each thing once."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self.history = cache(partial(history, workspace))

    def upstream(self, row: VersionRow) -> tuple[Origin, ...]:
        """As `mmreg.validators.world.World.upstream`."""
        found: dict[str, Origin] = {}
        waiting: deque[tuple[RunInput, Columns, Way]] = deque([(_input(row), None, ())])
        seen: set[tuple[str, str, Columns]] = set()
        while waiting:
            used, columns, way = waiting.popleft()
            if (used.kind, used.id, columns) in seen:
                continue
            seen.add((used.kind, used.id, columns))
            origin = self._origin(used, way)
            found.setdefault(f"{used.kind}:{used.id}", origin)
            for run, asked in self._made(used, columns):
                through = (_job(run), *origin.way)
                waiting.extend((i, c, through) for i, c in inputs_of(run) if asked or i.kind == "source")
            waiting.extend((root, c, origin.way) for root, c in self._roots(used, columns))
        return tuple(found.values())

    def version(self, used: RunInput) -> VersionRow | None:
        """The version that a run read; None where nobody knows it any more."""
        dataset = used.ref.partition("@")[0]
        return next((row for row in self._workspace.catalog.versions(dataset) if row.uuid == used.id), None)

    def makers(self, digest: str) -> list[Run]:
        """The runs that registered a checkpoint."""
        near = self._workspace.catalog.lineage(f"checkpoint:{digest}", "up", 1)
        ids = [edge.source for edge in near.edges if edge.target == near.focus and edge.kind == "generated"]
        return [self._workspace.catalog.run(id.removeprefix("run:")) for id in ids]

    def _origin(self, used: RunInput, way: Way) -> Origin:
        name, ref = used.ref.partition("@")[0], used.ref
        if used.kind == "checkpoint":
            name, ref = name.removeprefix("model:"), f"model {name.removeprefix('model:')}@{used.id[:12]}"
        return Origin(used.kind, used.id, name, ref, (ref, *way))

    def _made(self, used: RunInput, columns: Columns) -> Iterator[tuple[Run, bool]]:
        """The runs that ``used`` is what it is by; False with those of which only the source counts."""
        if used.kind == "checkpoint":
            yield from ((run, True) for run in self.makers(used.id))
        row = self.version(used) if used.kind == "version" else None
        if row is not None and row.kind == "derived":
            chosen = selected_by(self._workspace, row)
            if chosen is not None:
                yield self._workspace.catalog.run(chosen.run), True
        elif row is not None:
            known: History = self.history(row)
            if known.ingest is not None:
                yield known.ingest, False
            for name, passed in known.passes.items():
                if passed.makes_rows or columns is None or columns.intersection(passed.columns):
                    for runs in alive(self._workspace, row, name, passed).values():
                        yield from ((run, True) for run in runs)

    def _roots(self, used: RunInput, columns: Columns) -> Iterator[tuple[RunInput, Columns]]:
        """The root versions whose columns a derived one shows."""
        row = self.version(used) if used.kind == "version" else None
        if row is not None and row.kind == "derived":
            for root in row.roots:
                yield RunInput("version", root["uuid"], _ref(self._workspace, root["dataset"], root["uuid"])), columns


def inputs_of(run: Run) -> Iterator[tuple[RunInput, Columns]]:
    """What ``run`` owes its outputs to, and which columns of that."""
    select = run.facets.get("select", {})
    for used in run.inputs:
        if used.role == "evaluated_on" or _keeps_clear_of(select.get("recipe", {}), used):
            continue
        if used.kind != "version" or used.role == "trained_on":
            yield used, None
        elif select:
            # Of the datasets that it names only the rows count, of the roots also what it goes by.
            named = {base["uuid"] for base in select.get("base", ())}
            rows_alone = used.id in named and not _is_root(run, used)
            yield used, ROWS_ALONE if rows_alone else frozenset(select.get("columns", ()))
        else:
            yield used, frozenset(used.columns)


def _keeps_clear_of(recipe: dict[str, object], used: RunInput) -> bool:
    """Whether a selection names a dataset only to have none of its rows, or as many."""
    dataset = used.ref.partition("@")[0]
    sample = recipe.get("sample")
    like = sample.get("like") if isinstance(sample, dict) else None
    none_of = recipe.get("none_of", ())
    apart = {like, *(none_of if isinstance(none_of, list | tuple) else ())}
    return used.kind == "version" and dataset in apart
