"""Results of a pass on their way into a table: durable, by row id, found again after a kill.

``_mmreg/stage/<dataset>/<pass>/<generation>/<time>-<first row id>-<last row id>-<nonce>.arrow`` holds ``_rowid`` and
the pass's columns with its state for a run of rows in ascending order. Nothing here is a version: publishing joins
these files with whatever rows are newest, and `clear` forgets them when they have landed.
"""

from __future__ import annotations

import time
import uuid

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mmreg.registry.store import Store


class Stage:
    """The staged results of one generation of one pass on one dataset."""

    def __init__(self, store: Store, dataset: str, pass_name: str, generation: int) -> None:
        self._store = store
        self._all = f"_mmreg/stage/{dataset}/{pass_name}/"
        self._folder = f"{self._all}{generation:016x}/"
        self._seal = f"{self._all}{generation:016x}.run"
        self._spans: list[tuple[int, int, str]] | None = None
        self._held: tuple[str, pa.Table] | None = None

    def write(self, results: pa.Table) -> None:
        """Keep ``results``; when this returns they survive a kill."""
        if not _ascending(_row_ids(results)):
            results = results.sort_by("_rowid")
        first, last = results["_rowid"][0].as_py(), results["_rowid"][-1].as_py()
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, results.schema) as writer:
            writer.write_table(results)
        key = f"{self._folder}{time.time_ns():020d}-{first}-{last}-{uuid.uuid4().hex[:8]}.arrow"
        staged = self._files()  # listed before this one is there
        self._store.put(key, sink.getvalue().to_pybytes())
        staged.append((first, last, key))

    def read(self, row_ids: NDArray[np.uint64]) -> pa.Table | None:
        """What is staged for ``row_ids``, the latest where a row was staged twice; None where nothing is.

        Reads only the files whose span touches them, and keeps the last one for the rows that come next: memory is
        bounded by a file and a fragment's results.
        """
        if not len(row_ids):
            return None
        low, high = row_ids.min(), row_ids.max()
        parts = []
        for first, last, key in self._files():
            if first <= high and last >= low and (table := self._open(key)) is not None:
                ids = _row_ids(table)
                start, stop = np.searchsorted(ids, low), np.searchsorted(ids, high, side="right")
                part, ids = table.slice(start, stop - start), ids[start:stop]
                here = None if np.array_equal(ids, row_ids) else np.isin(ids, row_ids)
                if here is None or here.any():
                    parts.append(part if here is None else part.filter(pa.array(here)))
        return _latest(pa.concat_tables(parts)) if parts else None

    def is_empty(self) -> bool:
        return not self._files()

    def seal(self, run_id: str) -> None:
        """Note which run is publishing what is staged, in more commits than one."""
        self._store.put(self._seal, run_id.encode())

    def sealed_by(self) -> str | None:
        """The id of the run that has begun to publish what is staged; None where none has."""
        sealed = self._store.get(self._seal)
        return sealed.decode() if sealed is not None else None

    def clear(self) -> None:
        """Forget this pass's staged results, of this generation and of earlier ones."""
        for key in list(self._store.list(self._all)):
            self._store.delete(key)
        self._spans = self._held = None

    def _open(self, key: str) -> pa.Table | None:
        if self._held is None or self._held[0] != key:
            data = self._store.get(key)
            self._held = None if data is None else (key, pa.ipc.open_stream(data).read_all().combine_chunks())
        return None if self._held is None else self._held[1]

    def _files(self) -> list[tuple[int, int, str]]:
        if self._spans is None:
            self._spans = []
            for key in self._store.list(self._folder):
                _, first, last, _ = key.rsplit("/", 1)[-1].split("-")
                self._spans.append((int(first), int(last), key))
        return self._spans


def _latest(table: pa.Table) -> pa.Table:
    row_ids = _row_ids(table)
    if _ascending(row_ids):
        return table
    _, last = np.unique(row_ids[::-1], return_index=True)
    return table if len(last) == len(row_ids) else table.take((len(row_ids) - 1 - last).astype(np.int64))


def _row_ids(table: pa.Table) -> NDArray[np.uint64]:
    return table["_rowid"].to_numpy().astype(np.uint64, copy=False)


def _ascending(row_ids: NDArray[np.uint64]) -> bool:
    return bool((row_ids[1:] > row_ids[:-1]).all())
