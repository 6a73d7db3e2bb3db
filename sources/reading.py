"""From records to Arrow: the listing, and rows in batches of bounded size."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import compress, islice
from typing import Any

import pyarrow as pa

from mmreg.schemas.declaration import DatasetSpec
from mmreg.sources.protocol import LISTING, SourceBatch, Wanted
from mmreg.sources.record import Record
from mmreg.sources.rows import RowBuilder

_ROWS = 4096
_BYTES = 8 * 1024 * 1024


def listing_of(records: Iterable[Record]) -> Iterator[pa.RecordBatch]:
    """Yield the `LISTING` batches of ``records``; their values are not looked at."""
    seen = ((record.address, record.stamp) for record in records)
    while batch := list(islice(seen, _ROWS)):
        addresses, stamps = zip(*batch, strict=True)
        arrays: list[pa.Array[Any]] = [pa.array(addresses, pa.string()), pa.array(stamps, pa.uint64())]
        yield pa.RecordBatch.from_arrays(arrays, schema=LISTING)


def rows_of(name: str, spec: DatasetSpec, records: Iterable[Record]) -> Iterator[SourceBatch]:
    """Yield ``records`` as rows, or as rejected; memory holds about one batch."""
    rows = RowBuilder(name, spec)
    for record in records:
        rows.add(record)
        if rows.full:
            yield rows.take()
    if not rows.empty:
        yield rows.take()


def select(records: Iterable[Record], wanted: Wanted | None) -> Iterator[Record]:
    """Yield those of ``records`` that are wanted, asking for some thousands at a time."""
    if wanted is None:
        yield from records
        return
    for chunk in _chunks(records):
        mask = wanted(pa.array([record.address for record in chunk], pa.string()))
        yield from compress(chunk, mask.to_pylist())


def _chunks(records: Iterable[Record]) -> Iterator[list[Record]]:
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
