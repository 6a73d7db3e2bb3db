"""Reading the pending rows of a fragment in batches of bounded size, a few MiB whatever the cells weigh."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mmreg.curation.freshness import Pending
from mmreg.schemas.arrow import media_kind
from mmreg.schemas.cells import Column, values

if TYPE_CHECKING:
    import lance

ROWS = 8192
MEDIA_BYTES = 8 * 1024 * 1024
DENSE = 0.5
"""From this share of a fragment's rows on, it is scanned; below, rows are taken by id."""


class PendingRows:
    """Reads ``columns`` of a table with ``_rowid``; ``media`` are those of them that hold media.

    With media a batch has at most ``media_rows`` rows and about `MEDIA_BYTES`, else `ROWS`.
    """

    def __init__(self, table: lance.LanceDataset, columns: Sequence[str], media_rows: int) -> None:
        self._table, self._media_rows = table, media_rows
        self._columns = list(dict.fromkeys(columns))
        self.media = [name for name in self._columns if media_kind(table.schema.field(name).type)]

    def read(self, fragment: int, row_ids: Pending) -> Iterator[pa.RecordBatch]:
        """The rows ``row_ids`` of a fragment, in its order."""
        if self.media:
            yield from self._take(self._portions(fragment, row_ids))
        elif row_ids is None or len(row_ids) >= DENSE * self._fragment(fragment).count_rows():
            yield from self._scan(fragment, row_ids)
        else:
            yield from self._take(row_ids[start : start + ROWS] for start in range(0, len(row_ids), ROWS))

    def _scan(self, fragment: int, row_ids: Pending) -> Iterator[pa.RecordBatch]:
        scanner = self._fragment(fragment).scanner(columns=self._columns, with_row_id=True, batch_size=ROWS)
        for batch in scanner.to_batches():
            if row_ids is not None:
                batch = batch.filter(pa.array(np.isin(batch.column("_rowid").to_numpy(), row_ids)))
            if batch.num_rows:
                yield batch

    def _take(self, portions: Iterator[NDArray[np.uint64]]) -> Iterator[pa.RecordBatch]:
        for row_ids in portions:
            yield from self._table._take_rows(row_ids.tolist(), columns=[*self._columns, "_rowid"]).to_batches()

    def _portions(self, fragment: int, row_ids: Pending) -> Iterator[NDArray[np.uint64]]:
        """Row ids by as many as their media allow.

        A scan would hold hundreds of MiB of large cells, however it is asked to read ahead; rows taken by id cost
        less time and no more memory than they weigh.
        """
        lengths = [f"{name}.length" for name in self.media]
        there = self._fragment(fragment).to_table(columns=lengths, with_row_id=True)
        ids = there["_rowid"].to_numpy().astype(np.uint64, copy=False)
        weights = np.sum([_numbers(there[name]) for name in lengths], axis=0)
        if row_ids is not None:
            wanted = np.isin(ids, row_ids)
            ids, weights = ids[wanted], weights[wanted]
        start = held = 0
        for place, weight in enumerate(weights.tolist()):
            if place > start and (place - start >= self._media_rows or held + weight > MEDIA_BYTES):
                yield ids[start:place]
                start, held = place, 0
            held += weight
        if start < len(ids):
            yield ids[start:]

    def _fragment(self, number: int) -> lance.LanceFragment:
        fragment = self._table.get_fragment(number)
        assert fragment is not None
        return fragment


def _numbers(lengths: Column) -> NDArray[np.int64]:
    return np.array([length or 0 for length in values(lengths)], np.int64)
