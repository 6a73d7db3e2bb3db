"""Answers that no working pass gives: refused, so that a broken model does not become a column.

A NaN or an infinite number at once; a column that is null, or the same, in every row at the end, where there were
enough rows to tell. A pass whose answers may well be so says it in its attribute ``allow``, a project in ``allow:``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mmreg.curation.bind import BoundPass
from mmreg.errors import PassFailed
from mmreg.schemas.arrow import DONE
from mmreg.schemas.cells import child
from mmreg.schemas.fingerprint import cell_fingerprints, light_columns

ENOUGH_ROWS = 100
"""Fewer rows may have one answer in common by chance."""


class Sanity:
    """Sees the answers of one run to rows that did not fail."""

    def __init__(self, bound: BoundPass) -> None:
        self._bound = bound
        self._allowed = {*bound.spec.allow, *getattr(bound.operator, "allow", ())}
        if bound.operator.kind == "filter":
            self._allowed |= {"constant", "empty"}  # keeping all, for no reason, is an answer
        self._rows = 0
        self._columns = list(bound.outputs.values())
        self._alike: dict[str, set[int]] = {name: set() for name in self._columns}

    def add(self, staged: pa.RecordBatch) -> None:
        """Look at results as they are staged. Raises `PassFailed`."""
        done = np.equal(child(staged.column(self._bound.state), "state").to_numpy(), DONE)
        answers = staged.select(self._columns)
        if not done.all():
            answers = answers.filter(pa.array(done))
        self._rows += answers.num_rows
        for name in self._columns:
            if "nan" not in self._allowed:
                self._refuse_nan(name, answers.column(name))
            seen = self._alike[name]
            if len(seen) < 2:
                (light,) = light_columns(answers.schema, [name])
                part: Any = pc.struct_field(answers.column(name), "sha256") if light != name else answers.column(name)
                seen |= set(np.unique(cell_fingerprints(part))[:2].tolist())

    def close(self) -> None:
        """Judge the columns as a whole. Raises `PassFailed`."""
        if self._rows < ENOUGH_ROWS:
            return
        for name, seen in self._alike.items():
            if seen == {0} and "empty" not in self._allowed:
                raise self._refusal(f"{name} is null in all of {self._rows:,} rows", "empty")
            varied = len(seen) > 1 or seen == {0} or pa.types.is_boolean(self._bound.columns().field(name).type)
            if not varied and "constant" not in self._allowed:
                raise self._refusal(f"{name} is the same in all of {self._rows:,} rows", "constant")

    def _refuse_nan(self, name: str, column: pa.Array[Any]) -> None:
        for numbers in _floats(column):
            wrong = int((~np.isfinite(numbers.drop_null().to_numpy(zero_copy_only=False))).sum())
            if wrong:
                raise self._refusal(f"{wrong:,} numbers in {name} are NaN or infinite", "nan")

    def _refusal(self, what: str, word: str) -> PassFailed:
        name = self._bound.name
        return PassFailed(
            f"pass {name}: {what}; nothing was published, what was computed is kept",
            hint=f"mend the pass (with a new version); where such answers are right, allow: [{word}]",
        )


def _floats(column: pa.Array[Any]) -> Iterator[pa.Array[Any]]:
    """The arrays of floating-point numbers within a column."""
    dtype: Any = column.type
    found: Any = column
    if pa.types.is_floating(dtype):
        yield column
    elif isinstance(dtype, pa.StructType):
        for field in found.flatten():
            yield from _floats(field)
    elif isinstance(dtype, pa.ListType | pa.LargeListType | pa.FixedSizeListType):
        yield from _floats(pc.list_flatten(found))
