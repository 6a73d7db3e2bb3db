"""lineage.no_similar: what is trained on is not nearly what it will be judged by."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pydantic import Field, model_validator

from mmreg.errors import UsageError
from mmreg.schemas.check import CheckResult
from mmreg.schemas.check_spec import CheckSpec
from mmreg.schemas.declared import Declared, VersionRefText
from mmreg.validators.arguments import Number, parse_arguments
from mmreg.validators.lineage.keys import sample_ids
from mmreg.validators.lineage.near_hashes import NearHashes
from mmreg.validators.lineage.near_vectors import NearVectors
from mmreg.validators.media.hamming import MOST
from mmreg.validators.table import Table, cells
from mmreg.validators.tally import Example, share, verdict
from mmreg.validators.world import Rows

BATCH_ROWS = 2048
Ids = NDArray[Any]


class Near(Protocol):
    """What is near among values of one kind."""

    block_rows: int
    """So many rows are compared with the whole evaluation set at a time."""

    def read(self, cells: pa.Array[Any]) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """The values of the cells that have one, and which these are."""

    def nearest(self, here: NDArray[Any], there: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """For each value here the place of the nearest value there, or -1 where none is near, and how near it is.

        Larger is nearer.
        """

    def said(self, nearness: float) -> str:
        """How near that is, for a person."""


class Arguments(Declared):
    evaluation: VersionRefText
    column: str
    max_distance: int | None = Field(None, ge=0, le=MOST)
    min_similarity: Number | None = Field(None, gt=-1, le=1)
    split: str | None = None

    @model_validator(mode="after")
    def _one(self) -> Arguments:
        if (self.max_distance is None) == (self.min_similarity is None):
            raise ValueError("needs 'max_distance' (of hashes) or 'min_similarity' (of embeddings)")
        return self


class NoSimilar:
    """No row is near one of the evaluation set, by the bits of a perceptual hash or the cosine of an embedding.

    A hash of 64 bits is near at max_distance differing bits or fewer, an embedding at a cosine of min_similarity or
    more. All pairs count, exactly. Both columns are to be made by the same pass with the same model. Nulls, NaN and
    zero vectors are not examined. Memory: blocks of 64 MiB of each side, however many rows there are.
    """

    media = False
    samples = True

    def __init__(self, spec: CheckSpec, table: Table) -> None:
        self._spec, self._table = spec, table
        self._asked = parse_arguments(spec, Arguments)
        self._near = _near(self._asked, table.type(self._asked.column))
        self.columns = (self._asked.column,)
        self._values: list[NDArray[Any]] = []
        self._ids: list[Ids] = []
        self._examined = self._failed = 0
        self._examples: list[Example] = []

    def update(self, batch: pa.RecordBatch) -> None:
        values, given = self._near.read(cells(batch, self._asked.column))
        self._values.append(values)
        self._ids.append(sample_ids(batch)[given])
        self._examined += len(values)
        if sum(map(len, self._values)) >= self._near.block_rows:
            self._compare()

    def result(self) -> CheckResult:
        self._compare()
        ref = self._evaluation.ref + (f" ({self._asked.split})" if self._asked.split else "")
        message = share(self._spec, self._examined, self._failed, f"rows are near one of {ref}")
        result = verdict(self._spec, self._asked.column, self._examined, self._failed, message, self._examples)
        return replace(result, numbers={"evaluation_rows": float(len(self._evaluation))})

    @cached_property
    def _evaluation(self) -> Rows:
        found = self._table.around(self._spec.check).open(self._asked.evaluation, self._asked.split)
        there, here = Table(found.schema).type(self._asked.column), self._table.type(self._asked.column)
        if there != here:
            raise UsageError(f"{self._asked.column} is {here} here and {there} in {found.ref}: these do not compare")
        return found

    def _compare(self) -> None:
        """Compare the block at hand with the evaluation set."""
        if not sum(map(len, self._values)):
            return
        here, ids = np.concatenate(self._values), np.concatenate(self._ids)
        self._values, self._ids = [], []
        nearness, theirs = np.full(len(here), -np.inf), np.zeros(len(here), "V16")
        for there, their_ids in self._blocks():
            places, near = self._near.nearest(here, there)
            nearer = np.flatnonzero((places >= 0) & (near > nearness))
            nearness[nearer] = near[nearer]
            theirs[nearer] = their_ids[places[nearer]]
        leaking = np.flatnonzero(nearness > -np.inf)
        self._failed += len(leaking)
        for place in leaking[: self._spec.examples - len(self._examples)].tolist():
            said = self._near.said(float(nearness[place]))
            reason = f"{said} sample {theirs[place].tobytes().hex()} of {self._evaluation.ref}"
            self._examples.append({"sample_id": ids[place].tobytes().hex(), "value": "", "reason": reason})

    def _blocks(self) -> Iterator[tuple[NDArray[Any], Ids]]:
        """The evaluation set, a block at a time."""
        columns = ["sample_id", self._asked.column]
        values: list[NDArray[Any]] = []
        ids: list[Ids] = []
        for batch in self._evaluation.batches(columns, batch_size=BATCH_ROWS, media=False):
            found, given = self._near.read(cells(batch, self._asked.column))
            values.append(found)
            ids.append(sample_ids(batch)[given])
            if sum(map(len, values)) >= self._near.block_rows:
                yield np.concatenate(values), np.concatenate(ids)
                values, ids = [], []
        if sum(map(len, values)):
            yield np.concatenate(values), np.concatenate(ids)


def _near(asked: Arguments, dtype: pa.DataType) -> Near:
    if asked.max_distance is not None:
        if dtype not in (pa.uint64(), pa.int64()):
            raise UsageError(f"lineage.no_similar: {asked.column} is {dtype}, no hash of 64 bits (uint64)")
        return NearHashes(asked.max_distance)
    assert asked.min_similarity is not None
    if not isinstance(dtype, pa.FixedSizeListType) or not pa.types.is_floating(dtype.value_type):
        raise UsageError(f"lineage.no_similar: {asked.column} is {dtype}, no embedding")
    return NearVectors(float(asked.min_similarity), dtype.list_size)
