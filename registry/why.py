"""Why a sample is in a version of a dataset, or is not, and since when; and where a value of it comes from."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import groupby, islice
from typing import TYPE_CHECKING, Any

import numpy as np

from mmreg.errors import NotFound, UsageError
from mmreg.registry.because import because, conditions
from mmreg.registry.decisions import Decided, DecisionsOf
from mmreg.registry.derive import roots_at, selected_by, selections_of
from mmreg.registry.erase.tombstones import load
from mmreg.registry.readmission import readmissions
from mmreg.registry.samples import cells_of, samples_like, table_since
from mmreg.registry.selection import Selection, read_selection
from mmreg.schemas.arrow import ORIGIN, PARENT
from mmreg.schemas.why import Decision, Why

if TYPE_CHECKING:
    from mmreg.registry.catalog import VersionRow
    from mmreg.registry.workspace import Workspace
    from mmreg.schemas.refs import VersionRef
    from mmreg.schemas.run import Run

_HEX = re.compile(r"[0-9a-f]{1,32}")
UNRECORDED = "its run did not record why"
LOOKED_BACK = 100
"""Versions of a dataset whose decisions are compared."""


def why(workspace: Workspace, ref: VersionRef, sample: str, column: str | None = None) -> Why:
    """Why the sample whose id begins with ``sample`` (hexadecimal) is in ``ref``, or is not; with ``column`` also where
    its value there comes from.

    Raises `UsageError` where several ids begin so, and `NotFound` where none does, in any version that ``ref`` or an
    earlier version of its dataset is made of, nor in the newest roots.
    """
    row = workspace.catalog.resolve(ref)
    try:
        sample_id = _sample(workspace, row, sample)
    except NotFound:
        if (erased := _erased(workspace, row, sample)) is not None:
            return erased
        raise
    told = _membership(workspace, row, sample_id)
    if column is None:
        return told
    from mmreg.registry.cell import cell

    return replace(told, cell=cell(workspace, row.readable(), sample_id, column))


def _membership(workspace: Workspace, row: VersionRow, sample_id: bytes) -> Why:
    if row.kind == "root":
        return _of_root(workspace, row, sample_id)
    decisions = tuple(_upstream(workspace, row, sample_id))
    streaks = list(_streaks(_earlier(workspace, row, sample_id)))
    answer = _answer(decisions, streaks)
    history = tuple(newest for newest, _ in streaks[1:])
    return Why(row.ref, sample_id.hex(), decisions[0].kept, answer, decisions, history)


# Which sample


def _sample(workspace: Workspace, row: VersionRow, text: str) -> bytes:
    """The one whose id begins with ``text``, wherever this dataset can ever have seen it."""
    beginning = text.lower()
    if not _HEX.fullmatch(beginning):
        raise UsageError(f"{text!r} is no sample id: 1 to 32 hexadecimal digits", hint=f"mmreg head {row.ref}")
    for root, version in _places(workspace, row):
        found = samples_like(table_since(workspace.lake, root, version), beginning)
        if len(found) > 1:
            shown = ", ".join(sorted(sample.hex() for sample in found)[:5])
            raise UsageError(f"{len(found)} samples begin with {beginning}: {shown}", hint="more digits")
        if found:
            return next(iter(found))
    raise NotFound(f"{row.ref} never had a sample {text!r} to choose from", hint=f"mmreg head {row.ref}")


def _erased(workspace: Workspace, row: VersionRow, text: str) -> Why | None:
    """The answer where the sample was erased from what ``row``'s dataset is made of."""
    roots = {root for version in workspace.catalog.versions(row.dataset) for root, _ in roots_at(version)}
    found = load(workspace.lake.store).find(roots, text.lower())
    if found is None:
        return None
    sample, erasure = found
    why = f" ({erasure.reason})" if erasure.reason else ""
    said = f"it was erased by run {erasure.id} at {erasure.started_at}{why}, from every version that had it"
    return Why(row.ref, sample, False, said)


