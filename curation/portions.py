"""Pending rows of a pass of scope `row`, as the portions that an engine computes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mmreg.curation.bind import BoundPass
from mmreg.curation.engine import Portion
from mmreg.curation.freshness import Pending
from mmreg.curation.pending import PendingRows
from mmreg.registry.media import with_bytes
from mmreg.schemas.cells import values
from mmreg.schemas.fingerprint import light_columns, light_rows, row_fingerprints

if TYPE_CHECKING:
    import lance

    from mmreg.registry.api import Registry

BATCH_ROWS = 256
"""Rows with media in one call."""


class RowPortions:
    """Reads rows of ``table`` for ``bound``."""

    def __init__(self, registry: Registry, table: lance.LanceDataset, bound: BoundPass) -> None:
        self._table, self._inputs = table, bound.inputs
        self._light = light_columns(table.schema, bound.inputs.values())
        self._light_rows = light_rows(table.schema, self._light)
        most_rows = getattr(bound.operator, "batch_rows", None)
        self._rows = PendingRows(table, list(bound.inputs.values()), BATCH_ROWS, most_rows)
        self._media_root = registry.media_root(bound.root) if self._rows.media else None

    def read(self, pending: Mapping[int, Pending]) -> Iterator[Portion]:
        """The ``pending`` rows, fragment by fragment."""
        for number, row_ids in pending.items():
            for batch in self._rows.read(number, row_ids):
                yield self._portion(number, batch)

    def fingerprints(self, row_ids: NDArray[np.uint64]) -> dict[int, int]:
        """What the inputs of rows are now; rows that are no longer there are left out."""
        found: dict[int, int] = {}
        for start in range(0, len(row_ids), self._light_rows):
            wanted = row_ids[start : start + self._light_rows].tolist()
            rows = self._table._take_rows(wanted, columns=[*self._light, "_rowid"])
            found |= zip(values(rows["_rowid"]), row_fingerprints(rows, self._light).tolist(), strict=True)
        return found

    def _portion(self, number: int, batch: pa.RecordBatch) -> Portion:
        filled = with_bytes(batch, self._media_root, tolerant=True)
        # Copied: row ids from Lance keep their whole batch in memory, with the media in it.
        row_ids = np.array(batch.column("_rowid").to_numpy(), np.uint64)
        own = pa.RecordBatch.from_arrays(
            [filled.column(column) for column in self._inputs.values()], names=list(self._inputs)
        )
        inputs = row_fingerprints(batch, self._light)
        return Portion(row_ids, np.full(len(row_ids), number, np.int64), inputs, own)
