"""embedding: vectors are of one length, finite, not zero, and as long as they should be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pydantic import Field, model_validator

from mmreg.errors import UsageError
from mmreg.schemas.check import CheckResult
from mmreg.schemas.check_spec import CheckSpec
from mmreg.schemas.declared import Declared
from mmreg.validators.arguments import parse_arguments
from mmreg.validators.media.spread import Spread
from mmreg.validators.row_check import RowCheck
from mmreg.validators.table import Table, cells
from mmreg.validators.tally import Tally

_EDGES = (0.0, *(2.0 ** (power / 4) for power in range(-40, 41)))
_TOLERANCE = 0.01
_ROWS = 512
"""Vectors that are turned into float64 at once."""


class Arguments(Declared):
    column: str
    dim: int | None = Field(None, gt=0)
    norm: float | int | None = Field(None, gt=0, allow_inf_nan=False)
    tolerance: float | int | None = Field(None, ge=0, allow_inf_nan=False)

    @model_validator(mode="after")
    def _together(self) -> Arguments:
        if self.tolerance is not None and self.norm is None:
            raise ValueError("'tolerance' is how far from 'norm' a norm may be, which is not given")
        return self


class Embedding(RowCheck):
    """Every vector has dim finite numbers, not all zero, and a norm within tolerance of norm; null is not examined.

    Any float type, in lists of fixed or of any length. ``dim`` and ``norm`` may be absent. A null within a vector
    fails, as a vector without numbers does. Norms are Euclidean and computed in 64 bits, so those of float16 do not
    overflow; ``tolerance`` is absolute, 0.01 where it is absent: float16 alone is some 0.001 off.
    """

    def __init__(self, spec: CheckSpec, table: Table) -> None:
        arguments = parse_arguments(spec, Arguments)
        self._column, self._dim, self._norm = arguments.column, arguments.dim, arguments.norm
        self._tolerance = _TOLERANCE if arguments.tolerance is None else arguments.tolerance
        dtype = table.type(self._column)
        if not _is_vector(dtype):
            raise UsageError(f"{spec.check}: {self._column} is {dtype}, not a column of lists of float numbers")
        self.columns = (self._column,)
        self._tally = Tally(spec, self._column)
        self._spread = Spread("norm", _EDGES)

    def update(self, batch: pa.RecordBatch) -> None:
        vectors = cells(batch, self._column)
        there = vectors.is_valid().to_numpy(zero_copy_only=False)
        lengths, norms = np.zeros(len(vectors), np.int64), np.zeros(len(vectors))
        filled = vectors.drop_null()
        parts = [_norms(filled.slice(start, _ROWS)) for start in range(0, len(filled), _ROWS)]
        if parts:
            lengths[there], norms[there] = (np.concatenate(column) for column in zip(*parts, strict=True))
        self._spread.add(norms[there & np.isfinite(norms)].tolist())
        wrong = there & ~np.isfinite(norms) | there & (norms == 0)
        if self._dim is not None:
            wrong |= there & (lengths != self._dim)
        if self._norm is not None:
            wrong |= there & (np.abs(norms - self._norm) > self._tolerance)
        self._tally.add(
            batch,
            examined=int(there.sum()),
            failed=pa.array(wrong),
            describe=lambda row: self._describe(int(lengths[row]), float(norms[row])),
        )

    def state(self) -> Mapping[str, Any]:
        return {**self._tally.state(), "spread": self._spread.state()}

    def merge(self, state: Mapping[str, Any]) -> None:
        self._tally.merge(state)
        self._spread.merge(state["spread"])

    def result(self) -> CheckResult:
        result = self._tally.result("vectors are not as they should be")
        return replace(result, numbers=self._spread.numbers(), histograms=self._spread.histograms())

    def _describe(self, length: int, norm: float) -> tuple[str, str]:
        shown = f"{length} numbers, norm {norm:.6g}"
        if self._dim is not None and length != self._dim:
            return shown, f"has {length} numbers, not {self._dim}"
        if not length:
            return shown, "has no numbers"
        if not np.isfinite(norm):
            return shown, "has NaN, infinity or null"
        if norm == 0:
            return shown, "is zero"
        return shown, f"its norm is not {self._norm:g}, within {self._tolerance:g}"


def _is_vector(dtype: Any) -> bool:
    lists = (pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list)
    return any(is_list(dtype) for is_list in lists) and pa.types.is_floating(dtype.value_type)


def _norms(vectors: pa.Array[Any]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Length and norm of each vector, of which none is null; a norm is NaN or infinite where a number is or is null."""
    lengths = pc.list_value_length(vectors).to_numpy(zero_copy_only=False).astype(np.int64)
    norms = np.zeros(len(lengths))
    filled = np.flatnonzero(lengths)
    if len(filled):
        numbers = np.abs(pc.list_flatten(vectors).cast(pa.float64()).to_numpy(zero_copy_only=False))
        starts = (np.cumsum(lengths) - lengths)[filled]
        largest = np.maximum.reduceat(numbers, starts)
        # Divided by the largest, so that no square is too large or too small for a float.
        scale = np.where((largest > 0) & np.isfinite(largest), largest, 1.0)
        squares = np.square(numbers / np.repeat(scale, lengths[filled]))
        norms[filled] = scale * np.sqrt(np.add.reduceat(squares, starts))
    return lengths, norms