def _places(workspace: Workspace, row: VersionRow) -> Iterator[tuple[str, int | None]]:
    """Root versions in which the sample may be: this version's, the newest, and those of earlier versions."""
    seen: dict[tuple[str, int | None], None] = {}
    for version in [row, *(v for v in workspace.catalog.versions(row.dataset) if v.lance_version < row.lance_version)]:
        for root, lance_version in roots_at(version):
            seen[root, lance_version] = None
            if version is row:
                seen[root, None] = None
    yield from seen


def _of_root(workspace: Workspace, row: VersionRow, sample_id: bytes) -> Why:
    table = workspace.lake.table(row.dataset, row.readable().lance_version)
    found = samples_like(table, sample_id.hex())
    if not found:
        return Why(row.ref, sample_id.hex(), False, f"it is no row of {row.ref}: it came later, or was gone by then")
    (row_id,) = found.values()
    cells = cells_of(table, row_id, ["_source", PARENT.name, ORIGIN.name])
    source, parent = cells.get("_source"), cells.get(PARENT.name)
    came = f", from {source['uri']}" if source else ""
    if ORIGIN.name in cells:
        made_from = f"sample {parent['sample_id'].hex()} of {parent['dataset']}" if parent else "no sample"
        came = f", made from {made_from} by {cells[ORIGIN.name]}"
    return Why(row.ref, sample_id.hex(), True, f"it is a row of {row.ref}{came}")


# What was decided


@dataclass(frozen=True)
class _Found:
    """The row of a sample in one of the roots of a version, and what the version's run decided about it."""

    root: str
    lance_version: int
    row_id: int
    decided: Decided | None


def _upstream(workspace: Workspace, row: VersionRow, sample_id: bytes) -> Iterator[Decision]:
    """The decision that ``row`` rests on, then those of what it was taken from, up to the roots."""
    version = selected_by(workspace, row)
    if version is None:
        raise NotFound(f"{row.ref}: no selection made it, so nobody decided", hint=f"mmreg lineage up {row.ref}")
    run = workspace.catalog.run(version.run)
    found = _find(workspace, version, run, sample_id, {})
    decision = _decision(workspace, version, run, found)
    if found is not None and found.decided is not None and not found.decided.kept:
        place = (found.root, found.lance_version)
        asked = readmissions(workspace, run, place, found.row_id, sample_id, found.decided)
        decision = replace(decision, readmit=asked)
    yield decision
    if found is None or (found.decided is not None and not found.decided.kept):
        return
    above = [_version(workspace, base) for base in run.facets["select"].get("base", ())]
    ways = [tuple(_upstream(workspace, v, sample_id)) for v in above if v is not None and v.kind == "derived"]
    # Of several that a mixture draws from: the one that has it, else the one that looked at it and dropped it.
    ways.sort(key=lambda way: (way[0].kept != decision.kept, not way[-1].values))
    yield from ways[0] if ways else ()


def _earlier(workspace: Workspace, row: VersionRow, sample_id: bytes) -> Iterator[Decision]:
    """The decisions of the versions up to ``row``, the newest first, as far back as the sample was there."""
    row_ids: dict[str, int] = {}
    for version in islice(selections_of(workspace, row), LOOKED_BACK):
        run = workspace.catalog.run(version.run)
        found = _find(workspace, version, run, sample_id, row_ids)
        if found is None:
            return
        yield _decision(workspace, version, run, found)


def _streaks(decisions: Iterator[Decision]) -> Iterator[tuple[Decision, Decision]]:
    """The newest and the oldest of decisions in a row that came to the same, the newest such row first."""
    for _, streak in groupby(decisions, key=lambda decision: (decision.kept, decision.reason, decision.split)):
        same = list(streak)
        yield same[0], same[-1]


