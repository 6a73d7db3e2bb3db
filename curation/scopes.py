"""What differs between kinds and scopes of passes while they run, behind the same names."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mmreg.curation.bind import BoundPass
from mmreg.curation.calling import Caller
from mmreg.curation.freshness import Freshness, RowSet
from mmreg.curation.freshness import examine as examine_rows
from mmreg.curation.group_portions import GroupCaller, GroupPortions
from mmreg.curation.groups import examine_groups
from mmreg.curation.make_rows import RowStage, everything, orphans, publish_rows, refuse_other_rows
from mmreg.curation.making import RowMaker
from mmreg.curation.portions import RowPortions
from mmreg.curation.publishing import Computed, publish_columns
from mmreg.registry.derive import completed
from mmreg.registry.drop import take_up
from mmreg.registry.made import complete_state
from mmreg.registry.stage import Stage

if TYPE_CHECKING:
    from mmreg.registry.api import Registry
    from mmreg.registry.snapshot import Snapshot
    from mmreg.schemas.run import Run


def as_now(registry: Registry, bound: BoundPass) -> BoundPass:
    """``bound`` as another process has left its datasets, with the last of its runs made whole."""
    last = registry.catalog.last_run("pass", bound.name)
    if last is not None and completed(registry, last) is None:
        complete_state(registry, last)
    if bound.into is None:
        return bound
    take_up(registry, bound.into)
    found = replace(bound, lost=not registry.lake.versions_on_disk(bound.into))
    refuse_other_rows(registry, found)
    return found


def examine(
    newest: Snapshot, bound: BoundPass, rows: RowSet, summary: bytes | None, *, errors_only: bool = False
) -> Freshness:
    """What a pass has to do on a version. Reads nothing where nothing moved."""
    if bound.lost:
        return everything(newest, rows)
    look = examine_rows if bound.operator.scope == "row" else examine_groups
    return look(newest, bound, rows, summary, errors_only=errors_only)


def portions_of(
    registry: Registry, newest: Snapshot, bound: BoundPass, rows: RowSet, fresh: Freshness
) -> RowPortions | GroupPortions:
    """Reads pending rows, or the groups that they belong to."""
    if bound.operator.scope == "row":
        return RowPortions(registry, newest.table, bound)
    return GroupPortions(newest.table, bound, rows, fresh)


def caller_of(bound: BoundPass) -> Caller:
    """Calls the pass with what was read."""
    if bound.into is not None:
        return RowMaker(bound)
    return Caller(bound) if bound.operator.scope == "row" else GroupCaller(bound)


def stage_of(registry: Registry, bound: BoundPass) -> Stage:
    """Where its results wait to be published."""
    if bound.into is not None:
        return RowStage(registry.lake.store, bound, bound.generation)
    return Stage(registry.lake.store, bound.root, bound.name, bound.generation)


def publish_pass(registry: Registry, done: Computed) -> Run | None:
    """Make what is staged a version, or two. None where nothing was left to publish."""
    return publish_columns(registry, done) if done.bound.into is None else publish_rows(registry, done)


def gone(registry: Registry, bound: BoundPass) -> int:
    """How many rows that a pass has made are to go with the samples that they were made for."""
    newest = registry.newest(bound.root)
    rows = RowSet(newest.table, bound, registry.base_selection(bound.spec.from_, bound.spec.split))
    return orphans(registry, bound, newest, rows.digest)
