"""Which rows models have made, and how deep: told by the state that passes keep of every row."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mmreg.schemas.arrow import DONE
from mmreg.schemas.upstream import PassRecord
from mmreg.validators.table import cells
from mmreg.validators.world import RootRows

Depths = NDArray[np.int64]


def depths(root: RootRows, column: str | None = None) -> Iterator[tuple[pa.RecordBatch, Depths]]:
    """Batches with ``sample_id``, and for each row its depth: 0 where no model made anything of it.

    The depth of a row is the largest of the generations that made its cells, or the row itself. With ``column`` only
    that one's cells count.
    """
    passes = [passed for passed in root.passes if _counts(passed, root, column)]
    columns = ["sample_id", *(passed.state for passed in passes)]
    for batch in root.batches(columns):
        deepest = np.zeros(batch.num_rows, np.int64)
        for passed in passes:
            deepest = np.maximum(deepest, _depth(batch, passed))
        yield batch, deepest


def _counts(passed: PassRecord, root: RootRows, column: str | None) -> bool:
    wrote = passed.columns and any(made.creates for made in passed.generations.values())
    there = passed.state in root.schema.names and (column is None or column.partition(".")[0] in passed.columns)
    return there and bool(passed.makes_rows or wrote)


def _depth(batch: pa.RecordBatch, passed: PassRecord) -> Depths:
    found = np.zeros(batch.num_rows, np.int64)
    for number, made in passed.generations.items():
        if made.creates or passed.makes_rows:
            found[made_by(batch, passed.state, number)] = made.depth
    return found


def made_by(batch: pa.RecordBatch, state: str, generation: int) -> NDArray[np.bool_]:
    """Which rows a generation of the pass that keeps ``state`` has made, or made cells of."""
    done = cells(batch, f"{state}.state").fill_null(0).to_numpy(zero_copy_only=False) == DONE
    there = cells(batch, f"{state}.generation").fill_null(0).to_numpy(zero_copy_only=False)
    rows: NDArray[np.bool_] = done & (there == np.uint64(generation))
    return rows
