"""The rows of a pass that failed, each with its reason."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from mmreg.curation.selections import SELECTIONS
from mmreg.errors import NotFound, UsageError
from mmreg.registry.lake import reading
from mmreg.schemas.arrow import ERROR, SOURCE, state_column
from mmreg.schemas.cells import child, values
from mmreg.schemas.document import roots_of
from mmreg.schemas.plan import FailedRow
from mmreg.schemas.suggest import did_you_mean

if TYPE_CHECKING:
    from mmreg.registry.api import Registry

ROWS = 8192
"""Rows that are looked at together."""


def failed_rows(registry: Registry, name: str) -> Iterator[FailedRow]:
    """The failed rows of the newest version, in its order.

    Raises `NotFound` for a pass that is not declared, and `UsageError` for one that makes no columns.
    """
    declared = registry.spec.passes.get(name)
    if declared is None:
        raise NotFound(f"no pass {name!r}{did_you_mean(name, registry.spec.passes)}", hint="mmreg status")
    if declared.use in SELECTIONS:
        raise UsageError(f"pass {name} chooses rows and calls nothing, so none of them can fail", hint="mmreg status")
    return _failed(registry, roots_of(registry.spec, declared.from_), state_column(name))


def _failed(registry: Registry, root: str, state: str) -> Iterator[FailedRow]:
    table = registry.newest(root).table
    if state not in table.schema.names:
        return
    columns = [name for name in ("sample_id", SOURCE.name, state) if name in table.schema.names]
    with reading(root):
        for batch in table.scanner(columns=columns, batch_size=ROWS, scan_in_order=True).to_batches():
            outcome = child(batch.column(state), "state").fill_null(0).to_numpy()
            there = batch.column(state).is_valid().to_numpy(zero_copy_only=False)
            yield from map(_told, values(_whole(batch.filter(pa.array(there & np.equal(outcome, ERROR))), state)))


def _whole(batch: pa.RecordBatch, state: str) -> pa.Array[Any]:
    names = ["state" if name == state else name for name in batch.schema.names]
    return pa.StructArray.from_arrays(batch.columns, names=names)


def _told(row: dict[str, Any]) -> FailedRow:
    state, source = row["state"], row.get(SOURCE.name) or {}
    return FailedRow(row["sample_id"].hex(), source.get("uri"), state["error"], f"{state['generation']:016x}")
