"""Parquet: one record a row, in one file, a folder of them or a pattern.

A media column holds bytes, paths, or the pairs of both that Hugging Face writes. The listing reads the
footers, and of the rows only their media paths.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from itertools import compress, islice
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from mmreg.schemas.declaration import ColumnSpec, DatasetSpec
from mmreg.sources.columns import media_columns
from mmreg.sources.declared import declared_path
from mmreg.sources.files import Root
from mmreg.sources.placing import place_media
from mmreg.sources.protocol import SourceBatch, Wanted
from mmreg.sources.reading import listing_of, rows_of
from mmreg.sources.record import File, Record, Refused
from mmreg.sources.shards import find_shards, open_shard
from mmreg.sources.stamp import stamp
from mmreg.sources.tabular import check_schema, dictionary_leaves, media_leaves, media_value, python_rows

_ROWS = 4096
_BYTES = 8 * 1024 * 1024
_BUFFER = 1024 * 1024
_HOW: dict[str, Any] = {"buffer_size": _BUFFER, "pre_buffer": False, "page_checksum_verification": True}
_BROKEN = (pa.ArrowException, OSError, UnicodeDecodeError)
"""What pyarrow raises over a file that is no Parquet, or no longer."""
_ROWS_ANYWAY, _ROWS_PER_BYTE = 1 << 20, 16
"""Rows that a file may announce: these, and so many more for each of its bytes. Rows that say something take
more, and a footer can announce 10^18 of them."""


class ParquetFiles:
    """The reader of ``type: parquet``. A row's address is its file and its number."""

    def __init__(self, name: str, spec: DatasetSpec, base: Path) -> None:
        """Open the declared file, folder or pattern. Raises `NotFound`."""
        source = spec.source
        facts: dict[str, Any] = {"type": "parquet", "path": source.path}
        self._shards = find_shards(name, source.path, base, ".parquet")
        folder = self._shards.folder
        if source.media_root is not None:
            facts["media_root"] = source.media_root
            folder = declared_path(name, "media_root", source.media_root, base)
        self.name, self.spec, self.facts = name, spec, facts
        self.media_root = os.path.realpath(folder)
        self._beside = source.media_root is None

    def listing(self) -> Iterator[pa.RecordBatch]:
        """Yield addresses and stamps. Raises `UsageError` where a file lacks a declared column."""
        return listing_of(self._records())

    def read(self, wanted: Wanted | None) -> Iterator[SourceBatch]:
        """Yield the wanted records as rows, or as rejected, reading only row groups that hold one."""
        return rows_of(self.name, self.spec, self._wanted_records(wanted))

    def _records(self) -> Iterator[Record]:
        for group in self._groups():
            if isinstance(group, Record):
                yield group
            else:
                for row, mark in enumerate(group.stamps()):
                    yield Record(group.address(row), mark, {})

    def _wanted_records(self, wanted: Wanted | None) -> Iterator[Record]:
        for group in self._groups():
            if isinstance(group, Record):
                if wanted is None or wanted(pa.array([group.address]))[0].as_py():
                    yield group
                continue
            mask = group.mask(wanted)
            if mask.any():
                yield from group.records(mask)

    def _groups(self) -> Iterator[_Group | Record]:
        """Yield each row group; for a file that cannot be read as Parquet, one record to reject."""
        root = Root(self.media_root)
        for name, file in self._shards.files():
            if isinstance(file, Refused):
                yield Record(name, stamp((None,)), {}, file)
                continue
            with open_shard(file) as stream:
                try:
                    parquet = _open(stream, file)
                    schema = parquet.schema_arrow
                except _BROKEN as error:
                    yield Record(name, stamp((file,)), {}, _broken(name, error))
                    continue
                except Refused as refused:
                    yield Record(name, stamp((file,)), {}, refused)
                    continue
                check_schema(self.name, name, schema, self.spec.columns)
                folder, start = os.path.dirname(name) if self._beside else "", 0
                for index in range(parquet.num_row_groups):
                    group = _Group(stream, parquet, index, start, self.spec.columns, file, root, folder)
                    yield group
                    start += group.count


def _open(stream: BinaryIO, file: File) -> pq.ParquetFile:
    """Open a file. Raises `Refused`, or one of `_BROKEN`."""
    parquet = pq.ParquetFile(stream, **_HOW)
    rows, most = parquet.metadata.num_rows, _ROWS_ANYWAY + _ROWS_PER_BYTE * file.size
    groups = [parquet.metadata.row_group(index).num_rows for index in range(parquet.num_row_groups)]
    if rows > most or sum(groups) > most or min(groups, default=0) < 0:
        raise Refused("too_large", f"{file.uri} announces {max(rows, sum(groups)):,} rows in {file.size:,} bytes")
    return parquet


