"""A version as a torch dataset."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import TYPE_CHECKING

from mmreg.errors import MissingExtra

try:
    from torch.utils.data import IterableDataset, get_worker_info
except ImportError as error:
    raise MissingExtra("a torch dataset", extra="mllm") from error

if TYPE_CHECKING:
    import pyarrow as pa


class ArrowBatches(IterableDataset["pa.RecordBatch"]):
    """Yields record batches. Each worker of a DataLoader takes every n-th batch.

    ``read`` starts a fresh stream of ``length`` batches. Lance is not safe to fork: give the DataLoader
    ``multiprocessing_context="spawn"`` and ``batch_size=None``.
    """

    def __init__(self, read: Callable[[], Iterator[pa.RecordBatch]], length: int) -> None:
        self._read, self._length = read, length

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        worker = get_worker_info()
        first, step = (worker.id, worker.num_workers) if worker else (0, 1)
        yield from islice(self._read(), first, None, step)
