"""Publishing the columns of a pass: the results of many calls joined to the newest rows by row id.

The first time a pass publishes, its columns are new: a Merge writes one file for each fragment that has
results (rows without one are null). Later only fragments with new results are written again, by an Update of
these columns. It names the table's first fragment too, changed or not: else Lance would rebase it over a
publish of other fragments, and both would have drafted the same ordinal.

Fragments already prepared are used again after a lost race, except where their data files, or the table's
columns, changed meanwhile: metadata of one version is never carried into another that differs in more than
deletions.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from mmreg.registry.snapshot import file_paths
from mmreg.schemas.cells import child, whole
from mmreg.schemas.fingerprint import light_columns, output_prints

if TYPE_CHECKING:
    import lance
    from lance.fragment import FragmentMetadata, LanceFragment
    from lance.schema import LanceSchema

Results = Callable[[NDArray[np.uint64]], "pa.Table | None"]
"""From the row ids of a fragment to what is staged for them: ``_rowid`` and the columns, in any order."""


@dataclass(frozen=True)
class Prepared:
    """An operation, the fragments that it changes as they will be after it, and the table's fields by then."""

    operation: lance.LanceOperation.BaseOperation
    changed: list[FragmentMetadata]
    schema: LanceSchema


class ColumnPublisher:
    """Builds the operation for one pass on whatever version is newest, reusing files between attempts.

    ``idle`` are ids of fragments for whose rows nothing is staged: these are not looked at. ``found`` counts, by
    fragment, the rows for which something was.
    """

    def __init__(self, columns: pa.Schema, state: str, results: Results, idle: Collection[int] = frozenset()) -> None:
        self._columns = columns
        self._state = state
        self._results = results
        self._idle = idle
        self.found: dict[int, int] = {}
        self._prepared: dict[object, tuple[FragmentMetadata, bytes | None] | None] = {}
        self._shape: object = None
        self._schema: LanceSchema | None = None
        self._modified: list[int] = []

    def operation(self, table: lance.LanceDataset) -> Prepared | None:
        """The operation on ``table``; None where no row is new."""
        import lance

        shape = tuple((field.name(), field.id()) for field in table.lance_schema.fields())
        if shape != self._shape:
            self._prepared.clear()
            self._shape = shape
        first = self._state not in table.schema.names
        changed: dict[int, FragmentMetadata] = {}
        offsets: dict[int, bytes] = {}
        numbers = list(table.fragment_ids())
        for number in numbers:
            prepared = None if number in self._idle else self._prepare(_fragment(table, number), first)
            if prepared is not None:
                changed[number] = prepared[0]
                if prepared[1] is not None:
                    offsets[number] = prepared[1]
        if not changed:
            return None
        if first:
            assert self._schema is not None
            fragments = [changed.get(f.fragment_id) or f.metadata for f in table.get_fragments()]
            operation: lance.LanceOperation.BaseOperation = lance.LanceOperation.Merge(fragments, self._schema)
            return Prepared(operation, list(changed.values()), self._schema)
        # As it is: without offsets none of its rows counts as updated.
        sentinel = min(numbers)
        untouched = [] if sentinel in changed else [_fragment(table, sentinel).metadata]
        operation = lance.LanceOperation.Update(
            updated_fragments=[*changed.values(), *untouched],
            fields_modified=self._modified,
            update_mode="rewrite_columns",
            updated_fragment_offsets=offsets,
        )
        return Prepared(operation, list(changed.values()), table.lance_schema)

    def _prepare(self, fragment: LanceFragment, first: bool) -> tuple[FragmentMetadata, bytes | None] | None:
        there = fragment.metadata
        key = (there.id, *file_paths(there))
        if key not in self._prepared:
            self._prepared[key] = self._merge(fragment) if first else self._update(fragment)
        prepared = self._prepared[key]
        if prepared is None:
            return None
        # A deletion that landed since does not touch the files: take it over, lose nothing.
        return replace(prepared[0], deletion_file=there.deletion_file), prepared[1]

    def _merge(self, fragment: LanceFragment) -> tuple[FragmentMetadata, bytes | None] | None:
        row_ids = _row_ids(fragment)
        staged = self._staged(fragment, row_ids)
        if staged is None:
            return None
        aligned = staged.select(self._columns.names)
        if not np.array_equal(_ids(staged), row_ids):
            aligned = aligned.take(_positions(row_ids, staged))
        aligned = aligned.cast(self._columns)
        reader = pa.RecordBatchReader.from_batches(self._columns, aligned.to_batches(max_chunksize=8192))
        metadata, self._schema = fragment.merge_columns(reader)
        return metadata, None

    def _update(self, fragment: LanceFragment) -> tuple[FragmentMetadata, bytes | None] | None:
        staged = self._staged(fragment, _row_ids(fragment))
        if staged is None:
            return None
        staged = self._news(fragment, staged)
        if not staged.num_rows:
            return None
        metadata, self._modified, offsets = fragment.update_columns(
            staged, left_on="_rowid", right_on="_rowid", with_offsets=True
        )
        return metadata, offsets

    def _staged(self, fragment: LanceFragment, row_ids: NDArray[np.uint64]) -> pa.Table | None:
        staged = self._results(row_ids)
        self.found[fragment.fragment_id] = staged.num_rows if staged is not None else 0
        return staged if staged is not None and staged.num_rows else None

    def _news(self, fragment: LanceFragment, staged: pa.Table) -> pa.Table:
        """Without the rows that somebody already published with the same recipe and inputs, and that are still so."""
        there = fragment.to_table(columns=[self._state], with_row_id=True)
        places = _positions(_ids(staged), there)
        known = whole(there[self._state].take(places))
        same = known.is_valid().to_numpy(zero_copy_only=False)
        for name in ("generation", "inputs", "state"):
            equal: Any = pc.equal(child(known, name), child(staged[self._state], name))
            same = same & equal.fill_null(False).to_numpy(zero_copy_only=False)
        if same.any():
            written: Any = pc.equal(child(known, "outputs"), pa.array(self._prints(fragment)).take(places))
            same = same & written.fill_null(False).to_numpy(zero_copy_only=False)
        return staged.filter(pa.array(~same))

    def _prints(self, fragment: LanceFragment) -> NDArray[np.uint16]:
        """What the cells of the pass are now, in the fragment's order."""
        columns = light_columns(self._columns, [name for name in self._columns.names if name != self._state])
        batches = fragment.scanner(columns=columns, batch_size=8192, batch_readahead=2).to_batches()
        return np.concatenate([np.empty(0, np.uint16), *(output_prints(batch, columns) for batch in batches)])


