"""The local engine: read pending rows, call the pass, stage what it answers, publish once.

Compute is not commit. Results are staged at least every `FLUSH_S` seconds or `FLUSH_BYTES`, so a killed run repeats
at most one flush; publishing is one short step that repeats no call, whatever lands meanwhile.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from mmreg.curation.bind import BoundPass
from mmreg.curation.calling import call, staged_rows
from mmreg.curation.freshness import (
    Freshness,
    Pending,
    RowSet,
    examine,
    recipe_of,
    seen_columns,
)
from mmreg.curation.pending import PendingRows
from mmreg.curation.standing import Standing
from mmreg.errors import PassFailed
from mmreg.registry.clock import now
from mmreg.registry.commit import Draft, Seen, publish
from mmreg.registry.derive import completed, repoint
from mmreg.registry.fingerprint import light_columns, row_fingerprints
from mmreg.registry.media import with_bytes
from mmreg.registry.objects import put_object
from mmreg.registry.operations.columns import ColumnPublisher, Prepared, row_ids_of
from mmreg.registry.runs import new_run_id
from mmreg.registry.snapshot import Snapshot
from mmreg.registry.stage import Stage
from mmreg.schemas.arrow import ERROR
from mmreg.schemas.cells import child, values, whole
from mmreg.schemas.progress import Progress
from mmreg.schemas.run import Job, Run, RunInput, RunState

if TYPE_CHECKING:
    import lance

    from mmreg.registry.api import Registry

FLUSH_S = 30.0
FLUSH_BYTES = 64 * 1024 * 1024
BATCH_ROWS = 256
"""Rows with media in one call."""
TRIAL_ROWS = 100
"""The error rate is judged from this many rows on."""


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
        table = newest.table
        rows = RowSet(table, bound, registry.base_selection(bound.spec.from_, bound.spec.split))
        chosen_by = (registry.latest_input(bound.spec.from_),) if bound.spec.from_ != bound.root else ()
        fresh = examine(newest, bound, rows, registry.pass_summary(bound.name))
        stage = Stage(registry.lake.store, bound.root, bound.name, bound.generation)
        if not fresh.pending:
            stage.clear()
            return PassOutcome(None)
        started = now()
        progress.start(f"pass {bound.name}", fresh.rows)
        try:
            work = _Work(registry, bound, table, stage, progress)
            work.compute(fresh)
        finally:
            progress.done()
        run = Run(
            id=new_run_id(),
            job=Job("pass", bound.name),
            state=RunState.COMPLETE,
            started_at=started,
            ended_at="",
            inputs=(registry.version_input(bound.root, table, tuple(bound.read())), *inputs, *chosen_by),
            facets={"pass": _facet(bound, work)},
        )
        read = registry.version_at(bound.root, table.version)
        seen = Seen(read.lance_version, read.ordinal) if read.lance_version is not None else None
        builder = _ColumnsBuilder(registry, bound, newest, rows, fresh, work, stage)
        landed = publish(registry.lake, bound.root, run, builder, seen)
        if landed is not None:
            registry.record(landed)
            if bound.spec.from_ != bound.root:
                landed = repoint(registry, bound.spec.from_, bound.root, landed)
                registry.record(landed)
        stage.clear()
        return PassOutcome(landed, work.computed, work.found, work.errors)


class _Work:
    """One run's computing: counts, and what every fragment came to."""

    def __init__(
        self,
        registry: Registry,
        bound: BoundPass,
        table: lance.LanceDataset,
        stage: Stage,
        progress: Progress,
    ) -> None:
        self._bound, self._table, self._stage, self._progress = bound, table, stage, progress
        self._light = light_columns(table.schema, bound.inputs.values())
        self._rows = PendingRows(table, list(bound.inputs.values()), BATCH_ROWS)
        self._media_root = registry.media_root(bound.root) if self._rows.media else None
        self._buffer: list[pa.RecordBatch] = []
        self._buffered = 0
        self._flushed = time.monotonic()
        self._opened = False
        self._resuming = not stage.is_empty()
        self._last_error = ""
        self.computed = self.found = self.errors = 0
        self.outcomes: dict[int, tuple[int, int]] = {}

    def compute(self, fresh: Freshness) -> None:
        """Stage a result for every pending row that has none yet."""
        try:
            for fragment_id, pending in fresh.pending.items():
                self._fragment(fragment_id, pending)
        finally:
            self._flush()
        self._refuse_sick(fresh.failed + sum(failed for _, failed in self.outcomes.values()), fresh.wanted)

    def _fragment(self, fragment_id: int, pending: Pending) -> None:
        done = failed = 0
        remaining, staged_done, staged_failed = self._without_staged(fragment_id, pending)
        done, failed = staged_done, staged_failed
        for batch in self._rows.read(fragment_id, remaining):
            answer = self._call(batch)
            wrong = self._wrong(answer)
            done += answer.num_rows - wrong
            failed += wrong
            self.computed += answer.num_rows
            self.errors += wrong
            self._buffer.append(answer)
            self._buffered += answer.nbytes
            self._check_error_rate()
            if self._due():
                self._flush()
            self._progress.advance(answer.num_rows)
        self.outcomes[fragment_id] = (done, failed)

    def _wrong(self, answer: pa.RecordBatch) -> int:
        errors = child(answer.column(self._bound.state), "error").drop_null()
        if len(errors):
            self._last_error = str(errors[-1].as_py())
        return len(errors)

    def _without_staged(self, fragment_id: int, pending: Pending) -> tuple[Pending, int, int]:
        """The pending rows that nothing is staged for with the inputs they have now, and how the others ended."""
        if not self._resuming:
            return pending, 0, 0
        if pending is None:
            pending = row_ids_of(self._table, fragment_id)
        if (staged := self._stage.read(pending)) is None:
            return pending, 0, 0
        state = staged[self._bound.state]
        rows = self._table._take_rows(values(staged["_rowid"]), columns=[*self._light, "_rowid"])
        inputs_now = row_fingerprints(_light_batch(rows, self._light), self._light)
        now_inputs = dict(zip(values(rows["_rowid"]), inputs_now.tolist(), strict=True))
        row_ids, inputs = values(staged["_rowid"]), values(child(state, "inputs"))
        valid = np.array([now_inputs.get(r) == i for r, i in zip(row_ids, inputs, strict=True)], bool)
        failed = int((valid & (child(state, "state").to_numpy() == ERROR)).sum())
        self.found += int(valid.sum())
        self._progress.advance(int(valid.sum()))
        return (
            pending[~np.isin(pending, np.array(row_ids, np.uint64)[valid])],
            int(valid.sum()) - failed,
            failed,
        )

    def _call(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        if not self._opened:
            self._bound.operator.open()
            self._opened = True
        filled = with_bytes(batch, self._media_root, tolerant=True)
        own = pa.RecordBatch.from_arrays(
            [filled.column(column) for column in self._bound.inputs.values()], names=list(self._bound.inputs)
        )
        inputs = row_fingerprints(_light_batch(batch, self._light), self._light)
        staged = staged_rows(self._bound, batch.column("_rowid"), inputs, call(self._bound, own))
        # Copied: an array from Lance, be it of row ids, keeps its whole batch in memory, with the media in it.
        return staged.take(np.arange(staged.num_rows)) if self._rows.media else staged

    def _check_error_rate(self) -> None:
        if self._bound.spec.on_error == "fail" and self.errors:
            raise PassFailed(
                f"pass {self._bound.name}: {self.errors} rows failed, and on_error is 'fail'", hint="on_error: skip"
            )
        if self.computed >= TRIAL_ROWS:
            self._refuse_sick(self.errors, self.computed)

    def _refuse_sick(self, failed: int, rows: int) -> None:
        if failed > self._bound.spec.max_error_rate * rows:
            raise PassFailed(
                f"pass {self._bound.name}: {failed} of {rows} rows failed, above max_error_rate "
                f"{self._bound.spec.max_error_rate:g}; nothing was published. The last one: {self._last_error}",
                hint=f"mend the pass (with a new version), then: mmreg apply {self._bound.name}",
            )

    def _due(self) -> bool:
        return self._buffered >= FLUSH_BYTES or time.monotonic() - self._flushed >= FLUSH_S

    def _flush(self) -> None:
        if self._buffer:
            self._stage.write(pa.Table.from_batches(self._buffer))
        self._buffer, self._buffered = [], 0
        self._flushed = time.monotonic()


class _ColumnsBuilder:
    """Drafts the columns on whatever version is newest, with the summary that the next plan will read."""

    def __init__(
        self,
        registry: Registry,
        bound: BoundPass,
        examined: Snapshot,
        rows: RowSet,
        fresh: Freshness,
        work: _Work,
        stage: Stage,
    ) -> None:
        self._registry, self._bound, self._examined = registry, bound, examined
        self._rows, self._fresh, self._work = rows, fresh, work
        idle = set(examined.layout.fragments.tolist()) - fresh.pending.keys()
        self._publisher = ColumnPublisher(bound.columns(), bound.state, stage.read, idle)

    def __call__(self, table: lance.LanceDataset | None) -> Draft | None:
        assert table is not None
        prepared = self._publisher.operation(table)
        if prepared is None:
            return None
        columns = tuple(self._bound.outputs.values())
        summary = self._standing(table, prepared).dump(recipe_of(self._bound, self._rows))
        digest = put_object(self._registry.lake.store, summary)
        facet = {**_facet(self._bound, self._work), "summary": digest}
        return Draft(prepared.operation, "root", table.count_rows(), columns=columns, facets={"pass": facet},
                     rejected=self._registry.rejected_count(self._bound.root))  # fmt: skip

    def _standing(self, table: lance.LanceDataset, prepared: Prepared) -> Standing:
        """How each fragment stands after this commit, as far as that is sure; the others are examined again.

        Not sure are those that moved since they were examined, and those where less is staged than was computed: a
        process that was stopped for so long that its lease ran out may find its results published and cleared.
        """
        columns = seen_columns(self._bound)
        newest = self._examined if table.version == self._examined.table.version else Snapshot(table)
        before = newest.layout.fingerprints(columns)
        after = newest.layout.after(prepared.changed, prepared.schema).fingerprints(columns)
        there, places = self._fresh.standing.find(newest.layout.fragments)
        examined = self._fresh.standing.at(places)
        computed, found = self._work.outcomes, self._publisher.found
        short = [number for number, rows in computed.items() if found.get(number, 0) < sum(rows)]
        sure = (examined.seen == before[there]) & ~np.isin(examined.fragments, short)
        still = replace(examined, seen=after[there]).at(sure)
        return still.computed(self._work.outcomes, f"{self._bound.generation:016x}")


def _light_batch(rows: pa.RecordBatch | pa.Table, light: list[str]) -> pa.RecordBatch:
    arrays = []
    for name in light:
        column, _, inner = name.partition(".")
        arrays.append(child(rows.column(column), inner) if inner else whole(rows.column(column)))
    return pa.RecordBatch.from_arrays(arrays, names=light)


def _facet(bound: BoundPass, work: _Work) -> dict[str, object]:
    return {
        "use": bound.spec.use,
        "version": bound.operator.version,
        "kind": bound.operator.kind,
        "scope": bound.operator.scope,
        "role": bound.operator.role,
        "generation": f"{bound.generation:016x}",
        "code": bound.code,
        "params": dict(bound.spec.params),
        "inputs": dict(bound.inputs),
        "outputs": dict(bound.outputs),
        "computed": work.computed,
        "resumed": work.found,
        "derived": bound.spec.from_ if bound.spec.from_ != bound.root else None,
        "errors": work.errors,
    }
