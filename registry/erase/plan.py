"""What an erasure would come to, told before anything is done. Costs a walk through the history of every root."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mmreg.registry.catalog import VersionRow
from mmreg.registry.derive import roots_at
from mmreg.registry.erase.beside import beside
from mmreg.registry.erase.derived import derived_from
from mmreg.registry.erase.find import Found, find, nothing_found, wanted_by
from mmreg.registry.erase.tombstones import load
from mmreg.registry.gc.reach import needed
from mmreg.registry.row_sets import get_rows, holds
from mmreg.registry.selection import read_selection
from mmreg.schemas.erasure import (
    Asked,
    ErasedDataset,
    ErasedSample,
    ErasurePlan,
    RemovedVersion,
    TaintedModel,
)
from mmreg.schemas.run import Run, RunState
from mmreg.schemas.training import TrainedOn, trained_on

if TYPE_CHECKING:
    from mmreg.registry.workspace import Workspace

PINS = ("promoted", "tag", "pinned", "trained", "evaluated")
"""Reasons to keep a version that an erasure does not heed, and says so."""
ELSEWHERE = (
    "copies and backups of the lake, exports, DVC remotes, history of Git, caches of model hubs and of other programs",
    "the weights of models that were trained on these samples",
)


@dataclass(frozen=True)
class Planned:
    """A plan, and what it was made from."""

    plan: ErasurePlan
    found: Found


def plan(workspace: Workspace, asked: Asked) -> Planned:
    """Look for what is asked and for all that is tied to it. Raises `NotFound` where there is no such sample.

    Where it has been erased before and nothing of it is left, the plan has no samples and says which run that was.
    """
    found = find(workspace, wanted_by(workspace, asked))
    if not len(found):
        return Planned(_erased_before(workspace, asked), found)
    versions = tuple(removed_versions(workspace, found))
    models = tuple(tainted(workspace, found))
    samples = tuple(
        ErasedSample(root, sample.hex(), because)
        for root, there in sorted(found.roots.items())
        for sample, because in sorted(there.samples.items())
    )
    planned = ErasurePlan(
        digest="",
        samples=samples,
        datasets=tuple(_datasets(workspace, found)),
        versions=versions,
        models=models,
        beside=tuple(place for place, _ in beside(workspace, rows_of(found), addresses_of(found), samples_of(found))),
        out_of_reach=(*_sources(workspace, found), *_unpromoted(workspace, versions), *ELSEWHERE),
    )
    said = json.dumps([[asdict(one) for one in samples], [asdict(one) for one in versions], [m.digest for m in models]])
    return Planned(replace(planned, digest=hashlib.sha256(said.encode()).hexdigest()[:12]), found)


def rows_of(found: Found) -> dict[str, NDArray[np.uint64]]:
    return {root: np.array(sorted(there.row_ids), np.uint64) for root, there in found.roots.items()}


def samples_of(found: Found) -> list[bytes]:
    return [sample for there in found.roots.values() for sample in there.samples]


def addresses_of(found: Found) -> dict[str, frozenset[int]]:
    return {root: frozenset(there.addresses) for root, there in found.roots.items()}


def removed_versions(workspace: Workspace, found: Found) -> Iterator[RemovedVersion]:
    """The versions of roots with a file that holds what was found, and those of derived datasets that refer to them."""
    reasons = needed(workspace)
    doomed = {root: set(there.versions) for root, there in found.roots.items()}
    for dataset in (*found.roots, *derived_from(workspace, found.roots)):
        here = set(workspace.lake.versions_on_disk(dataset))
        for row in workspace.catalog.versions(dataset):
            if row.lance_version in here and is_doomed(row, doomed):
                why = reasons.get((dataset, row.lance_version), ())
                pins = tuple(reason.told for reason in why if reason.kind in PINS)
                yield RemovedVersion(dataset, row.ref, row.lance_version, pins)


def is_doomed(row: VersionRow, doomed: Mapping[str, set[int]]) -> bool:
    """Whether a version is one of ``doomed``, by root, or refers to one."""
    return any(lance_version in doomed.get(root, ()) for root, lance_version in roots_at(row))


def tainted(workspace: Workspace, found: Found) -> Iterator[TaintedModel]:
    """The models that were trained on these rows, and those that began from such a model.

    Where a training told which samples it saw, that decides; else whether its version had the rows. A version that is
    gone from the lake counts where the root version that it refers to had the rows, or is gone.
    """
    held: dict[str, set[str]] = defaultdict(set)
    docs = {}
    made = (*workspace.catalog.runs("training"), *workspace.catalog.runs("model"))
    trainings = [run for run in made if run.state is RunState.COMPLETE]
    for run in trainings:
        for doc in run.checkpoints:
            docs[doc["digest"]] = f"{doc['name']}@{doc['digest'][:12]}"
            for data in trained_on(run):
                if (how := _seen(workspace, data, found)) is not None:
                    held[doc["digest"]].add(f"{data.ref}{how}")
    while began := [(doc["digest"], i) for run in trainings for doc in run.checkpoints for i in _bases(run, doc, held)]:
        for digest, base in began:
            held[digest].add(f"began from model {docs.get(base, base[:12])}")
    for digest in sorted(held):
        yield TaintedModel(docs[digest], digest, tuple(sorted(held[digest])), _downstream(workspace, digest))


def _bases(run: Run, doc: Mapping[str, str], held: Mapping[str, set[str]]) -> Iterator[str]:
    """The tainted models that a checkpoint began from, where that is not known yet."""
    for told in run.inputs:
        if told.role == "init_from" and told.id in held and doc["digest"] not in held:
            yield told.id


def _seen(workspace: Workspace, data: TrainedOn, found: Found) -> str | None:
    """Whether a training saw any of the samples: '' for yes, None for no, else words."""
    if data.rows is None:
        return _held(workspace, data, found)
    seen = get_rows(workspace.lake.store, data.rows)
    return "" if any(holds(seen, sample) for sample in samples_of(found)) else None


def _held(workspace: Workspace, data: TrainedOn, found: Found) -> str | None:
    """Whether a version, or the split of it that was read, had any of the rows."""
    row = next((row for row in workspace.catalog.versions(data.dataset) if row.uuid == data.uuid), None)
    if row is None:
        return None
    places = [(number, root, at) for number, (root, at) in enumerate(roots_at(row)) if root in found.roots]
    if not places:
        return None
    table = workspace.lake.find_table(data.dataset, row.lance_version)
    if row.kind == "derived" and table is not None:
        selection = read_selection(table).only(data.split, data.dataset)
        rows = rows_of(found)
        return (
            "" if any(np.isin(selection.of(number).row_ids, rows[root]).any() for number, root, _ in places) else None
        )
    if any(found.roots[root].versions.get(at) for _, root, at in places):
        return "" if row.kind == "root" else " (gone: it may have had them)"
    there = [root for _, root, at in places if at in workspace.lake.versions_on_disk(root)]
    return None if len(there) == len(places) else " (gone: it may have had them)"


def _downstream(workspace: Workspace, digest: str) -> tuple[str, ...]:
    """What a model has curated, and what was made of that."""
    lineage = workspace.catalog.lineage(f"checkpoint:{digest}", "down")
    made = [node for node in lineage.nodes if node.kind in ("version", "checkpoint") and node.id != lineage.focus]
    return tuple(node.ref for node in made)


def _datasets(workspace: Workspace, found: Found) -> Iterator[ErasedDataset]:
    for root, there in sorted(found.roots.items()):
        rows = workspace.lake.table(root).count_rows()
        yield ErasedDataset(root, "root", rows, rows - len(there.live), len(there.fragments))
    rows_gone = rows_of(found)
    for name in derived_from(workspace, found.roots):
        row = workspace.catalog.versions(name)[0]
        selection = read_selection(workspace.lake.table(name, row.lance_version))
        gone = {number: rows_gone[root] for number, (root, _) in enumerate(roots_at(row)) if root in rows_gone}
        yield ErasedDataset(name, "derived", len(selection), len(selection.without(gone)))


def _sources(workspace: Workspace, found: Found) -> Iterator[str]:
    for root in sorted(found.roots):
        spec = workspace.spec.datasets.get(root)
        if spec is not None:
            where = f"{spec.source.type} {getattr(spec.source, 'path', '')}".strip()
            yield f"the source of {root} ({where}): what lies there stays there, and is refused from now on"


def _unpromoted(workspace: Workspace, versions: Sequence[RemovedVersion]) -> Iterator[str]:
    """The datasets whose promoted version goes without a successor: it was not the newest, so nobody checked that."""
    gone = {(version.dataset, version.lance_version) for version in versions}
    for dataset in sorted({version.dataset for version in versions}):
        row = workspace.catalog.promoted(dataset)
        if row is None or (dataset, row.lance_version) not in gone:
            continue
        if row.uuid != workspace.latest(dataset).uuid:
            yield f"what {dataset} means ({row.ref}) goes, and no later one was promoted: mmreg promote {dataset}"


def _erased_before(workspace: Workspace, asked: Asked) -> ErasurePlan:
    """Raises `NotFound` where it was not."""
    stones = load(workspace.lake.store)
    for erasure in stones.erasures:
        samples = [sample for samples in erasure.samples.values() for sample in samples]
        if any(sample.startswith(beginning.lower()) for beginning in asked.ids for sample in samples) or any(
            digest.lower() in erasure.media for digest in asked.digests
        ):
            return ErasurePlan("", (), erased_by=erasure.id)
    raise nothing_found(asked)