class _Group:
    """One row group of ``file``, whose rows count from ``start`` on; media paths start in ``folder``."""

    def __init__(
        self,
        stream: BinaryIO,
        parquet: pq.ParquetFile,
        index: int,
        start: int,
        columns: Mapping[str, ColumnSpec],
        file: File,
        root: Root,
        folder: str,
    ) -> None:
        self._stream, self._parquet, self._index, self._start = stream, parquet, index, start
        self._columns, self._file, self._root, self._folder = columns, file, root, folder
        self._media = {key: columns[key] for key in media_columns(columns)}
        metadata = parquet.metadata.row_group(index)
        self.count: int = metadata.num_rows
        # Rows of a batch, by what a row of this group takes: wide rows must not come thousands at a time.
        self._step = max(1, min(_ROWS, _BYTES * self.count // max(1, metadata.total_byte_size)))

    def address(self, row: int) -> str:
        return f"{self._file.uri}#{self._start + row}"

    def mask(self, wanted: Wanted | None) -> NDArray[np.bool_]:
        """Which rows of the group are wanted."""
        mask = np.ones(self.count, dtype=bool)
        if wanted is None:
            return mask
        for first in range(0, self.count, _ROWS):
            rows = range(first, min(first + _ROWS, self.count))
            mask[first : rows.stop] = wanted(pa.array([self.address(row) for row in rows])).to_pylist()
        return mask

    def stamps(self) -> Iterator[int]:
        """Yield the stamp of each row: its file, its number, and the looks of the files that it names."""
        for row, files in enumerate(islice(self._named_files(), self.count)):
            yield stamp((self._file, *files), (self._start + row).to_bytes(8, "little"))

    def records(self, mask: NDArray[np.bool_]) -> Iterator[Record]:
        """Yield the rows of ``mask`` with their values."""
        chosen = mask.tolist()
        places = zip(compress(range(self.count), chosen), compress(self.stamps(), chosen), strict=True)
        for (row, mark), values in zip(places, self._values(mask), strict=True):
            if isinstance(values, Refused):
                yield Record(self.address(row), mark, {}, values)
                continue
            for key in self._media:
                values[key] = media_value(values[key])
            _, unusable = place_media(self._root, self._media, values, self._folder)
            yield Record(self.address(row), mark, values, unusable)

    def _named_files(self) -> Iterator[list[File | None]]:
        fields = {column.field or key for key, column in self._media.items()}
        leaves, left = media_leaves(self._parquet, self._index, fields), self.count
        try:
            for batch in self._parquet.iter_batches(_ROWS, [self._index], leaves) if leaves else ():
                for values in python_rows(batch, self._media):
                    paths = {key: media_value(value) for key, value in values.items()}
                    left -= 1
                    yield place_media(self._root, self._media, paths, self._folder)[0]
        except _BROKEN:  # reading the values will meet it again, and say so
            pass
        yield from ([] for _ in range(left))

    def _values(self, mask: NDArray[np.bool_]) -> Iterator[dict[str, Any] | Refused]:
        names = set(self._parquet.schema_arrow.names)
        fields = [column.field or key for key, column in self._columns.items()]
        present = [field for field in fields if field in names]
        row, left = 0, int(mask.sum())
        try:
            # Asked for a column whose statistics lie, pyarrow ends the process; reading, it only raises. So read first.
            next(self._parquet.iter_batches(1, [self._index], present), None)
            for batch in self._as_dictionaries(set(present)).iter_batches(self._step, [self._index], present):
                part = mask[row : row + batch.num_rows]
                batch = batch.slice(0, len(part))  # there may be more rows than the footer announces
                row += batch.num_rows
                for values in python_rows(batch if part.all() else batch.filter(pa.array(part)), self._columns):
                    left -= 1
                    yield values
        except _BROKEN as error:
            yield from (_broken(self._file.uri, error) for _ in range(left))
            return
        fewer = Refused("unreadable", f"{self._file.uri}: fewer rows than its footer announces")
        yield from (fewer for _ in range(left))

    def _as_dictionaries(self, fields: set[str]) -> pq.ParquetFile:
        leaves = dictionary_leaves(self._parquet, self._index, fields)
        if not leaves:
            return self._parquet
        return pq.ParquetFile(self._stream, metadata=self._parquet.metadata, read_dictionary=leaves, **_HOW)


def _broken(name: str, error: Exception) -> Refused:
    return Refused("unreadable", f"{name}: {error}")
