"""Publishing what a pass has staged: its columns, its summary for the next plan, and its run, in one commit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from mmreg.curation.account import Account
from mmreg.curation.bind import BoundPass
from mmreg.curation.freshness import Freshness, seen_columns
from mmreg.curation.people import with_people
from mmreg.errors import Conflict
from mmreg.registry.clock import now
from mmreg.registry.commit import Draft, Seen, publish
from mmreg.registry.derive import repoint
from mmreg.registry.objects import digest_of, put_object
from mmreg.registry.operations.columns import ColumnPublisher, Prepared
from mmreg.registry.runs import new_run_id
from mmreg.registry.snapshot import Snapshot
from mmreg.registry.stage import Stage
from mmreg.registry.standing import Standing
from mmreg.schemas.run import Job, Run, RunInput, RunState
from mmreg.schemas.secrets import redacted

if TYPE_CHECKING:
    import lance

    from mmreg.registry.api import Registry


@dataclass(frozen=True)
class Computed:
    """A pass whose pending rows are staged: what was examined, what came of it and what it cost.

    ``recipe`` is what its summary is about, ``inputs`` what it read besides the versions. ``facets`` go into the run.
    """

    bound: BoundPass
    newest: Snapshot
    fresh: Freshness
    recipe: str
    stage: Stage
    account: Account
    cost: Callable[[], Mapping[str, float]]
    started_at: str
    inputs: tuple[RunInput, ...] = ()
    facets: Mapping[str, Any] = field(default_factory=dict)


def publish_columns(registry: Registry, done: Computed) -> Run | None:
    """One version of the root with the staged columns, and where the pass is from a derived dataset one of that.

    None where others have published the same meanwhile. What was staged is forgotten.
    """
    bound, table = done.bound, done.newest.table
    _refuse_changed(done)
    run = with_people(registry, bound, run_of(registry, done), _annotated(done))
    read = registry.version_at(bound.root, table.version)
    seen = Seen(read.lance_version, read.ordinal) if read.ordinal else None
    landed = publish(registry.lake, bound.root, run, ColumnsBuilder(registry, done), seen)
    if landed is not None:
        registry.record(landed)
        if bound.spec.from_ != bound.root:
            landed = repoint(registry, bound.spec.from_, bound.root, landed)
            registry.record(landed)
    done.stage.clear()
    return landed


def record_stopped(registry: Registry, done: Computed, reason: str, state: RunState = RunState.FAILED) -> None:
    """Record a run that was stopped before it published: what it computed is staged, what it has cost is known."""
    run = run_of(registry, done)
    registry.record(replace(run, state=state, ended_at=now(), facets={**run.facets, "error": reason}))


def run_of(registry: Registry, done: Computed) -> Run:
    """The run that is going to publish."""
    bound, table = done.bound, done.newest.table
    if (prompt := _prompt(bound)) is not None:
        put_object(registry.lake.store, prompt)
    chosen_by = (registry.latest_input(bound.spec.from_),) if bound.spec.from_ != bound.root else ()
    return Run(
        id=new_run_id(),
        job=Job("pass", bound.name),
        state=RunState.COMPLETE,
        started_at=done.started_at,
        ended_at="",
        inputs=(
            registry.version_input(bound.root, table, tuple(bound.read())),
            *done.inputs,
            *chosen_by,
            *(files.source(bound.name) for files in bound.files.values()),
        ),
        facets={**done.facets, "pass": facet(done)},
    )


def facet(done: Computed) -> dict[str, object]:
    """What a run says of its pass."""
    bound, account = done.bound, done.account
    return {
        "use": bound.spec.use,
        "version": bound.operator.version,
        "kind": bound.operator.kind,
        "scope": bound.operator.scope,
        "role": bound.operator.role,
        "generation": f"{bound.generation:016x}",
        "code": bound.code,
        "params": dict(bound.spec.params),
        "prompt": digest_of(prompt) if (prompt := _prompt(bound)) is not None else None,
        "inputs": dict(bound.inputs),
        "outputs": dict(bound.outputs),
        "fingerprinted": list(bound.inputs.values()),
        "seen": seen_columns(bound),
        "computed": account.computed,
        "resumed": account.found,
        "taken": account.taken,
        "derived": bound.spec.from_ if bound.spec.from_ != bound.root and bound.into is None else None,
        **({"into": bound.into, "root": bound.root, "children": dict(bound.children)} if bound.into else {}),
        "errors": account.errors,
        "cost": dict(done.cost()),
    }


def _prompt(bound: BoundPass) -> bytes | None:
    """The prompt as the lake keeps it."""
    return redacted(bound.prompt).encode() if bound.prompt is not None else None


def _refuse_changed(done: Computed) -> None:
    """Raise `Conflict` where a file was written to while it was read: the answers are of no generation then."""
    for files in done.bound.files.values():
        if files.changed:
            done.stage.clear()
            raise Conflict(
                f"pass {done.bound.name}: {files.path} has changed while it was read",
                hint=f"once nobody writes to it: mmreg apply {done.bound.name}",
            )


def _annotated(done: Computed) -> int | None:
    """Rows with an annotation; None where the pass was not called for all that there are."""
    all_of_them = done.fresh.rows == done.newest.table.count_rows() == done.account.computed
    return int(done.cost().get("annotated", 0)) if all_of_them else None


class ColumnsBuilder:
    """Drafts the columns on whatever version is newest, with the summary that the next plan will read."""

    def __init__(self, registry: Registry, done: Computed) -> None:
        self._registry, self._done = registry, done
        idle = set(done.newest.layout.fragments.tolist()) - done.fresh.pending.keys()
        self._publisher = ColumnPublisher(done.bound.columns(), done.bound.state, done.stage.read, idle)

    def __call__(self, table: lance.LanceDataset | None) -> Draft | None:
        assert table is not None
        prepared = self._publisher.operation(table)
        if prepared is None:
            return None
        bound = self._done.bound
        summary = self._standing(table, prepared).dump(self._done.recipe)
        digest = put_object(self._registry.lake.store, summary)
        return Draft(
            prepared.operation,
            "root",
            table.count_rows(),
            columns=tuple(bound.outputs.values()),
            facets={"pass": {**facet(self._done), "summary": digest}},
            rejected=self._registry.rejected_count(bound.root),
        )

    def _standing(self, table: lance.LanceDataset, prepared: Prepared) -> Standing:
        """How each fragment stands after this commit, as far as that is sure; the others are examined again.

        Not sure are those that moved since they were examined, and those where less is staged than was computed: a
        process that was stopped for so long that its lease ran out may find its results published and cleared.
        """
        bound, outcomes = self._done.bound, self._done.account.outcomes
        columns = seen_columns(bound)
        newest = self._done.newest if table.version == self._done.newest.table.version else Snapshot(table)
        before = newest.layout.fingerprints(columns)
        after = newest.layout.after(prepared.changed, prepared.schema).fingerprints(columns)
        there, places = self._done.fresh.standing.find(newest.layout.fragments)
        examined = self._done.fresh.standing.at(places)
        found = self._publisher.found
        short = [number for number, rows in outcomes.items() if found.get(number, 0) < sum(rows)]
        sure = (examined.seen == before[there]) & ~np.isin(examined.fragments, short)
        still = replace(examined, seen=after[there]).at(sure)
        return still.computed(outcomes, bound.generation)
