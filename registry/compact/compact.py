"""``mmreg compact``: step by step, each of them one commit that is there or not.

While a step is prepared and committed writers of its table wait; between two of them they have their turn. Each step
starts from what is there by then, so a compaction that was killed is repeated and does what is left.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from mmreg.errors import MmregError, UsageError
from mmreg.registry.clock import now
from mmreg.registry.commit import UPKEEP_WAIT_S, Draft, publish, upkeep_lease
from mmreg.registry.compact.archive import compact_archive
from mmreg.registry.compact.carry import Carry
from mmreg.registry.compact.indexes import check_indexes
from mmreg.registry.compact.plan import find_steps, shape
from mmreg.registry.lake import reading
from mmreg.registry.leases import POLL_S, lease
from mmreg.registry.operations.pack import pack
from mmreg.registry.operations.rewrite import Rewritten, rewrite
from mmreg.registry.runs import archive, new_run_id
from mmreg.registry.snapshot import Snapshot
from mmreg.schemas.compact import Compacted, CompactReport, CompactStep, Shape
from mmreg.schemas.progress import Progress, Quiet
from mmreg.schemas.run import Job, Run, RunState

if TYPE_CHECKING:
    import lance

    from mmreg.registry.workspace import Workspace


def plan_compaction(workspace: Workspace, names: Sequence[str] = ()) -> CompactReport:
    """What `compact` would do. Reads manifests only."""
    planned = []
    for name in _roots(workspace, names):
        table = workspace.lake.table(name)
        there = shape(table)
        planned.append(_compacted(workspace, name, find_steps(name, table), there, there))
    return CompactReport(planned=True, datasets=tuple(planned))


def compact(workspace: Workspace, names: Sequence[str] = (), progress: Progress | None = None) -> CompactReport:
    """Make the newest versions of ``names``, by default of all root datasets, compact. Older versions stay as they are.

    Every cell of the rows that are written anew is compared before the commit. A step that fails is told in the
    report, and the others go on. Memory: see `rewrite` and `pack`. Raises `NotFound` and `UsageError` for ``names``.
    """
    progress = progress or Quiet()
    roots = _roots(workspace, names)
    archived, failures = 0, []
    try:
        archived = archive(workspace.lake.store)
        compact_archive(workspace.lake.store)
        workspace.catch_up()
    except MmregError as error:
        failures.append(f"the archive of runs: {error.message}")
    done = tuple(_compact(workspace, name, progress) for name in roots)
    return CompactReport(planned=False, datasets=done, archived=archived, failures=tuple(failures))


def _roots(workspace: Workspace, names: Sequence[str]) -> list[str]:
    """Root datasets, by ``names`` or all. A derived one is written whole with every version."""
    if names:
        for name in names:
            if workspace.latest(name).kind != "root":
                raise UsageError(f"{name} is a selection, written whole with every version: nothing to compact")
        return list(dict.fromkeys(names))
    return [row.name for row in workspace.catalog.datasets() if workspace.latest(row.name).kind == "root"]


def _compact(workspace: Workspace, name: str, progress: Progress) -> Compacted:
    before = shape(workspace.lake.table(name))
    steps = find_steps(name, workspace.lake.table(name))
    done: list[CompactStep] = []
    failures: list[str] = []
    progress.start(f"compacting {name}", sum(step.rows for step in steps))
    carry = Carry(workspace, name)
    try:
        for step in steps:
            try:
                if _take(workspace, step, carry):
                    done.append(step)
            except MmregError as error:
                failures.append(f"{step.kind} of fragments {_few(step.fragments)}: {error.message}")
            progress.advance(step.rows)
    finally:
        carry.record()
        progress.done()
    table = workspace.lake.table(name)
    indexes = check_indexes(table) if done else ()
    return _compacted(workspace, name, done, before, shape(table), indexes=indexes, failures=tuple(failures))


def _take(workspace: Workspace, step: CompactStep, carry: Carry) -> bool:
    """One step, if it has still anything to do."""
    time.sleep(2 * POLL_S)  # whoever waits for the table has a turn
    store = workspace.lake.store
    prepared: list[tuple[lance.LanceDataset, Rewritten]] = []

    def build(table: lance.LanceDataset | None) -> Draft | None:
        assert table is not None
        left = set(step.fragments).intersection(table.fragment_ids())
        with reading(step.dataset):
            ready = (rewrite if step.kind == "rewrite" else pack)(table, left)
        if ready is None:
            return None
        prepared.append((table, ready))
        facets = {"compact": _told(step, ready)}
        rejected = workspace.rejected_count(step.dataset)
        return Draft(ready.operation, "root", table.count_rows(), rejected, facets=facets)

    with lease(store, upkeep_lease(step.dataset), wait_s=UPKEEP_WAIT_S):
        source = workspace.latest_input(step.dataset)
        job = Job("maintenance", step.dataset)
        run = Run(new_run_id(), job, RunState.COMPLETE, now(), "", (source,))
        landed = publish(workspace.lake, step.dataset, run, build, upkeep=True)
    if landed is None:
        return False
    workspace.record(landed)
    (table, ready), output = prepared[-1], landed.outputs[-1]
    assert output.lance_version is not None
    after = workspace.lake.table(step.dataset, output.lance_version)
    carry.step(Snapshot(table), Snapshot(after), ready.moves)
    return True


def _told(step: CompactStep, ready: Rewritten) -> dict[str, object]:
    """What a run says of one step: fragments, files and bytes before and after."""
    sides = ([old for moved in ready.moves for old in moved.old], [moved.new for moved in ready.moves])
    return {
        "kind": step.kind,
        "fragments": [len(side) for side in sides],
        "files": [sum(len(fragment.files) for fragment in side) for side in sides],
        "bytes": [sum(file.file_size_bytes or 0 for fragment in side for file in fragment.files) for side in sides],
        "deleted_rows": sum(fragment.physical_rows - fragment.num_rows for fragment in sides[0]),
    }


def _compacted(
    workspace: Workspace, name: str, steps: Sequence[CompactStep], before: Shape, after: Shape, **more: object
) -> Compacted:
    workspace.catch_up()
    table = workspace.lake.table(name)
    on_disk = sum(entry.size for entry in workspace.lake.store.scan(f"{name}.lance/data"))
    pinned = {tag["version"] for tag in table.tags.list().values()} - {table.version}
    return Compacted(
        dataset=name,
        steps=tuple(steps),
        before=before,
        after=after,
        version=workspace.latest(name).ref,
        older_versions=len(workspace.lake.versions_on_disk(name)) - 1,
        pinned=len(pinned),
        held_bytes=max(0, on_disk - after.bytes),
        **more,  # type: ignore[arg-type]
    )


def _few(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, numbers)) if len(numbers) <= 8 else f"{numbers[0]} to {numbers[-1]} ({len(numbers)})"
