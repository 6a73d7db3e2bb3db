"""A version as a torch dataset."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

import pyarrow as pa

from mmreg.errors import MissingExtra

try:
    from torch.utils.data import IterableDataset, get_worker_info
except ImportError as error:
    raise MissingExtra("a torch dataset", extra="mllm") from error


class ArrowBatches(IterableDataset["pa.RecordBatch"]):
    """Yields record batches of ``batch_size`` rows, the last one of what is left. Each worker of a DataLoader takes
    every n-th of them.

    ``read`` starts a fresh stream of ``rows`` rows in batches of any size: those of a selection have gaps, and a
    mixture's end with each root. Lance is not safe to fork: give the DataLoader ``multiprocessing_context="spawn"``
    and ``batch_size=None``.
    """

    def __init__(self, read: Callable[[], Iterator[pa.RecordBatch]], rows: int, batch_size: int) -> None:
        self._read, self._rows, self._batch_size = read, rows, batch_size

    def __len__(self) -> int:
        return -(-self._rows // self._batch_size)

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        worker = get_worker_info()
        first, step = (worker.id, worker.num_workers) if worker else (0, 1)
        yield from islice(_of_size(self._read(), self._batch_size), first, None, step)


def _of_size(batches: Iterator[pa.RecordBatch], size: int) -> Iterator[pa.RecordBatch]:
    """The same rows in batches of exactly ``size``. Batches that have that size already are not copied."""
    join: Any = pa.concat_batches  # type: ignore[attr-defined]  # which the stubs do not know
    held: list[pa.RecordBatch] = []
    rows = 0
    for batch in batches:
        while batch.num_rows:
            part = batch.slice(0, size - rows)
            batch = batch.slice(part.num_rows)
            held.append(part)
            rows += part.num_rows
            if rows == size:
                yield held[0] if len(held) == 1 else join(held)
                held, rows = [], 0
    if held:
        yield held[0] if len(held) == 1 else join(held)
