"""The local engine: portions of rows in, staged results out. Of versions it knows nothing.

    a thread reads ahead, bounded by bytes  |  the call  |  staged at least every `FLUSH_S` or `FLUSH_BYTES`

Compute is not commit: what is staged survives a kill and repeats no call, so a killed run repeats at most one flush.
With workers (`mmreg.curation.engine_processes`) the calls are in other processes. Workers on other machines would each
write staged files of their own: only the driver, which sees what is yielded here, publishes.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mmreg.registry.stage import Stage

FLUSH_S = 30.0
FLUSH_BYTES = 64 * 1024 * 1024
AHEAD_BYTES = 32 * 1024 * 1024
"""What may wait to be called, besides the portion that is called and the one that is read."""


@dataclass(frozen=True)
class Portion:
    """Rows for one call: ``batch`` has a column for each input, under the pass's own names.

    For every row its id, the fragment that it lies in and the fingerprint of its inputs, which becomes its state.
    """

    row_ids: NDArray[np.uint64]
    fragments: NDArray[np.int64]
    inputs: NDArray[np.uint64]
    batch: pa.RecordBatch


Answer = Callable[[Portion], pa.RecordBatch]
"""From a portion to its results as they are staged: ``_rowid`` and the pass's columns, with its state."""


class LocalEngine:
    """Computes in this process, one call at a time, while a thread reads what comes next."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    def compute(
        self, portions: Iterable[Portion], answer: Answer
    ) -> Generator[tuple[Portion, pa.RecordBatch], None, None]:
        """Each portion with its results, which are staged soon after.

        However this ends, also closed half-way or by Ctrl-C, every result that there is by then is staged and the
        reading thread is gone.
        """
        results = Results(self._stage)
        try:
            for portion in read_ahead(portions):
                staged = answer(portion)
                results.add(staged)
                yield portion, staged
        finally:
            results.flush()


class Results:
    """Results that are not staged yet."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._waiting: list[pa.RecordBatch] = []
        self._bytes = 0
        self._flushed = time.monotonic()

    def add(self, results: pa.RecordBatch) -> None:
        self._waiting.append(results)
        self._bytes += results.nbytes
        if self._bytes >= FLUSH_BYTES or time.monotonic() - self._flushed >= FLUSH_S:
            self.flush()

    def flush(self) -> None:
        if self._waiting:
            self._stage.write(pa.Table.from_batches(self._waiting))
        self._waiting, self._bytes = [], 0
        self._flushed = time.monotonic()


def read_ahead(portions: Iterable[Portion]) -> Iterator[Portion]:
    """``portions``, read by a thread of their own while the caller is busy with the ones before.

    What reading raises is raised here, after the portions that were read before it. The thread is gone when this ends.
    """
    queue = _Queue()
    reader = threading.Thread(target=queue.fill, args=(portions,), name="mmreg-reader", daemon=True)
    reader.start()
    try:
        while (portion := queue.take()) is not None:
            yield portion
    finally:
        queue.stop()
        reader.join()


class _Queue:
    """Portions between the thread that reads and the one that calls, at most `AHEAD_BYTES` of them."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._waiting: deque[Portion] = deque()
        self._bytes = 0
        self._over = self._stopped = False
        self._error: BaseException | None = None

    def fill(self, portions: Iterable[Portion]) -> None:
        try:
            for portion in portions:
                if not self._put(portion):
                    break
        except BaseException as error:
            self._error = error
        finally:
            with self._changed:
                self._over = True
                self._changed.notify_all()

    def take(self) -> Portion | None:
        """The next portion; None after the last."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._over)
            if self._waiting:
                portion = self._waiting.popleft()
                self._bytes -= portion.batch.nbytes
                self._changed.notify_all()
                return portion
        if self._error is not None:
            raise self._error
        return None

    def stop(self) -> None:
        """Nobody will take more."""
        with self._changed:
            self._stopped = True
            self._waiting.clear()
            self._changed.notify_all()

    def _put(self, portion: Portion) -> bool:
        size = portion.batch.nbytes
        with self._changed:
            self._changed.wait_for(lambda: self._stopped or not self._waiting or self._bytes + size <= AHEAD_BYTES)
            self._waiting.append(portion)
            self._bytes += size
            self._changed.notify_all()
            return not self._stopped
