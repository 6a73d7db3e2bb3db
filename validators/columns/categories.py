"""How many rows have which value, of columns with few different ones."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from mmreg.validators.columns.kinds import is_text

_CHARACTERS = 100


class Categories:
    """Rows by value, of at most ``limit`` different ones, else ``too_many``; texts by their first 100 characters."""

    def __init__(self, limit: int = 65_536) -> None:
        self._limit = limit
        self.rows: Counter[str] = Counter()
        self.too_many = False

    def add(self, values: pa.Array[Any]) -> None:
        """Count ``values``, texts or truths, none of which is null."""
        if self.too_many:
            return
        texts: Any = pc.utf8_slice_codeunits(values, 0, _CHARACTERS) if is_text(values.type) else values.cast("string")
        for value, count in zip(*(field.to_pylist() for field in pc.value_counts(texts).flatten()), strict=True):
            self.rows[value] += count
        self.too_many = len(self.rows) > self._limit
        if self.too_many:
            self.rows.clear()

    def most(self, number: int) -> list[str]:
        """The most frequent values, in the order of the alphabet where they are as frequent."""
        return sorted(self.rows, key=lambda value: (-self.rows[value], value))[:number]
