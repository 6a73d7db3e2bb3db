"""Running a pass of scope `row`: examine, compute what is pending, publish once."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mmreg.curation.account import Account
from mmreg.curation.bind import BoundPass
from mmreg.curation.calling import Caller
from mmreg.curation.engine import LocalEngine
from mmreg.curation.freshness import Pending, RowSet, examine
from mmreg.curation.portions import RowPortions
from mmreg.curation.publishing import Computed, publish_columns
from mmreg.registry.clock import now
from mmreg.registry.derive import completed
from mmreg.registry.operations.columns import row_ids_of
from mmreg.registry.stage import Stage
from mmreg.schemas.arrow import ERROR
from mmreg.schemas.cells import child, values
from mmreg.schemas.progress import Progress
from mmreg.schemas.run import Run, RunInput

if TYPE_CHECKING:
    import lance

    from mmreg.registry.api import Registry


@dataclass(frozen=True)
class PassOutcome:
    """What running a pass came to. ``computed`` counts calls' rows now, not those found staged."""

    run: Run | None
    computed: int = 0
    staged: int = 0
    errors: int = 0


def run_pass(registry: Registry, bound: BoundPass, inputs: tuple[RunInput, ...], progress: Progress) -> PassOutcome:
    """Compute what is pending for ``bound`` on the newest version of its root, and publish it as one version.

    ``inputs`` are the run's inputs apart from the versions read, which are added here. Raises `PassFailed` where the
    pass breaks its promise: then nothing is published, and what was computed stays staged.
    """
    with registry.alone(f"{bound.root}.{bound.name}"):
        last = registry.catalog.last_run("pass", bound.name)
        if last is not None:
            completed(registry, last)
        newest = registry.newest(bound.root)
        rows = RowSet(newest.table, bound, registry.base_selection(bound.spec.from_, bound.spec.split))
        fresh = examine(newest, bound, rows, registry.pass_summary(bound.name))
        stage = Stage(registry.lake.store, bound.root, bound.name, bound.generation)
        if not fresh.pending:
            stage.clear()
            return PassOutcome(None)
        started = now()
        account, caller = Account(bound), Caller(bound)
        progress.start(f"pass {bound.name}", fresh.rows)
        try:
            portions = RowPortions(registry, newest.table, bound)
            remaining = _without_staged(newest.table, bound, stage, portions, fresh.pending, account)
            progress.advance(account.found)
            with closing(LocalEngine(stage).compute(portions.read(remaining), caller)) as results:
                for portion, staged in results:
                    account.add(portion.fragments, staged)
                    progress.advance(staged.num_rows)
            account.close(fresh.failed, fresh.wanted)
        finally:
            progress.done()
        done = Computed(
            bound, newest, fresh, rows.digest, stage, account, caller.cost(), started, inputs
        )  # fmt: skip
        return PassOutcome(publish_columns(registry, done), account.computed, account.found, account.errors)


def _without_staged(
    table: lance.LanceDataset,
    bound: BoundPass,
    stage: Stage,
    portions: RowPortions,
    pending: Mapping[int, Pending],
    account: Account,
) -> dict[int, Pending]:
    """The pending rows that nothing is staged for with the inputs they have now; the others are accounted for."""
    if stage.is_empty():
        return dict(pending)
    remaining: dict[int, Pending] = {}
    for number, wanted in pending.items():
        row_ids = row_ids_of(table, number) if wanted is None else wanted
        if (staged := stage.read(row_ids)) is None:
            remaining[number] = wanted
            continue
        state, there = staged[bound.state], staged["_rowid"].to_numpy().astype(np.uint64, copy=False)
        now_inputs = portions.fingerprints(there)
        inputs = values(child(state, "inputs"))
        valid = np.array([now_inputs.get(r) == i for r, i in zip(there.tolist(), inputs, strict=True)], bool)
        account.find(number, (child(state, "state").to_numpy() == ERROR)[valid])
        left = row_ids[~np.isin(row_ids, there[valid])]
        if len(left):
            remaining[number] = left
    return remaining
