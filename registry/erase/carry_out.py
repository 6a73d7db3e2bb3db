"""Carrying out an erasure, and going on with one that was cut short. Every step looks for what is left to do."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmreg.errors import Conflict, MmregError, NotApproved, NotFound
from mmreg.registry.clean import remove_versions
from mmreg.registry.clock import now
from mmreg.registry.commit import UPKEEP_WAIT_S, upkeep_lease
from mmreg.registry.erase import needles as pieces
from mmreg.registry.erase.beside import beside
from mmreg.registry.erase.derived import derived_from, follow, holds
from mmreg.registry.erase.find import Found, find
from mmreg.registry.erase.needles import Needle
from mmreg.registry.erase.plan import Planned, is_doomed, plan
from mmreg.registry.erase.rows import Rewriter, delete_rows
from mmreg.registry.erase.search import held_still, search
from mmreg.registry.erase.tombstones import Erasure, load, save
from mmreg.registry.erase.versions import holding, promote_successors, release, removed
from mmreg.registry.erase.walk import Wanted
from mmreg.registry.leases import lease, live, wait_for
from mmreg.registry.migrate import upgrade
from mmreg.registry.runs import new_run_id
from mmreg.schemas.erasure import Asked, ErasurePlan, ErasureReport, Left, Searched
from mmreg.schemas.progress import Progress, Quiet
from mmreg.schemas.run import REMOVED, Job, Run, RunInput, RunState

if TYPE_CHECKING:
    from mmreg.registry.workspace import Workspace

LEASE = "erasure"
WAIT_S = 3600.0


def erase(
    workspace: Workspace,
    asked: Asked,
    *,
    reason: str | None = None,
    approve: str | None = None,
    scan: Sequence[Path] = (),
    progress: Progress | None = None,
) -> ErasureReport | ErasurePlan:
    """Erase what is ``asked``; ``scan`` are more folders to search in the end. ``approve`` is the plan's digest.

    Returns the plan where all of it was erased before. Raises `NotFound` for no such sample, `NotApproved` where the
    plan is another one by now, `LeaseHeld` where somebody is at work all the while: what was begun goes on with
    `resume`.
    """
    with workspace.alone(LEASE):
        planned = plan(workspace, asked)
        if approve is not None and planned.plan.digest != approve:
            raise NotApproved(
                f"what would be erased is no longer the plan {approve}, but {planned.plan.digest}",
                hint="look at the plan again, then: --apply --approve DIGEST",
            )
        if not planned.plan.samples:
            return planned.plan
        upgrade(workspace.lake)  # an older mmreg would go on showing what is erased, and take it in again
        begun = _Erasing.begin(workspace, planned, asked, reason, progress or Quiet())
        with _going_on():
            return begun.finish(scan)


def resume(workspace: Workspace, *, scan: Sequence[Path] = (), progress: Progress | None = None) -> list[ErasureReport]:
    """Go on with every erasure that is not through, or whose rows are back. Raises `NotFound` for none."""
    with workspace.alone(LEASE):
        due = list(unfinished(workspace))
        if not due:
            raise NotFound("no erasure is unfinished", hint="mmreg log DATASET shows what was erased")
        with _going_on():
            return [_Erasing(workspace, erasure, progress or Quiet()).finish(scan) for erasure in due]


@contextmanager
def _going_on() -> Iterator[None]:
    """Let whatever stops an erasure that has begun say how it goes on."""
    try:
        yield
    except MmregError as error:
        error.hint = f"{error.hint}; then mmreg erase --resume" if error.hint else "mmreg erase --resume"
        raise


def unfinished(workspace: Workspace) -> Iterator[Erasure]:
    """The erasures that are not through, and those of which a newest version has rows again (a restored backup)."""
    for erasure in load(workspace.lake.store).erasures:
        if not erasure.finished or any(_is_back(workspace, root, files) for root, files in erasure.files.items()):
            yield erasure


def refuse_unfinished(workspace: Workspace) -> None:
    """Passes read tables as they are, erased rows and all. Raises `Conflict` while there are such rows."""
    for erasure in unfinished(workspace):
        raise Conflict(
            f"erasure {erasure.id} is not through: rows that it names may still be in the tables",
            hint="mmreg erase --resume, or wait for the process that is at it",
        )


def _is_back(workspace: Workspace, root: str, files: Sequence[str]) -> bool:
    table = workspace.lake.find_table(root)
    return table is not None and holds(table, frozenset(files))


class _Erasing:
    """One erasure under way."""

    def __init__(self, workspace: Workspace, erasure: Erasure, progress: Progress) -> None:
        self._workspace, self._store, self._progress = workspace, workspace.lake.store, progress
        self._erasure = erasure
        self._copy = workspace.project.folder / ".mmreg" / "erasures" / f"{erasure.id}.json"
        self._needles: dict[bytes, Needle] = {needle.pattern: needle for needle in pieces.kept(self._copy)}

    @classmethod
    def begin(
        cls, workspace: Workspace, planned: Planned, asked: Asked, reason: str | None, progress: Progress
    ) -> _Erasing:
        """Put the tombstone: from here on it is erased, whatever happens."""
        told = planned.plan
        this = cls(
            workspace,
            Erasure(
                id=new_run_id(),
                started_at=now(),
                job=asked.dataset or "lake",
                reason=reason,
                latest={there.dataset: workspace.latest(there.dataset).uuid for there in told.datasets},
                models=[model.ref for model in told.models],
                out_of_reach=told.out_of_reach,
                plan=told.digest,
            ),
            progress,
        )
        this._learn(planned.found)
        return this

    def finish(self, scan: Sequence[Path]) -> ErasureReport:
        """All the steps, from the first."""
        self._wait_for_others()
        self._learn(self._find())
        for root in self._erasure.samples:
            with self._upkeep(root):
                self._record(delete_rows(self._workspace, root, self._erasure, self._step("delete", root)))
        # Who read the rows before they went may have staged or written something of them.
        self._wait_for_others()
        self._learn(self._find())
        compared = sum(self._rewrite(root) for root in self._erasure.samples)
        for dataset in derived_from(self._workspace, self._erasure.samples):
            self._record(follow(self._workspace, dataset, self._erasure, self._step("follow", dataset)))
        self._remove_versions()
        self._clean_beside()
        searched, left = self._search(scan)
        return self._end(compared, searched, left)

    # What it is about

    def _find(self) -> Found:
        wanted = Wanted(media=set(map(bytes.fromhex, self._erasure.media)))
        for root, samples in self._erasure.samples.items():
            wanted.ids[root] |= dict.fromkeys(map(bytes.fromhex, samples), "")
        for root, digests in self._erasure.contents.items():
            wanted.contents[root] |= set(map(bytes.fromhex, digests))
        return find(self._workspace, wanted)

    def _learn(self, found: Found) -> None:
        """Take in what was found, before anything of it goes: the tombstone names it, and needles are taken."""
        self._needles |= {needle.pattern: needle for needle in pieces.take(self._workspace, found)}
        pieces.keep(self._copy, list(self._needles.values()))
        roots, known = found.roots.items(), self._erasure
        grown = replace(
            known,
            samples=_joined(known.samples, {root: [s.hex() for s in there.samples] for root, there in roots}),
            row_ids=_joined(known.row_ids, {root: there.row_ids for root, there in roots}),
            addresses=_joined(known.addresses, {root: there.addresses for root, there in roots}),
            files=_joined(known.files, {root: there.offsets for root, there in roots}),
            media=sorted({*known.media, *(digest.hex() for digest in found.media)}),
            contents=_joined(known.contents, {r: [d.hex() for d in these] for r, these in found.contents.items()}),
            finished=False,
        )
        if grown != known or self._store.get(known.key) is None:
            self._erasure = grown
            save(self._store, grown)

    # Rows, and what refers to them

    def _rewrite(self, root: str) -> int:
        rewriter = Rewriter(self._workspace, root, self._erasure)
        with self._upkeep(root):
            self._record(rewriter.publish(self._step("rewrite", root)))
        return rewriter.compared

    def _step(self, step: str, dataset: str) -> Run:
        """The run of one step on one dataset: always the same for the same work."""
        about = [step, dataset, self._erasure.samples, self._erasure.files]
        nonce = hashlib.sha256(repr(about).encode()).hexdigest()[:10]
        facet = {"of": self._erasure.id, "step": step}
        return Run(
            id=f"{self._erasure.id.rpartition('-')[0]}-{nonce}",
            job=Job("erasure", dataset),
            state=RunState.COMPLETE,
            started_at=self._erasure.started_at,
            ended_at="",
            inputs=(self._workspace.latest_input(dataset),),
            facets={"erasure": facet},
        )

    def _record(self, run: Run | None) -> None:
        if run is not None:
            self._workspace.record(run)

    # Versions

    def _remove_versions(self) -> None:
        """Say which versions go, release them, and remove them: derived datasets first, as they refer to roots."""
        doomed = {root: holding(self._workspace, root, self._erasure) for root in self._erasure.samples}
        rows = [
            row
            for dataset in (*derived_from(self._workspace, doomed), *doomed)
            for row in self._workspace.catalog.versions(dataset)
            if is_doomed(row, doomed)
        ]
        told = [
            {"dataset": row.dataset, "uuid": row.uuid, "lance_version": row.lance_version, "ref": row.ref}
            for row in rows
        ]
        known = {one["uuid"]: one for one in (*self._erasure.removed, *told)}
        self._erasure = replace(self._erasure, removed=list(known.values()))
        save(self._store, self._erasure)
        promote_successors(self._workspace, self._erasure)
        self._workspace.record(self._told({}))
        by_dataset: dict[str, set[int]] = {}
        for row in rows:
            by_dataset.setdefault(row.dataset, set()).add(row.lance_version)
        for root, versions in doomed.items():
            # Also those that nobody has recorded, and those whose removal was cut short.
            by_dataset.setdefault(root, set()).update(versions | removed(self._workspace, root))
        for dataset, versions in by_dataset.items():
            with self._upkeep(dataset):
                release(self._workspace, dataset, versions)
                remove_versions(self._workspace.lake, dataset, versions)

    # What lies beside, and the end

    def _clean_beside(self) -> None:
        rows = {root: self._erasure.rows(root) for root in self._erasure.row_ids}
        addresses = {root: frozenset(hashes) for root, hashes in self._erasure.addresses.items()}
        samples = [bytes.fromhex(sample) for samples in self._erasure.samples.values() for sample in samples]
        for _, clean in beside(self._workspace, rows, addresses, samples):
            self._erasure = clean(self._erasure)

    def _search(self, scan: Sequence[Path]) -> tuple[Searched, list[Left]]:
        needles, alone = list(self._needles.values()), not self._others()
        held = list(held_still(self._workspace, self._erasure.files, alone=alone))
        searched, left = search(self._workspace, needles, scan, self._copy, self._progress, alone=alone)
        known = {one.place for one in left}
        return searched, [*left, *(one for one in held if one.place not in known)]

    def _end(self, compared: int, searched: Searched, left: list[Left]) -> ErasureReport:
        samples = sum(map(len, self._erasure.samples.values()))
        facet = {"compared": compared, "searched": asdict(searched), "left": len(left)}
        self._workspace.record(self._told(facet))
        datasets = (*self._erasure.samples, *derived_from(self._workspace, self._erasure.samples))
        self._erasure = replace(self._erasure, finished=not any(".lance/data/" in one.place for one in left))
        save(self._store, self._erasure)
        if self._erasure.finished:
            self._copy.unlink(missing_ok=True)
        return ErasureReport(
            run=self._erasure.id,
            samples=samples,
            datasets=tuple(self._workspace.latest(dataset).ref for dataset in datasets),
            removed=tuple(one["ref"] for one in self._erasure.removed),
            models=tuple(self._erasure.models),
            compared=compared,
            searched=searched,
            left=tuple(left),
            out_of_reach=tuple(self._erasure.out_of_reach),
        )

    def _told(self, facet: Mapping[str, Any]) -> Run:
        """The run of all of it. Of what was erased it tells numbers and digests."""
        erasure = self._erasure
        said = {
            "samples": {root: len(samples) for root, samples in erasure.samples.items()},
            "models": list(erasure.models),
            "reason": erasure.reason,
            "plan": erasure.plan,
            "done": bool(facet),
            **facet,
        }
        removed = [{key: one[key] for key in ("dataset", "uuid", "lance_version")} for one in erasure.removed]
        inputs = tuple(RunInput("version", uuid, dataset) for dataset, uuid in erasure.latest.items())
        return Run(
            id=erasure.id,
            job=Job("erasure", erasure.job),
            state=RunState.COMPLETE,
            started_at=erasure.started_at,
            ended_at=now(),
            inputs=inputs,
            facets={"erasure": said, REMOVED: removed},
        )

    # Others

    def _wait_for_others(self) -> None:
        """Who began before the tombstone was there does not heed it: wait for them."""
        for name in self._others():
            self._progress.message(f"waiting for {name}: it began before")
            wait_for(self._store, name, wait_s=WAIT_S)

    def _others(self) -> list[str]:
        return [name for name in live(self._store) if name != LEASE]

    @contextmanager
    def _upkeep(self, dataset: str) -> Iterator[None]:
        with lease(self._store, upkeep_lease(dataset), wait_s=UPKEEP_WAIT_S):
            yield


def _joined(known: Mapping[str, Sequence[Any]], new: Mapping[str, Any]) -> dict[str, list[Any]]:
    return {root: sorted({*known.get(root, ()), *new.get(root, ())}) for root in sorted({*known, *new})}
