"""Where duplicates are looked for beside the rows at hand: among the splits of the version, or in another version."""

from __future__ import annotations

import pyarrow as pa

from mmreg.errors import UsageError
from mmreg.schemas.check_spec import CheckSpec
from mmreg.schemas.refs import VersionRef
from mmreg.validators.table import Table
from mmreg.validators.world import Rows

SPLITS = "splits"
IDS = "sample_id"


def open_other(spec: CheckSpec, table: Table, ref: str, column: str, dtype: pa.DataType) -> Rows:
    """The version ``ref``, which has ``column`` as well and is not the one that is checked, or `UsageError`."""
    world = table.around(spec.check)
    rows = world.open(str(VersionRef.parse(ref)))
    if Table(rows.schema).type(column) != dtype:
        raise UsageError(
            f"{spec.check}: {column} of {rows.ref} is {Table(rows.schema).type(column)}, here it is {dtype}"
        )
    if rows.uuid == world.open(table.ref).uuid:
        raise UsageError(
            f"{spec.check}: 'across' names the version that is checked, which has all of its own media",
            hint="without 'across' its rows are compared with each other",
        )
    return rows


def open_splits(spec: CheckSpec, table: Table) -> list[tuple[str, Rows]]:
    """The splits of the version, the largest first: what is found twice is then found in the smaller one."""
    world = table.around(spec.check)
    splits = [(name, world.open(table.ref, name)) for name in world.splits()]
    if not splits:
        raise UsageError(
            f"{spec.check}: {table.ref} has no splits to compare", hint="use: split, or name another version"
        )
    return sorted(splits, key=lambda split: (-len(split[1]), split[0]))
