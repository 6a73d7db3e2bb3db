"""A version as a torch dataset."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING

from mmreg.errors import MissingExtra

try:
    from torch.utils.data import IterableDataset, get_worker_info
except ImportError as error:
    raise MissingExtra("a torch dataset", extra="mllm") from error

if TYPE_CHECKING:
    import pyarrow as pa

    from mmreg.registry.read import Reader


class ArrowBatches(IterableDataset["pa.RecordBatch"]):
    """Yields record batches. Each worker of a DataLoader takes every n-th batch.

    Lance is not safe to fork: give the DataLoader ``multiprocessing_context="spawn"`` and ``batch_size=None``.
    """

    def __init__(self, reader: Reader, columns: Sequence[str] | None, batch_size: int) -> None:
        self._reader, self._columns, self._batch_size = reader, columns, batch_size

    def __len__(self) -> int:
        return -(-len(self._reader) // self._batch_size)

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        worker = get_worker_info()
        first, step = (worker.id, worker.num_workers) if worker else (0, 1)
        yield from islice(self._reader.batches(self._columns, batch_size=self._batch_size), first, None, step)
