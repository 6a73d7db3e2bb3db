"""Derived datasets on disk: sorted row ids of a root, with a split where there is any.

A version of a derived dataset is a Lance table with ``row_id`` (uint64, ascending) and, where it has splits,
``split`` (int8, a number into the schema's ``mmreg.splits``), and in its Run the root version that it refers to.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import xxhash
from numpy.typing import NDArray

from mmreg.errors import NotFound

if TYPE_CHECKING:
    import lance

_SPLITS = b"mmreg.splits"
_SPREAD = 16
"""Row ids that lie less far apart than this, on average, are looked up in a bitmap of their span."""


@dataclass(frozen=True)
class Selection:
    """Which rows of a root. ``row_ids`` ascend; ``splits`` numbers each row's split into ``names``, None: no splits."""

    row_ids: NDArray[np.uint64]
    splits: NDArray[np.int8] | None = None
    names: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.row_ids)

    @property
    def digest(self) -> str:
        """32 hex digits over rows and splits: equal exactly where two selections keep the same rows."""
        digest = xxhash.xxh3_128(self.row_ids.tobytes())
        if self.splits is not None:
            digest.update(json.dumps(self.names).encode() + self.splits.tobytes())
        return digest.hexdigest()

    def counts(self) -> Mapping[str, int]:
        """Rows of each split."""
        if self.splits is None:
            return {}
        numbers = np.bincount(self.splits, minlength=len(self.names))
        return {name: int(count) for name, count in zip(self.names, numbers, strict=True)}

    def only(self, split: str | None, dataset: str) -> Selection:
        """The rows of one split, or all. Raises `NotFound` for a split that there is not."""
        if split is None:
            return self
        if split not in self.names or self.splits is None:
            known = ", ".join(self.names) or "none"
            raise NotFound(f"{dataset} has no split {split!r} (its splits: {known})", hint=f"mmreg show {dataset}")
        keep = self.splits == self.names.index(split)
        return Selection(self.row_ids[keep])

    def holds(self, row_ids: NDArray[np.uint64]) -> NDArray[np.bool_]:
        """Which of ``row_ids`` it keeps. Costs by the span of these, not by the whole selection."""
        if not len(row_ids):
            return np.zeros(0, bool)
        low, high = row_ids.min(), row_ids.max()
        near = self.row_ids[np.searchsorted(self.row_ids, low) : np.searchsorted(self.row_ids, high, side="right")]
        if high - low > _SPREAD * len(row_ids):
            return np.isin(row_ids, near)
        kept = np.zeros(int(high - low) + 1, bool)
        # As signed numbers, by which numpy indexes without a copy.
        kept[(near - low).view(np.int64)] = True
        mask: NDArray[np.bool_] = kept[(row_ids - low).view(np.int64)]
        return mask

    def schema(self) -> pa.Schema:
        fields: list[pa.Field[Any]] = [pa.field("row_id", pa.uint64(), nullable=False)]
        if self.splits is not None:
            fields.append(pa.field("split", pa.int8(), nullable=False))
        return pa.schema(fields, metadata={_SPLITS: json.dumps(self.names).encode()})

    def to_arrow(self) -> pa.Table:
        columns = [pa.array(self.row_ids)] + ([] if self.splits is None else [pa.array(self.splits)])
        return pa.Table.from_arrays(columns, schema=self.schema())


def read_selection(table: lance.LanceDataset) -> Selection:
    """The selection that a version of a derived dataset holds. Memory: 9 bytes a row."""
    rows = table.to_table()
    names = json.loads((table.schema.metadata or {}).get(_SPLITS, b"[]"))
    splits = rows["split"].to_numpy().astype(np.int8) if "split" in rows.schema.names else None
    return Selection(rows["row_id"].to_numpy().astype(np.uint64), splits, tuple(names))
