"""What passes and selections know of a table by its files, carried over a compaction.

A pass knows how each fragment stands, and a selection what it was made from, by fingerprints over files: so nothing is
read where nothing moved. A compaction moves files and fragments and no cell. It leaves a run that tells what was known
of the old ones of the new, in the facet ``carried``:

    summaries   the summary that a pass has left: the same for the files as they are now (both objects of the lake)
    digests     what a layout's digest is now: what it was when its columns last changed

Nothing is wrong where that run is missing, as after a kill: it is all looked at once more.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mmreg.registry.clock import now
from mmreg.registry.objects import get_object, put_object
from mmreg.registry.operations.rewrite import Moved
from mmreg.registry.runs import new_run_id
from mmreg.registry.snapshot import Layout, Snapshot, file_paths
from mmreg.registry.standing import Standing
from mmreg.schemas.arrow import state_column
from mmreg.schemas.run import Job, Run, RunState

if TYPE_CHECKING:
    from mmreg.registry.workspace import Workspace


def summary_of(workspace: Workspace, run: Run) -> str | None:
    """The digest of the summary that a pass's ``run`` has left, by the files as they are now."""
    digest: str | None = run.facets["pass"].get("summary")
    root = _root(run)
    return _carried(workspace, root)["summaries"].get(digest, digest) if digest and root else digest


def first_digest(workspace: Workspace, root: str, digest: str) -> str:
    """What the digest of a layout of ``root`` was before compactions moved its files."""
    first: str = _carried(workspace, root)["digests"].get(digest, digest)
    return first


class Carry:
    """Carries what is known of ``root`` over the steps of one compaction, then leaves the run that tells it."""

    def __init__(self, workspace: Workspace, root: str) -> None:
        self._workspace, self._root = workspace, root
        self._digests: dict[str, str] = dict(_carried(workspace, root)["digests"])
        self._known: dict[str, _Summary] = {}
        self._moved = False

    def step(self, before: Snapshot, after: Snapshot, moves: Sequence[Moved]) -> None:
        """One commit has made ``after`` of ``before``, in which ``moves`` stand for what they were made from."""
        self._moved = True
        self._known = dict(self._summaries())
        numbers = {frozenset(file_paths(f.metadata)): f.fragment_id for f in after.table.get_fragments()}
        pairs = [([old.id for old in moved.old], numbers[frozenset(file_paths(moved.new))]) for moved in moves]
        live = dict(zip(before.layout.fragments.tolist(), before.layout.live.tolist(), strict=True))
        for summary in self._known.values():
            prints = [_prints(snapshot.layout, summary.columns) for snapshot in (before, after)]
            summary.standing = summary.standing.moved(pairs, prints[0], prints[1], live)
        digests = {}
        for columns in self._selected():
            was = before.layout.digest(columns)
            digests[after.layout.digest(columns)] = self._digests.get(was, was)
        self._digests = digests

    def record(self) -> None:
        """Leave the run, if there is anything to tell."""
        if not self._moved:
            return
        store = self._workspace.lake.store
        summaries = {
            digest: put_object(store, known.standing.dump(known.recipe)) for digest, known in self._known.items()
        }
        moment, facets = now(), {"carried": {"summaries": summaries, "digests": self._digests}}
        job = Job("maintenance", _job(self._root))
        self._workspace.record(Run(new_run_id(), job, RunState.COMPLETE, moment, moment, facets=facets))

    def _summaries(self) -> Iterator[tuple[str, _Summary]]:
        """By the digest of what a pass has left: that, or what became of it since."""
        for name in self._workspace.spec.passes:
            run = self._workspace.last_pass_run(name)
            digest = run.facets["pass"].get("summary") if run is not None and _root(run) == self._root else None
            if run is None or digest is None:
                continue
            if digest in self._known:
                yield digest, self._known[digest]
            elif there := summary_of(self._workspace, run):
                text = get_object(self._workspace.lake.store, there)
                recipe = json.loads(text)["recipe"]
                yield digest, _Summary(recipe, _columns(run), Standing.load(text, recipe))

    def _selected(self) -> set[tuple[str, ...]]:
        """The columns by which selections know the root."""
        runs = [self._workspace.catalog.last_run("select", name) for name in self._workspace.spec.passes]
        return {tuple(run.facets["select"]["columns"]) for run in runs if run and "columns" in run.facets["select"]}


@dataclass
class _Summary:
    recipe: str
    columns: Sequence[str]
    standing: Standing


def _carried(workspace: Workspace, root: str) -> Mapping[str, Mapping[str, str]]:
    last = workspace.catalog.last_run("maintenance", _job(root))
    found: Mapping[str, Any] = last.facets["carried"] if last is not None else {"summaries": {}, "digests": {}}
    return found


def _job(root: str) -> str:
    """No dataset is called like this."""
    return f"{root}/carried"


def _root(run: Run) -> str | None:
    """The root whose rows a run of a pass is about."""
    told: str | None = run.facets["pass"].get("root")
    return told or next((output.dataset for output in run.outputs if output.kind == "root"), None)


def _columns(run: Run) -> list[str]:
    """Those that the pass has read and made; where these are not all, no fingerprint is as expected."""
    facet = run.facets["pass"]
    made = [*facet["inputs"].values(), *([] if "into" in facet else facet["outputs"].values())]
    return facet.get("seen") or [*made, state_column(run.job.name)]


def _prints(layout: Layout, columns: Sequence[str]) -> dict[int, int]:
    return dict(zip(layout.fragments.tolist(), layout.fingerprints(columns).tolist(), strict=True))