def _find(
    workspace: Workspace, version: VersionRow, run: Run, sample_id: bytes, row_ids: dict[str, int]
) -> _Found | None:
    """The sample's row at that time: the one that was kept, where several roots have it. None: it was no row.

    ``row_ids`` has what is known of its row in each root, and learns: a row keeps its id until its content changes,
    so that most versions need no look at the root.
    """
    looked = DecisionsOf(workspace.lake.store, run)
    best: _Found | None = None
    for number, (root, lance_version) in enumerate(roots_at(version)):
        decided = looked.find(number, row_ids[root]) if root in row_ids else None
        if decided is None:
            there = samples_like(table_since(workspace.lake, root, lance_version), sample_id.hex())
            if not there:
                continue
            (row_ids[root],) = there.values()
            decided = looked.find(number, row_ids[root])
        if not looked.known:
            kept = _holds(workspace, version, number, row_ids[root])
            decided = Decided(kept, None if kept else UNRECORDED, None)
        found = _Found(root, lance_version, row_ids[root], decided)
        if best is None or best.decided is None or (decided is not None and decided.kept):
            best = found
    return best


def _holds(workspace: Workspace, version: VersionRow, root: int, row_id: int) -> bool:
    selection = _selection(workspace, version)
    if selection is None:
        raise NotFound(
            f"{version.ref}: its run kept no decisions, and its rows were removed", hint=f"mmreg log {version.dataset}"
        )
    return bool(selection.of(root).holds(np.array([row_id], np.uint64))[0])


def _decision(workspace: Workspace, version: VersionRow, run: Run, found: _Found | None) -> Decision:
    def decided(kept: bool, said: str, **more: Any) -> Decision:
        return Decision(version.ref, version.run, version.created_at, kept, said, **more)

    if found is None:
        return decided(False, f"it was no row of {' or '.join(root for root, _ in roots_at(version))} then")
    if found.decided is None:
        told = (
            " or ".join(_base_name(base) for base in run.facets["select"].get("base", ())) or "what it was taken from"
        )
        return decided(False, f"it was not in {told}", reason=f"not in {told}")
    recipe = run.facets["select"].get("recipe", {})
    goes_by = conditions(recipe, found.decided.reason)
    table = workspace.lake.find_table(found.root, found.lance_version)
    cells = cells_of(table, found.row_id, goes_by.columns) if table is not None else {}
    split = _split(workspace, version, found) if found.decided.kept else None
    said = because(goes_by, found.decided, cells, split)
    return decided(found.decided.kept, said, reason=found.decided.reason, split=split, values=cells)


def _split(workspace: Workspace, version: VersionRow, found: _Found) -> str | None:
    selection = _selection(workspace, version)
    if selection is None or selection.splits is None:
        return None
    number = [root for root, _ in roots_at(version)].index(found.root)
    part = selection.of(number)
    assert part.splits is not None
    return part.names[int(part.splits[np.searchsorted(part.row_ids, found.row_id)])]


def _selection(workspace: Workspace, version: VersionRow) -> Selection | None:
    """The rows that ``version`` chose. Where it was removed, a later version may still have the same; else None."""
    for row in reversed(workspace.catalog.versions(version.dataset)):
        if row.lance_version > version.lance_version and row.job_kind == "select":
            break
        if row.lance_version >= version.lance_version:
            table = workspace.lake.find_table(row.dataset, row.lance_version)
            if table is not None:
                return read_selection(table)
    return None


def _version(workspace: Workspace, base: dict[str, Any]) -> VersionRow | None:
    dataset = base["ref"].partition("@")[0]
    return next((row for row in workspace.catalog.versions(dataset) if row.uuid == base["uuid"]), None)


def _base_name(base: dict[str, Any]) -> str:
    return f"split {base['split']!r} of {base['ref']}" if base.get("split") else str(base["ref"])


def _answer(decisions: tuple[Decision, ...], streaks: list[tuple[Decision, Decision]]) -> str:
    """One sentence: the decision that counts, since when, and what it was before."""
    before = next((newest for newest, _ in streaks if newest.kept != decisions[0].kept), None)
    if decisions[0].kept:
        since = next((oldest for newest, oldest in reversed(streaks) if newest.kept and _after(oldest, before)), None)
        said = f"kept{f' since {since.version}' if since and before else ''}: {decisions[0].because}"
    else:
        last = [decision for decision in decisions if not decision.kept][-1]
        said = f"dropped by {last.version} because {last.because}"
    if before is None:
        return said
    return f"{said}; {'kept' if before.kept else 'dropped'} by {before.version} because {before.because}"


def _after(decision: Decision, other: Decision | None) -> bool:
    return other is None or decision.at > other.at
