"""A Lance table, read where it lies and never written: one record a row.

A row's address is its stable row id, its stamp the version that last touched it, so telling what moved reads no
column of the table. A media column holds bytes, or a struct of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import pyarrow as pa

from mmreg.errors import MmregError, NotFound, StorageError, UsageError
from mmreg.schemas.cells import values
from mmreg.schemas.declaration import DatasetSpec
from mmreg.sources.columns import media_columns
from mmreg.sources.protocol import LISTING, SourceBatch, Wanted
from mmreg.sources.reading import rows_of
from mmreg.sources.record import Record
from mmreg.sources.stamp import stamp
from mmreg.sources.tabular import check_schema, media_value, python_rows

if TYPE_CHECKING:
    import lance

_TOUCHED = "_row_last_updated_at_version"
_ROWS = 4096
_BYTES = 8 * 1024 * 1024


class LanceTable:
    """The reader of ``type: lance``."""

    def __init__(self, name: str, spec: DatasetSpec, base: Path) -> None:
        """Open the newest version. Raises `NotFound`, and `UsageError` for a table without stable row ids."""
        self._name, self._spec = name, spec
        self._table = _open(name, spec.source.path, base)
        self.media_root: str | None = None
        self.facts: dict[str, Any] = {"type": "lance", "path": spec.source.path, "version": self._table.version}
        self._media = media_columns(spec.columns)
        schema = self._schema = _caught(self._broken, lambda: self._table.schema)
        check_schema(name, spec.source.path, schema, spec.columns)
        for key in self._media:
            _check_media(name, key, spec, schema)

    def listing(self) -> Iterator[pa.RecordBatch]:
        for batch in self._scan(columns=[_TOUCHED], with_row_id=True):
            addresses = pa.array([_address(row_id) for row_id in values(batch.column("_rowid"))], pa.string())
            stamps = [_stamp(version) for version in values(batch.column(_TOUCHED))]
            yield pa.RecordBatch.from_arrays([addresses, pa.array(stamps, pa.uint64())], schema=LISTING)

    def read(self, wanted: Wanted | None) -> Iterator[SourceBatch]:
        yield from rows_of(self._name, self._spec, self._records(wanted))

    def _records(self, wanted: Wanted | None) -> Iterator[Record]:
        for batch in self._batches(wanted):
            rows = python_rows(batch, self._spec.columns)
            ids, versions = values(batch.column("_rowid")), values(batch.column(_TOUCHED))
            for row_id, version, cells in zip(ids, versions, rows, strict=True):
                for key in self._media:
                    cells[key] = media_value(cells[key])
                yield Record(_address(row_id), _stamp(version), cells)

    def _batches(self, wanted: Wanted | None) -> Iterator[pa.RecordBatch]:
        fields = {column.field or key for key, column in self._spec.columns.items()}
        columns = [_TOUCHED, *(name for name in self._schema.names if name in fields)]
        row_ids = self._row_ids(wanted)
        # Rows of a batch, by what a row takes: wide rows must not come thousands at a time.
        bounds = {"batch_size": _ROWS, "batch_size_bytes": _BYTES, "batch_readahead": 2, "io_buffer_size": 2 * _BYTES}
        for batch in self._scan(columns=columns, with_row_id=True, **bounds):
            if row_ids is None:
                yield batch
                continue
            here = np.isin(batch.column("_rowid").to_numpy(), row_ids)
            if here.any():
                yield batch.filter(pa.array(here))

    def _row_ids(self, wanted: Wanted | None) -> np.ndarray[Any, np.dtype[np.uint64]] | None:
        if wanted is None:
            return None
        chosen = [np.empty(0, np.uint64)]
        for batch in self._scan(columns=[], with_row_id=True, batch_size=65_536):
            ids = batch.column("_rowid").to_numpy()
            mask = wanted(pa.array([_address(row_id) for row_id in ids.tolist()], pa.string()))
            chosen.append(ids[mask.to_numpy(zero_copy_only=False)].astype(np.uint64))
        return np.concatenate(chosen)

    def _scan(self, **options: Any) -> Iterator[pa.RecordBatch]:
        """Batches that are whole. Raises `StorageError` where a page is not what its file says that it is."""
        batches = _caught(self._broken, lambda: iter(self._table.scanner(**options).to_batches()))
        while (batch := _caught(self._broken, lambda: next(batches, None))) is not None:
            yield batch

    def _broken(self, error: BaseException) -> StorageError:
        path = self._spec.source.path
        return StorageError(
            f"dataset {self._name}: {path} cannot be read: {_words(error)}",
            hint=f"its maker's copy: some file of {path} is damaged",
        )


def _open(name: str, path: str, base: Path) -> lance.LanceDataset:
    import lance

    uri = path if "://" in path else str((base / path).resolve())

    def broken(error: BaseException) -> MmregError:
        if "not found" in str(error).lower():
            return NotFound(f"dataset {name}: there is no Lance table at {path}", hint="mend source.path")
        return StorageError(f"dataset {name}: {path} cannot be opened: {_words(error)}")

    table = _caught(broken, lambda: lance.dataset(uri))
    if _caught(broken, lambda: table.base_paths()):
        raise UsageError(
            f"dataset {name}: the table {path} keeps data at addresses of its own choice, and none is followed",
            hint="lance.write_dataset(lance.dataset(it), COPY, enable_stable_row_ids=True), and COPY as path",
        )
    if not _caught(broken, lambda: table.has_stable_row_ids):
        raise UsageError(
            f"dataset {name}: the table {path} has no stable row ids, so its rows cannot be told apart later",
            hint="write it again with lance.write_dataset(..., enable_stable_row_ids=True)",
        )
    return table


Made = TypeVar("Made")


def _caught(error_of: Callable[[BaseException], Exception], call: Callable[[], Made]) -> Made:
    """What ``call`` answers. Over damaged files Lance raises this or that, and where it panics no `Exception`."""
    try:
        return call()
    except BaseException as error:
        if isinstance(error, (KeyboardInterrupt, SystemExit, MmregError, MemoryError)):
            raise
        raise error_of(error) from error


def _words(error: BaseException) -> str:
    said = str(error).removeprefix("External error: ") or type(error).__name__
    return said.splitlines()[0].split(", /")[0][:300]


def _check_media(name: str, key: str, spec: DatasetSpec, schema: pa.Schema) -> None:
    column = spec.columns[key]
    field = column.field or key
    if field not in schema.names:
        return
    dtype = schema.field(field).type
    if pa.types.is_string(dtype) or pa.types.is_large_string(dtype) or column.storage == "reference":
        raise UsageError(
            f"dataset {name}: the media column {key!r} of a Lance source must hold bytes and be kept inline",
            hint="declare paths as text, or take the table's Parquet export with type: parquet",
        )


def _address(row_id: int) -> str:
    return f"row/{row_id}"


def _stamp(version: int) -> int:
    return stamp((), version.to_bytes(8, "little"))
