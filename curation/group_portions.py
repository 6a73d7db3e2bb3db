"""The rows of groups that moved, one group a portion, and calling a pass for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from mmreg.curation.bind import BoundPass
from mmreg.curation.calling import Caller
from mmreg.curation.engine import Portion
from mmreg.curation.freshness import Freshness, Pending, RowSet
from mmreg.curation.groups import GroupFreshness, Groups, Mask, Prints, read_groups
from mmreg.curation.pending import DENSE
from mmreg.curation.protocol import Updating
from mmreg.errors import MmregError
from mmreg.registry.identity import fixed_width
from mmreg.schemas.arrow import media_kind
from mmreg.schemas.cells import whole

if TYPE_CHECKING:
    import lance

PORTION_ROWS = 8192
"""Small groups are read so many rows at a time."""


@dataclass(frozen=True)
class GroupPortion(Portion):
    """A whole group. ``known`` is what `Updating.update` is told; None where nothing is known, or nobody asks."""

    known: pa.RecordBatch | None


class GroupPortions:
    """Reads the groups of ``table`` that ``bound`` is for. Memory: the largest group, and 50 bytes a row."""

    def __init__(self, table: lance.LanceDataset, bound: BoundPass, rows: RowSet, fresh: Freshness) -> None:
        self._table, self._bound = table, bound
        known = fresh.groups if isinstance(fresh, GroupFreshness) else None
        self._groups: Groups = known if known is not None else read_groups(table, bound, rows)
        self._columns = list(dict.fromkeys(["sample_id", *bound.inputs.values()]))
        self._seen = self._seen_rows()

    def read(self, pending: Mapping[int, Pending]) -> Iterator[Portion]:
        """Every group that has ``pending`` rows."""
        groups, waiting = self._groups, np.zeros(len(self._groups.row_ids), bool)
        for number, row_ids in pending.items():
            here = slice(*np.searchsorted(groups.fragments, [number, number + 1]))
            waiting[here] |= True if row_ids is None else np.isin(groups.row_ids[here], row_ids)
        places = np.flatnonzero(groups.whole(waiting))
        places = places[np.argsort(groups.numbers[places], kind="stable")]
        ends = np.flatnonzero(np.diff(groups.numbers[places], append=-1)) + 1
        start = 0
        while start < len(places):
            first, after = np.searchsorted(ends, [start, start + PORTION_ROWS], side="right")
            stop = int(ends[max(first, after - 1)])
            yield from self._portions(places[start:stop])
            start = stop

    def fingerprints(self, row_ids: NDArray[np.uint64]) -> dict[int, int]:
        """What the state of rows should say of their inputs; rows that are not there are left out."""
        groups, order = self._groups, self._groups.by_row_id
        places = np.searchsorted(groups.row_ids, row_ids, sorter=order)
        here = order[places[places < len(order)]]
        found = here[np.isin(groups.row_ids[here], row_ids)]
        return dict(zip(groups.row_ids[found].tolist(), groups.due[found].tolist(), strict=True))

    def _seen_rows(self) -> Mask:
        """Rows that an answer in the table was given for as they are now, in each group the same answer."""
        groups = self._groups
        told = groups.computed & groups.intact & (groups.generation == self._bound.generation)
        seen = np.zeros(len(told), bool)
        if isinstance(self._bound.operator, Updating) and told.any():
            seen[told] = _most_frequent(groups.numbers[told], groups.inputs[told] - groups.own[told])
        return seen

    def _portions(self, places: NDArray[np.int64]) -> Iterator[Portion]:
        """The groups at ``places``, which are whole and one behind the other."""
        groups = self._groups
        asked = bool(self._seen[places].any())
        rows = self._rows(places, list(self._bound.outputs.values()) if asked else [])
        ids = fixed_width(rows["sample_id"])
        order = np.lexsort((np.argsort(np.argsort(ids)), groups.numbers[places]))
        places, rows = places[order], rows.take(order)
        for start, stop in _runs(groups.numbers[places]):
            here = places[start:stop]
            part = rows.slice(start, stop - start).combine_chunks()
            seen = self._seen[here]
            yield GroupPortion(
                row_ids=groups.row_ids[here],
                fragments=groups.fragments[here],
                inputs=groups.due[here],
                batch=self._batch(part),
                known=self._known(part, seen) if seen.any() else None,
            )

    def _rows(self, places: NDArray[np.int64], made: list[str]) -> pa.Table:
        """Whole rows in the order of ``places``, of media all but the bytes."""
        schema, row_ids = self._table.schema, self._groups.row_ids[places]
        columns = list(dict.fromkeys(light for name in [*self._columns, *made] for light in _light(schema.field(name))))
        if len(row_ids) >= DENSE * self._table.count_rows():
            found = self._table.scanner(columns=columns, with_row_id=True).to_table()
        else:
            found = self._table._take_rows(row_ids.tolist(), columns=[*columns, "_rowid"])
        there = found["_rowid"].to_numpy().astype(np.uint64)
        order = np.argsort(there)
        return found.take(order[np.searchsorted(there, row_ids, sorter=order)])

    def _batch(self, rows: pa.Table) -> pa.RecordBatch:
        schema = self._table.schema
        cells = {own: _cells(rows, schema.field(column)) for own, column in self._bound.inputs.items()}
        return pa.record_batch({"sample_id": whole(rows["sample_id"]), **cells})

    def _known(self, rows: pa.Table, seen: Mask) -> pa.RecordBatch:
        schema = self._table.schema
        places: pa.Array[Any] = pa.array(np.arange(len(seen)), mask=~seen)
        told = {own: _cells(rows, schema.field(name)).take(places) for own, name in self._bound.outputs.items()}
        return pa.record_batch({**told, "known": pa.array(seen)})


class GroupCaller(Caller):
    """Calls a pass with whole groups: where it raises, all rows of the group have failed."""

    def ask(self, portion: Portion) -> pa.RecordBatch:
        rows, operator = portion.batch.num_rows, self.bound.operator
        known = portion.known if isinstance(portion, GroupPortion) else None
        self.calls += rows
        try:
            if known is not None and isinstance(operator, Updating):
                answer = operator.update(portion.batch, known)
            else:
                answer = operator(portion.batch)
        except MmregError:
            raise
        except Exception as error:  # a plug-in may raise anything
            return self.failed(rows, f"{type(error).__name__}: {error}")
        return self.checked(rows, answer)


def _most_frequent(numbers: NDArray[np.int64], with_group: Prints) -> Mask:
    """Of rows with their group's number and its fingerprint when they were computed: those that agree with most.

    A row that moved since has some number instead of a fingerprint, which nobody agrees with.
    """
    both = with_group + numbers.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    _, first, pair, counts = np.unique(both, return_index=True, return_inverse=True, return_counts=True)
    order = np.lexsort((-counts, numbers[first]))
    _, best = np.unique(numbers[first][order], return_index=True)
    most = np.zeros(len(counts), bool)
    most[order[best]] = True
    chosen: Mask = most[pair]
    return chosen


def _runs(numbers: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """Where each run of equal numbers starts and stops."""
    edges = [0, *(np.flatnonzero(np.diff(numbers)) + 1).tolist(), len(numbers)]
    yield from pairwise(edges)


def _light(field: pa.Field[Any]) -> list[str]:
    if not media_kind(field.type):
        return [field.name]
    return [f"{field.name}.{part.name}" for part in field.type if part.name != "bytes"]


def _cells(rows: pa.Table, field: pa.Field[Any]) -> pa.Array[Any]:
    """One column; a media cell without its bytes."""
    dtype: Any = field.type
    if not media_kind(dtype):
        return whole(rows[field.name])
    parts = []
    for part in dtype:
        light = f"{field.name}.{part.name}"
        if part.name == "bytes":
            parts.append(pa.nulls(len(rows), part.type))
        elif light in rows.schema.names:
            parts.append(whole(rows[light]))
        else:
            parts.append(whole(pc.struct_field(rows[field.name], part.name)))
    absent = parts[dtype.get_field_index("sha256")].is_null()
    return pa.StructArray.from_arrays(parts, fields=list(dtype), mask=absent)
