"""What differs between passes of scope `row` and those of scope `group` and `table`, behind the same names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mmreg.curation.bind import BoundPass
from mmreg.curation.calling import Caller
from mmreg.curation.freshness import Freshness, RowSet
from mmreg.curation.freshness import examine as examine_rows
from mmreg.curation.group_portions import GroupCaller, GroupPortions
from mmreg.curation.groups import examine_groups
from mmreg.curation.portions import RowPortions

if TYPE_CHECKING:
    from mmreg.registry.api import Registry
    from mmreg.registry.snapshot import Snapshot


def examine(
    newest: Snapshot, bound: BoundPass, rows: RowSet, summary: bytes | None, *, errors_only: bool = False
) -> Freshness:
    """What a pass has to do on a version. Reads nothing where nothing moved."""
    look = examine_rows if bound.operator.scope == "row" else examine_groups
    return look(newest, bound, rows, summary, errors_only=errors_only)


def portions_of(registry: Registry, newest: Snapshot, bound: BoundPass, rows: RowSet) -> RowPortions | GroupPortions:
    """Reads pending rows, or the groups that they belong to."""
    if bound.operator.scope == "row":
        return RowPortions(registry, newest.table, bound)
    return GroupPortions(newest.table, bound, rows)


def caller_of(bound: BoundPass) -> Caller:
    """Calls the pass with what was read."""
    return Caller(bound) if bound.operator.scope == "row" else GroupCaller(bound)
