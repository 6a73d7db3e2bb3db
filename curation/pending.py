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
from mmreg.schemas.fingerprint import LIST_ROWS, is_media_list

if TYPE_CHECKING:
    import lance

ROWS = 8192
MEDIA_BYTES = 8 * 1024 * 1024
DENSE = 0.5
"""From this share of a fragment's rows on, it is scanned; below, rows are taken by id."""


class PendingRows:
    """Reads ``columns`` of a table with ``_rowid``; ``media`` are those of them that hold media, alone or in lists.

    With media a batch has at most ``media_rows`` rows and about `MEDIA_BYTES`, else `ROWS`; it never has more than
    ``most_rows``.
    """

    def __init__(
        self, table: lance.LanceDataset, columns: Sequence[str], media_rows: int, most_rows: int | None = None
    ) -> None:
        self._table = table
        self._columns = list(dict.fromkeys(columns))
        types = {name: table.schema.field(name).type for name in self._columns}
        lists = [name for name, dtype in types.items() if is_media_list(dtype)]
        self._weighed = [name for name, dtype in types.items() if media_kind(dtype)]
        self.media = [*self._weighed, *lists]
        usual = min(media_rows, LIST_ROWS) if lists else media_rows if self.media else ROWS
        self._rows = min(usual, most_rows or usual)

    def read(self, fragment: int, row_ids: Pending) -> Iterator[pa.RecordBatch]:
        """The rows ``row_ids`` of a fragment, in its order."""
        if self.media:
            yield from self._take(self._portions(fragment, row_ids))
        elif row_ids is None or len(row_ids) >= DENSE * self._fragment(fragment).count_rows():
            yield from self._scan(fragment, row_ids)
        else:
            yield from self._take(row_ids[start : start + self._rows] for start in range(0, len(row_ids), self._rows))

    def _scan(self, fragment: int, row_ids: Pending) -> Iterator[pa.RecordBatch]:
        scanner = self._fragment(fragment).scanner(columns=self._columns, with_row_id=True, batch_size=self._rows)
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
        lengths = [f"{name}.length" for name in self._weighed]
        there = self._fragment(fragment).to_table(columns=lengths, with_row_id=True)
        ids = there["_rowid"].to_numpy().astype(np.uint64, copy=False)
        weights = np.sum([_numbers(there[name]) for name in lengths] or [np.zeros(len(ids), np.int64)], axis=0)
        if row_ids is not None:
            wanted = np.isin(ids, row_ids)
            ids, weights = ids[wanted], weights[wanted]
        start = held = 0
        for place, weight in enumerate(weights.tolist()):
            if place > start and (place - start >= self._rows or held + weight > MEDIA_BYTES):
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
