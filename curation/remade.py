"""Rows that were made from the same before: a renamed video, or the copy of one, is a new sample, and its images are
there already. They are staged for it without a call."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mmreg.curation.account import Account
from mmreg.curation.bind import BoundPass
from mmreg.curation.engine import FLUSH_BYTES
from mmreg.curation.freshness import Pending
from mmreg.curation.making import CHILDREN, child_columns
from mmreg.curation.reuse import Inputs
from mmreg.registry.identity import fixed_width
from mmreg.registry.operations.columns import row_ids_of
from mmreg.registry.stage import Stage
from mmreg.schemas.arrow import DONE, MADE_FOR, ORIGIN, STATE
from mmreg.schemas.cells import child, values, whole
from mmreg.schemas.fingerprint import NOTHING, light_columns, output_prints

if TYPE_CHECKING:
    import lance

    from mmreg.registry.api import Registry

ROWS = 8192


def last_made(registry: Registry, bound: BoundPass) -> lance.LanceDataset | None:
    """The rows that ``bound`` has made; None where those that are there are of another recipe."""
    last = registry.catalog.last_run("pass", bound.name)
    same = last is not None and last.facets["pass"]["generation"] == f"{bound.generation:016x}"
    return registry.newest(bound.into).table if same and bound.into is not None and not bound.lost else None


def without_made(
    read: lance.LanceDataset,
    made: lance.LanceDataset,
    bound: BoundPass,
    inputs: Inputs,
    pending: Mapping[int, Pending],
    stage: Stage,
    account: Account,
) -> Mapping[int, Pending]:
    """The pending rows of ``read`` from whose inputs nothing in ``made`` was made; the others' new rows are staged."""
    rows = {number: row_ids_of(read, number) if ids is None else ids for number, ids in pending.items()}
    prints = {number: inputs.fingerprints(row_ids) for number, row_ids in rows.items()}
    wanted = {told for of_fragment in prints.values() for told in of_fragment.values()}
    there = _made_from(made, bound, wanted) if wanted else {}
    remaining: dict[int, Pending] = {}
    for number, row_ids in rows.items():
        known = [row for row in row_ids.tolist() if prints[number].get(row) in there]
        copies = (_copy(made, bound, row, prints[number][row], there) for row in known)
        for portion in _portions(copies):
            stage.write(portion)
            for batch in portion.to_batches():
                account.take(number, batch)
        left = row_ids[~np.isin(row_ids, np.array(known, np.uint64))]
        if len(left):
            remaining[number] = left if known else pending[number]
    return remaining


def _portions(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.Table]:
    """Some batches together, until they have `FLUSH_BYTES`."""
    waiting: list[pa.RecordBatch] = []
    for batch in batches:
        waiting.append(batch)
        if sum(one.nbytes for one in waiting) >= FLUSH_BYTES:
            yield pa.Table.from_batches(waiting)
            waiting = []
    if waiting:
        yield pa.Table.from_batches(waiting)


def _made_from(made: lance.LanceDataset, bound: BoundPass, wanted: set[int]) -> dict[int, NDArray[np.uint64]]:
    """For each of the ``wanted`` inputs the rows that this generation has made of it for one sample, in their order.

    Left out are inputs of which a row is no longer what was written.
    """
    found: dict[int, tuple[bytes, list[int]]] = {}
    spoilt: set[int] = set()
    for batch in _scan(made, bound):
        state = batch.column(bound.state)
        whole_cells = output_prints(batch, _light(bound)) == child(state, "outputs").fill_null(0).to_numpy()
        mine = child(state, "generation").fill_null(0).to_numpy() == np.uint64(bound.generation)
        owners = fixed_width(batch.column(MADE_FOR.name)).tolist()
        row_ids = values(batch.column("_rowid"))
        for place, told in enumerate(child(state, "inputs").fill_null(0).to_numpy().tolist()):
            if told not in wanted or not mine[place]:
                continue
            owner, of_owner = found.setdefault(told, (owners[place], []))
            if owner == owners[place]:
                of_owner.append(row_ids[place])
                if not whole_cells[place]:
                    spoilt.add(told)
    return {told: np.sort(np.array(rows, np.uint64)) for told, (_, rows) in found.items() if told not in spoilt}


def _scan(made: lance.LanceDataset, bound: BoundPass) -> Iterator[pa.RecordBatch]:
    columns = [MADE_FOR.name, bound.state, *_light(bound)]
    yield from made.scanner(columns=columns, with_row_id=True, batch_size=ROWS, batch_readahead=2).to_batches()


def _light(bound: BoundPass) -> list[str]:
    columns = bound.made_columns()
    return light_columns(columns, columns.names)


def _copy(
    made: lance.LanceDataset, bound: BoundPass, row: int, inputs: int, there: Mapping[int, NDArray[np.uint64]]
) -> pa.RecordBatch:
    """What is staged for one row, with the rows that were made from the same."""
    return _staged(bound, row, inputs, _children(made, bound, there[inputs]))


def _children(made: lance.LanceDataset, bound: BoundPass, row_ids: NDArray[np.uint64]) -> pa.Array[Any]:
    """The rows with ``row_ids`` as a pass would have answered them."""
    names = list(bound.children.values())
    rows = made._take_rows(row_ids.tolist(), columns=[*names, ORIGIN.name, "_rowid"]).sort_by("_rowid")
    prefix = f"{bound.name}@{bound.generation:016x}"
    said = [origin.removeprefix(prefix).removeprefix(": ") or None for origin in values(rows[ORIGIN.name])]
    cells: list[pa.Array[Any]] = [whole(rows[name]) for name in names]
    return pa.StructArray.from_arrays([*cells, pa.array(said, pa.string())], fields=list(child_columns(bound)))


def _staged(bound: BoundPass, row: int, inputs: int, children: pa.Array[Any]) -> pa.RecordBatch:
    state: pa.Array[Any] = pa.array(
        [{"generation": bound.generation, "inputs": inputs, "state": DONE, "error": None, "outputs": NOTHING}], STATE
    )
    lists: pa.Array[Any] = pa.ListArray.from_arrays(pa.array([0, len(children)], pa.int32()), children)
    return pa.RecordBatch.from_arrays([pa.array([row], pa.uint64()), state, lists], ["_rowid", bound.state, CHILDREN])