class CellPublisher(ColumnPublisher):
    """The same for cells of columns that are there and that no pass makes: whatever is staged is new."""

    def __init__(self, columns: pa.Schema, results: Results) -> None:
        super().__init__(columns, columns.names[0], results)

    def _news(self, fragment: LanceFragment, staged: pa.Table) -> pa.Table:
        return staged


def _fragment(table: lance.LanceDataset, number: int) -> LanceFragment:
    fragment = table.get_fragment(number)
    assert fragment is not None
    return fragment


def row_ids_of(table: lance.LanceDataset, fragment: int) -> NDArray[np.uint64]:
    """The row ids of one fragment, in its order, without the deleted ones."""
    return _row_ids(_fragment(table, fragment))


def _row_ids(fragment: LanceFragment) -> NDArray[np.uint64]:
    return _ids(fragment.to_table(columns=[], with_row_id=True))


def _ids(rows: pa.Table) -> NDArray[np.uint64]:
    return rows["_rowid"].to_numpy().astype(np.uint64, copy=False)


def _positions(row_ids: NDArray[np.uint64], staged: pa.Table) -> pa.Array[Any]:
    """For each row id its position in ``staged``, null where it has none (`take` then gives a null row)."""
    there = _ids(staged)
    order = np.argsort(there, kind="stable")
    place = np.searchsorted(there, row_ids, sorter=order)
    place[place == len(there)] = 0
    positions = order[place]
    return pa.array(positions, mask=there[positions] != row_ids)
