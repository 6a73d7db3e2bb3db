"""Derived datasets on disk: sorted row ids of one root or of several, with a split where there is any.

A version of a derived dataset is a Lance table with ``row_id`` (uint64) and, where it has splits, ``split`` (int8, a
number into the schema's ``mmreg.splits``). In one of several roots ``root`` (uint8) comes first, a number into the
schema's ``mmreg.roots``. Rows are sorted by root and row id. Its Run tells the root versions that it refers to, in
the order of their numbers.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import pyarrow as pa
import xxhash
from numpy.typing import NDArray

from mmreg.errors import NotFound

if TYPE_CHECKING:
    import lance

_SPLITS = b"mmreg.splits"
_ROOTS = b"mmreg.roots"
T = TypeVar("T", bound=np.generic)
_SPREAD = 16
"""Row ids that lie less far apart than this, on average, are looked up in a bitmap of their span."""


@dataclass(frozen=True)
class Selection:
    """Which rows of one root, or of several.

    ``row_ids`` ascend within a root. ``splits`` numbers each row's split into ``names``, None: no splits. ``roots``
    numbers each row's root into ``datasets`` and ascends, None: there is one root, and a version's Run names it.
    """

    row_ids: NDArray[np.uint64]
    splits: NDArray[np.int8] | None = None
    names: tuple[str, ...] = ()
    roots: NDArray[np.uint8] | None = None
    datasets: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.row_ids)

    @property
    def digest(self) -> str:
        """32 hex digits over rows and splits: equal exactly where two selections keep the same rows."""
        digest = xxhash.xxh3_128(self.row_ids.tobytes())
        if self.splits is not None:
            digest.update(json.dumps(self.names).encode() + self.splits.tobytes())
        if self.roots is not None:
            digest.update(json.dumps(self.datasets).encode() + self.roots.tobytes())
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
        roots = self.roots[keep] if self.roots is not None else None
        return Selection(self.row_ids[keep], roots=roots, datasets=self.datasets)

    def of(self, root: int) -> Selection:
        """The rows of the root with this number, by themselves."""
        if self.roots is None:
            return self if root == 0 else Selection(self.row_ids[:0])
        part = slice(*np.searchsorted(self.roots, [root, root + 1]).tolist())
        return Selection(self.row_ids[part], self.splits[part] if self.splits is not None else None, self.names)

    def without(self, gone: Mapping[int, NDArray[np.uint64]]) -> Selection:
        """The rows that stay where ``gone``, row ids by the number of their root, leave."""
        keep = np.ones(len(self), bool)
        for number, row_ids in gone.items():
            leaving = np.isin(self.row_ids, row_ids)
            keep &= ~leaving if self.roots is None else ~(leaving & (self.roots == number))
        return replace(
            self,
            row_ids=self.row_ids[keep],
            splits=self.splits[keep] if self.splits is not None else None,
            roots=self.roots[keep] if self.roots is not None else None,
        )

    def holds(self, row_ids: NDArray[np.uint64]) -> NDArray[np.bool_]:
        """Which of ``row_ids`` it keeps, where it is of one root. Costs by their span, not by the whole selection."""
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
        metadata: dict[bytes | str, bytes | str] = {_SPLITS: json.dumps(self.names).encode()}
        if self.roots is not None:
            fields.insert(0, pa.field("root", pa.uint8(), nullable=False))
            metadata[_ROOTS] = json.dumps(self.datasets).encode()
        if self.splits is not None:
            fields.append(pa.field("split", pa.int8(), nullable=False))
        return pa.schema(fields, metadata=metadata)

    def to_arrow(self) -> pa.Table:
        columns = [part for part in (self.roots, self.row_ids, self.splits) if part is not None]
        return pa.Table.from_arrays([pa.array(column) for column in columns], schema=self.schema())


def read_selection(table: lance.LanceDataset) -> Selection:
    """The selection that a version of a derived dataset holds. Memory: 9 bytes a row, 10 of several roots."""
    rows = table.to_table()
    told = table.schema.metadata or {}

    def numbers(name: str, dtype: type[T]) -> NDArray[T] | None:
        return rows[name].to_numpy().astype(dtype) if name in rows.schema.names else None

    row_ids = rows["row_id"].to_numpy().astype(np.uint64)
    return Selection(
        row_ids,
        numbers("split", np.int8),
        tuple(json.loads(told.get(_SPLITS, b"[]"))),
        numbers("root", np.uint8),
        tuple(json.loads(told.get(_ROOTS, b"[]"))),
    )
