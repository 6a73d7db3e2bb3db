"""From records to Arrow: the listing, and rows in batches of bounded size."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from itertools import compress, islice
from typing import Any

import pyarrow as pa

from mmreg.schemas.declaration import DatasetSpec
from mmreg.sources.protocol import LISTING, SourceBatch, Wanted
from mmreg.sources.record import Record
from mmreg.sources.rows import RowBuilder

_ROWS = 4096
_BYTES = 8 * 1024 * 1024


class RecordSource(ABC):
    """A source that can walk its records; the listing and the rows follow from that one walk."""

    def __init__(
        self, name: str, spec: DatasetSpec, facts: Mapping[str, Any], media_root: str | None
    ) -> None:
        self.name, self.spec, self.facts, self.media_root = name, spec, facts, media_root

    @abstractmethod
    def records(self) -> Iterator[Record]:
        """Walk the source: each record with an address of its own, in an order that does not change."""

    def listing(self) -> Iterator[pa.RecordBatch]:
        """Yield addresses and stamps, reading no media byte."""
        seen = ((record.address, record.stamp) for record in self.records())
        while batch := list(islice(seen, _ROWS)):
            addresses, stamps = zip(*batch, strict=True)
            arrays: list[pa.Array[Any]] = [pa.array(addresses, pa.string()), pa.array(stamps, pa.uint64())]
            yield pa.RecordBatch.from_arrays(arrays, schema=LISTING)

    def read(self, wanted: Wanted | None) -> Iterator[SourceBatch]:
        """Yield the wanted records as rows, or as rejected; memory holds about one batch."""
        records = self.records()
        rows = RowBuilder(self.name, self.spec)
        for record in records if wanted is None else _select(records, wanted):
            rows.add(record)
            if rows.full:
                yield rows.take()
        if not rows.empty:
            yield rows.take()


def _select(records: Iterator[Record], wanted: Wanted) -> Iterator[Record]:
    for chunk in _chunks(records):
        mask = wanted(pa.array([record.address for record in chunk], pa.string()))
        yield from compress(chunk, mask.to_pylist())


def _chunks(records: Iterator[Record]) -> Iterator[list[Record]]:
    chunk: list[Record] = []
    held = 0
    for record in records:
        chunk.append(record)
        held += record.size
        if len(chunk) >= _ROWS or held >= _BYTES:
            yield chunk
            chunk, held = [], 0
    if chunk:
        yield chunk
