"""Running a pass: examine, compute what is pending, publish once."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mmreg.curation.account import Account
from mmreg.curation.bind import BoundPass
from mmreg.curation.calling import Caller
from mmreg.curation.engine import LocalEngine
from mmreg.curation.engine_processes import ProcessEngine
from mmreg.curation.freshness import Freshness, Pending, RowSet
from mmreg.curation.group_portions import GroupPortions
from mmreg.curation.measuring import best_measure
from mmreg.curation.portions import RowPortions
from mmreg.curation.publishing import Computed, record_stopped
from mmreg.curation.remade import last_made, without_made
from mmreg.curation.reuse import without_known, without_staged, worth_a_look
from mmreg.curation.scopes import as_now, caller_of, examine, gone, portions_of, publish_pass, stage_of
from mmreg.curation.terms import Terms
from mmreg.errors import NotApproved, PassFailed
from mmreg.registry.clock import now
from mmreg.registry.snapshot import Snapshot
from mmreg.registry.stage import Stage
from mmreg.schemas.progress import Progress
from mmreg.schemas.run import Run, RunInput, RunState

if TYPE_CHECKING:
    import lance

    from mmreg.registry.api import Registry

RETRIES = 3
"""How often a run tries failed rows again where ``on_error`` is `retry`, after a pause each time."""
PAUSE_S = 1.0
"""The first pause; each is twice as long as the one before."""


@dataclass(frozen=True)
class PassOutcome:
    """What running a pass came to. ``computed`` counts rows called now, ``staged`` those that a stopped run had left,
    ``taken`` those that took over the answer for another row with the same inputs.
    """

    run: Run | None
    computed: int = 0
    staged: int = 0
    errors: int = 0
    taken: int = 0


def run_pass(
    registry: Registry,
    bound: BoundPass,
    inputs: tuple[RunInput, ...],
    progress: Progress,
    *,
    errors_only: bool = False,
    terms: Terms | None = None,
) -> PassOutcome:
    """Compute what is pending for ``bound`` on the newest version of its root, and publish it as one version.

    ``inputs`` are the run's inputs apart from the versions read, which are added here. ``errors_only``: only rows
    that failed. Raises `PassFailed` where the pass breaks its promise, or its recipe changed and may not: then
    nothing is published, and what was computed stays staged. So it does where this is interrupted, or the ``terms``
    (default: none) stop it.
    """
    terms = terms or Terms()
    with registry.alone(f"{bound.root}.{bound.name}"):
        bound = as_now(registry, bound)
        newest = registry.newest(bound.root)
        rows = RowSet(newest.table, bound, registry.base_selection(bound.spec.from_, bound.spec.split))
        fresh = examine(newest, bound, rows, registry.pass_summary(bound.name), errors_only=errors_only)
        stage = stage_of(registry, bound)
        if not fresh.pending and not gone(registry, bound):
            stage.clear()
            return PassOutcome(None)
        if _is_frozen(bound, fresh):
            return PassOutcome(None)
        terms.begin()
        started = now()
        account = Account(bound, beside=fresh.done if fresh.again else 0)
        portions, caller = portions_of(registry, newest, bound, rows, fresh), caller_of(bound)
        computing = _Computing(bound, portions, caller, stage, account, progress, terms)
        done = Computed(
            bound, newest, fresh, rows.digest, stage, account, caller.cost, started, inputs, terms.facets
        )  # fmt: skip
        progress.start(f"pass {bound.name}", fresh.rows)
        try:
            remaining = without_staged(newest.table, bound, portions, fresh.pending, stage, account)
            if bound.into is None:
                answered = _answered(registry, newest, bound, fresh)
                remaining = without_known(newest.table, answered, bound, portions, remaining, stage, account)
            elif (made := last_made(registry, bound)) is not None:
                remaining = without_made(newest.table, made, bound, portions, remaining, stage, account)
            progress.advance(account.found + account.taken)
            computing.run(remaining)
            account.close(fresh.standing.total("failed"), fresh.wanted)
        except (NotApproved, PassFailed) as error:
            record_stopped(registry, done, error.message)
            raise
        except KeyboardInterrupt:
            record_stopped(registry, done, "interrupted", RunState.ABORTED)
            kept = account.computed + account.found + account.taken
            progress.message(f"pass {bound.name}: stopped; {kept:,} rows are kept, mmreg apply {bound.name} goes on")
            raise
        finally:
            progress.done()
        run = publish_pass(registry, done)
        return PassOutcome(run, account.computed, account.found, account.errors, account.taken)


def _is_frozen(bound: BoundPass, fresh: Freshness) -> bool:
    """Whether rows of another recipe forbid to compute any. Raises `PassFailed` where they must not be there."""
    others = fresh.of_others(bound.generation)
    if bound.spec.on_change == "fail" and others:
        raise PassFailed(
            f"pass {bound.name}: its recipe changed since it made {others:,} rows, and on_change is 'fail'",
            hint="declare it as it was, or on_change: new_version",
        )
    return bound.spec.on_change == "freeze" and others > 0


def _answered(registry: Registry, newest: Snapshot, bound: BoundPass, fresh: Freshness) -> list[lance.LanceDataset]:
    """Versions with answers of this generation: the newest, and the one that the pass published last."""
    if not worth_a_look(newest.layout, fresh.rows, best_measure(registry, bound)):
        return []
    generation = f"{bound.generation:016x}"
    last = registry.catalog.last_run("pass", bound.name)
    found = [newest.table] if generation in fresh.generations() else []
    if last is not None and last.facets["pass"]["generation"] == generation:
        made = next((o.lance_version for o in last.outputs if o.dataset == bound.root), None)
        if made is not None and made in registry.lake.versions_on_disk(bound.root):
            found = [newest.table, registry.lake.table(bound.root, made)]
    return [table for table in found if bound.state in table.schema.names]


@dataclass(frozen=True)
class _Computing:
    """Calling a pass for rows, and once more for those that failed where it is declared so."""

    bound: BoundPass
    portions: RowPortions | GroupPortions
    caller: Caller
    stage: Stage
    account: Account
    progress: Progress
    terms: Terms

    def run(self, remaining: Mapping[int, Pending]) -> None:
        """Stage a result for every row."""
        self._compute(remaining)
        if self.bound.spec.on_error != "retry" or not isinstance(self.portions, RowPortions):
            return
        for attempt in range(RETRIES):
            failed = self.account.forget_failed()
            if not failed:
                return
            rows = sum(map(len, failed.values()))
            self.progress.start(f"pass {self.bound.name}: {rows:,} failed rows again", rows)
            time.sleep(PAUSE_S * 2**attempt)
            self._compute(failed)

    def _compute(self, rows: Mapping[int, Pending]) -> None:
        with closing(self._engine().compute(self.portions.read(rows), self.caller)) as results:
            for portion, staged in results:
                failed = self.account.add(portion.fragments, staged)
                self.progress.advance(staged.num_rows, failed)
                self.terms.spent(self.caller.cost())

    def _engine(self) -> LocalEngine | ProcessEngine:
        workers = self.bound.spec.workers
        return LocalEngine(self.stage) if workers == 1 else ProcessEngine(self.stage, workers)
