"""One look at each media cell, however many checks ask what it told."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from hashlib import blake2b
from typing import Any, Generic, TypeVar

import pyarrow as pa
import pyarrow.compute as pc

Look = TypeVar("Look")

THREADS = min(8, os.cpu_count() or 1)
_CHUNK = 16
"""Cells that a thread takes at a time: one small picture costs less than handing it over."""
_KEPT = 16_384
"""Looks that are remembered, some hundred bytes each: more than there are cells in a batch with media."""


class Looks(ABC, Generic[Look]):
    """What was seen of media cells, by the digest of their bytes.

    Checks get it from `Table.shared` and each asks for the same cells, batch by batch: the first one pays for
    decoding, the others for nothing, or where they look at a sample of the batch for a BLAKE2b digest. Cells are
    looked at by `THREADS` threads, as decoders release the interpreter. Kept are the looks, and the last batch.
    """

    def __init__(self) -> None:
        self._known: dict[bytes, Look] = {}
        self._last: tuple[pa.Array[Any], list[Look | None]] | None = None

    def at(self, cells: pa.Array[Any]) -> list[Look | None]:
        """The look at each of these media cells; None where there is none, or it has no bytes."""
        if self._last is not None and _place(self._last[0]) == _place(cells):
            return self._last[1]
        data = pc.struct_field(cells, "bytes")
        size = min(_CHUNK, -(-len(data) // THREADS)) or 1
        chunks = [data.slice(start, size) for start in range(0, len(data), size)]
        with ThreadPoolExecutor(THREADS) as threads:
            looks = [look for chunk in threads.map(self._chunk, chunks) for look in chunk]
        while len(self._known) > _KEPT:
            del self._known[next(iter(self._known))]
        self._last = cells, looks
        return looks

    @abstractmethod
    def look(self, data: bytes) -> Look:
        """Decode one cell. Whatever is wrong with it is part of the answer."""

    def forget(self) -> None:
        """Look at everything anew: more is asked for than before."""
        self._known.clear()
        self._last = None

    def _chunk(self, data: Iterable[pa.LargeBinaryScalar]) -> list[Look | None]:
        return [self._one(cell.as_py()) for cell in data]

    def _one(self, data: bytes | None) -> Look | None:
        if data is None:
            return None
        digest = blake2b(data, digest_size=16).digest()
        look = self._known.get(digest)
        if look is None:
            self._known[digest] = look = self.look(data)
        return look


def _place(cells: pa.Array[Any]) -> tuple[int, int, list[int]]:
    """Where an array lies in memory: two that are held and lie in one place are one."""
    addresses = [buffer.address if buffer is not None else 0 for buffer in cells.buffers()]
    return cells.offset, len(cells), addresses
