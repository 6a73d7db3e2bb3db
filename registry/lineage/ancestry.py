"""All that a version comes from, as checks want it: exactly, by what its rows say of themselves.

It follows the steps of `mmreg.registry.lineage.flow`, from what is read to the runs that made it, over all versions
that only carried it on. Where the records leave open whether cells of an earlier generation are still there, the rows
are asked.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from mmreg.registry.lineage.flow import Columns, Flow, Place, Use
from mmreg.schemas.run import Run, RunInput
from mmreg.schemas.upstream import Origin

if TYPE_CHECKING:
    from mmreg.registry.catalog import VersionRow
    from mmreg.registry.lineage.history import History
    from mmreg.registry.workspace import Workspace


class Ancestry:
    """What the lake and its index say of where things come from; each is read once."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self.flow = Flow(workspace.catalog)
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

    def run(self, id: str) -> Run:
        return self.flow.run(id)

    def versions(self, dataset: str) -> Sequence[VersionRow]:
        """The versions of ``dataset``, the newest first."""
        return self.flow.versions(dataset)

    def version(self, used: RunInput) -> VersionRow | None:
        """The version that a run read; None where nobody knows it any more."""
        return self.flow.version(used)

    def inputs(self, run: Run) -> Iterator[Use]:
        """What the outputs of ``run`` come from."""
        return self.flow.reads(run)

    def history(self, row: VersionRow) -> History:
        if row.uuid not in self._histories:
            from mmreg.registry.lineage.history import history

            self._histories[row.uuid] = history(self._workspace, row, self.versions(row.dataset), self.run)
        return self._histories[row.uuid]

    def trainings(self, digest: str) -> list[Run]:
        """The runs that made a checkpoint, or registered it."""
        return [self.run(id) for id in self._workspace.catalog.next_runs(f"checkpoint:{digest}", "up")]

    def alive(self, row: VersionRow, name: str) -> dict[int, list[Run]]:
        """The generations of a pass, with their runs, of which the root version ``row`` may have rows."""
        if (row.uuid, name) not in self._alive:
            from mmreg.registry.lineage.history import alive

            passed = self.history(row).passes[name]
            self._alive[row.uuid, name] = alive(self._workspace, row, name, passed)
        return self._alive[row.uuid, name]

    def passes(self, row: VersionRow, columns: Columns) -> Iterator[Run]:
        """The runs of passes to which the root version ``row`` owes ``columns``, or its rows."""
        found = {run.id: run for run in self._wrote(row, columns) if run.job.kind == "pass"}
        for name, passed in self.history(row).passes.items():
            if not found.keys().isdisjoint(run.id for run in passed.runs):
                still = {run.id for runs in self.alive(row, name).values() for run in runs}
                yield from (found[run.id] for run in passed.runs if run.id in found and run.id in still)

    def _makers(self, use: Use) -> Iterator[Run]:
        """The runs that made it what it is."""
        used = use.what
        if used.kind == "checkpoint":
            yield from self.trainings(used.id)
        row = self.version(used)
        if row is not None:
            yield from (run for run in self._wrote(row, use.columns) if run.job.kind != "pass")
            if row.kind == "root":
                yield from self.passes(row, use.columns)

    def _wrote(self, row: VersionRow, columns: Columns) -> Iterator[Run]:
        """The runs that wrote ``columns`` of ``row``, or chose or made its rows, the last one first.

        Others have only renamed them, or taken rows away, or are of strangers, who say nothing.
        """
        node = f"version:{row.uuid}"
        names = self.flow.columns(row) if columns is None else columns
        waiting = deque([Place(node), *self.flow.places(node, names)])
        seen, found = set(waiting), set[str]()
        while waiting:
            for step in self.flow.above(waiting.popleft()):
                kind, _, id = step.source.node.partition(":")
                run = self.run(id) if kind == "run" else None
                if run is not None and run.job.kind not in ("schema", "erasure"):
                    if run.id not in found and run.job.kind != "unattributed":
                        found.add(run.id)
                        yield run
                elif step.source not in seen and (run is not None or self.flow.is_of(step.source, row.dataset)):
                    seen.add(step.source)
                    waiting.append(step.source)

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
