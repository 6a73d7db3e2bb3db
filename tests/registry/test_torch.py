"""Batches of a torch dataset: the same rows, in batches of one size, whatever they come in."""

from __future__ import annotations

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from mmreg.registry.torch import ArrowBatches


@given(st.lists(st.integers(0, 9), max_size=8), st.integers(1, 7))
def test_batches_have_one_size(sizes: list[int], size: int) -> None:
    rows = list(range(sum(sizes)))
    starts = [sum(sizes[:place]) for place in range(len(sizes))]
    batches = [
        pa.record_batch({"n": pa.array(rows[start : start + count], pa.int64())})
        for start, count in zip(starts, sizes, strict=True)
    ]
    dataset = ArrowBatches(lambda: iter(batches), len(rows), size)
    found = list(dataset)
    assert len(found) == len(dataset)
    assert [batch.num_rows for batch in found[:-1]] == [size] * (len(found) - 1)
    assert [n for batch in found for n in batch.column("n").to_pylist()] == rows
