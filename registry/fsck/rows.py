"""The rows of a table: every sample once, every reference to a row that is there, every media cell its digest's.

Versions that use a damaged file are left out: what is wrong with them is known already.
"""

from __future__ import annotations

import hashlib
from collections.abc import Container, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mmreg.errors import StorageError
from mmreg.registry.fsck.files import SHOWN, TableFiles
from mmreg.registry.fsck.guard import guarded
from mmreg.registry.identity import fixed_width
from mmreg.registry.part import BATCH_BYTES
from mmreg.registry.selection import read_selection
from mmreg.registry.snapshot import column_fields
from mmreg.schemas.arrow import media_kind
from mmreg.schemas.cells import child, values, whole
from mmreg.schemas.damage import Damage
from mmreg.schemas.progress import Progress
from mmreg.validators.columns.digests import DigestSet

if TYPE_CHECKING:
    import lance

RowIds = NDArray[np.uint64]
MEDIA_ROWS = 256


def duplicates(files: TableFiles) -> Iterator[Damage]:
    """Rows of the newest version with the `sample_id` of an earlier one. Memory: 16 bytes a row."""
    if not files.whole or files.whole[-1] != files.retained[-1]:
        return
    version = files.whole[-1]
    with guarded(files.ref(version)):
        table = files.open(version)
        if "sample_id" not in table.schema.names:
            return
        seen, again, ids, count = DigestSet(), list[int](), list[str](), 0
        for batch in table.scanner(columns=["sample_id"], with_row_id=True).to_batches():
            cells = fixed_width(batch.column("sample_id"))
            digests = np.ascontiguousarray(cells.view(np.uint64).reshape(-1, 2).T)
            places = np.flatnonzero(seen.add(digests))
            count += len(places)
            first = places[: SHOWN - len(again)]
            again += batch.column("_rowid").to_numpy()[first].tolist()
            ids += [cells[place].tobytes().hex() for place in first]
    if count:
        yield Damage(
            "duplicate",
            f"{files.ref(version)}: {count:,} rows have the sample_id of another row",
            dataset=files.dataset,
            rows=count,
            row_ids=tuple(again),
            sample_ids=tuple(ids),
            columns=("sample_id",),
            hint="another writer has added them: remove them with plain Lance, by row id",
        )


class References:
    """Do the rows that derived datasets refer to exist? ``tables`` are all that was looked at, by name, ``removed``
    the uuids of versions that somebody removed: older versions that refer to one went with it.

    Memory: 8 bytes for each row of the root version in hand, and of the derived one.
    """

    def __init__(self, tables: dict[str, TableFiles], removed: Container[str]) -> None:
        self._tables, self._removed = tables, removed
        self._held: tuple[tuple[str, int], RowIds] | None = None

    def check(self, files: TableFiles) -> Iterator[Damage]:
        """What the retained versions of a derived dataset refer to in vain."""
        for version in files.whole:
            known = files.known.get(version)
            if known is None or known.output.kind != "derived":
                continue
            try:
                with guarded(files.ref(version)):
                    selection = read_selection(files.open(version))
            except StorageError as error:
                yield _unreadable(files, version, error)
                continue
            for number, root in enumerate(known.output.roots):
                if root["uuid"] in self._removed and version != files.retained[-1]:
                    continue
                yield from self._refer(files.ref(version), files.dataset, root, selection.of(number).row_ids)

    def _refer(self, ref: str, dataset: str, root: Any, row_ids: RowIds) -> Iterator[Damage]:
        name, version = root["dataset"], root["lance_version"]
        there = self._tables.get(name)
        if there is None:
            return
        if version not in there.retained or not _is(there, version, root["uuid"]):
            yield Damage(
                "dangling",
                f"{ref} refers to {len(row_ids):,} rows of {name} (version {root['uuid'][:8]}), which is gone",
                dataset=dataset,
                rows=len(row_ids),
                hint=f"mmreg apply, which selects {dataset} again",
            )
        elif version not in there.sick:
            try:
                known = self._rows(there, version)
            except StorageError as error:
                yield _unreadable(there, version, error)
                return
            missing = row_ids[~np.isin(row_ids, known)]
            if len(missing):
                yield Damage(
                    "dangling",
                    f"{ref} refers to {len(missing):,} rows that {there.ref(version)} has not",
                    dataset=dataset,
                    rows=len(missing),
                    row_ids=tuple(missing[:SHOWN].tolist()),
                    hint=f"mmreg apply, which selects {dataset} again",
                )

    def _rows(self, files: TableFiles, version: int) -> RowIds:
        if self._held is None or self._held[0] != (files.dataset, version):
            with guarded(files.ref(version)):
                batches = files.open(version).scanner(columns=[], with_row_id=True).to_batches()
                parts = [batch.column("_rowid").to_numpy().astype(np.uint64, copy=False) for batch in batches]
            self._held = (files.dataset, version), np.concatenate([np.empty(0, np.uint64), *parts])
        return self._held[1]


def orphans(files: TableFiles, tables: dict[str, TableFiles]) -> Iterator[Damage]:
    """Rows of the newest version whose ``parent`` no retained version of its dataset has."""
    if not files.whole or files.whole[-1] != files.retained[-1]:
        return
    version = files.whole[-1]
    wanted: dict[str, dict[bytes, int]] = {}
    with guarded(files.ref(version)):
        table = files.open(version)
        if "parent" not in table.schema.names or "_made_for" not in table.schema.names:
            return
        for batch in table.scanner(columns=["parent"], with_row_id=True).to_batches():
            for row_id, parent in zip(values(batch.column("_rowid")), values(batch.column("parent")), strict=True):
                if parent is not None and parent["sample_id"] is not None:
                    wanted.setdefault(parent["dataset"], {}).setdefault(parent["sample_id"], row_id)
    for dataset, missing in wanted.items():
        there = tables.get(dataset)
        if there is None or there.sick:
            continue
        for older in reversed(there.retained):
            if not missing:
                break
            with guarded(there.ref(older)):
                for batch in there.open(older).scanner(columns=["sample_id"]).to_batches():
                    for id in values(batch.column("sample_id")):
                        missing.pop(id, None)
        if missing and _complete(there):
            yield Damage(
                "dangling",
                f"{files.ref(version)} has rows made from {len(missing):,} samples that {dataset} never had",
                dataset=files.dataset,
                rows=len(missing),
                row_ids=tuple(list(missing.values())[:SHOWN]),
                sample_ids=tuple(id.hex() for id in list(missing)[:SHOWN]),
                columns=("parent",),
                hint="mmreg why REF SAMPLE_ID tells what a row was made from",
            )


class MediaCells:
    """Hashes every stored media cell again, each file once. Memory: a batch of cells. ``cells`` counts them."""

    def __init__(self) -> None:
        self.cells = 0

    def check(self, files: TableFiles, progress: Progress) -> Iterator[Damage]:
        """Cells whose bytes are not those of their SHA-256."""
        seen: set[tuple[str, str]] = set()
        # The oldest version that has a file has the most rows of it: a row that was deleted never comes back.
        for version in files.whole:
            try:
                with guarded(files.ref(version)):
                    yield from self._version(files, version, seen, progress)
            except StorageError as error:
                yield _unreadable(files, version, error)

    def _version(
        self, files: TableFiles, version: int, seen: set[tuple[str, str]], progress: Progress
    ) -> Iterator[Damage]:
        table = files.open(version)
        ids = column_fields(table.lance_schema)
        columns = [field.name for field in table.schema if _media(field.type) is not None]
        for fragment in table.get_fragments() if columns else ():
            for column in columns:
                held = [(f._path, column) for f in fragment.metadata.files if set(ids[column]) & set(f.fields)]
                if held and held[0] not in seen:
                    seen.add(held[0])
                    yield from self._fragment(files, version, table, fragment, column, progress)

    def _fragment(
        self,
        files: TableFiles,
        version: int,
        table: lance.LanceDataset,
        fragment: lance.LanceFragment,
        column: str,
        progress: Progress,
    ) -> Iterator[Damage]:
        progress.start(f"fsck {files.dataset}: {column} of fragment {fragment.fragment_id}", fragment.count_rows())
        row_ids, samples, count = list[int](), list[str](), 0
        also = ["sample_id"] if "sample_id" in table.schema.names else []
        scanner = table.scanner(
            columns=[column, *also],
            fragments=[fragment],
            with_row_id=True,
            batch_size=MEDIA_ROWS,
            batch_size_bytes=BATCH_BYTES,
            batch_readahead=2,
            fragment_readahead=1,
            io_buffer_size=2 * BATCH_BYTES,
        )
        for batch in scanner.to_batches():
            for place in self._wrong(batch.column(column)):
                count += 1
                if len(row_ids) < SHOWN:
                    row_ids.append(batch.column("_rowid")[place].as_py())
                    samples += [batch.column(name)[place].as_py().hex() for name in also]
            progress.advance(batch.num_rows)
        progress.done()
        if count:
            yield Damage(
                "media",
                f"{files.ref(version)}: {count:,} cells of {column} are not what their sha256 says",
                dataset=files.dataset,
                rows=count,
                row_ids=tuple(row_ids),
                sample_ids=tuple(samples),
                columns=(column,),
                last_good=files.last_good,
                hint="touch their files in the source, then mmreg apply",
            )

    def _wrong(self, column: pa.Array[Any]) -> Iterator[int]:
        """Places of rows with a cell that is not its digest's."""
        if isinstance(column, pa.ListArray):
            for place, row in enumerate(column):
                if row.is_valid and any(True for _ in self._wrong(row.values)):
                    yield place
            return
        digests = values(child(column, "sha256"))
        for place, (cell, digest) in enumerate(zip(whole(child(column, "bytes")), digests, strict=True)):
            if cell.is_valid and digest is not None:
                self.cells += 1
                if hashlib.sha256(cell.as_buffer()).digest() != digest:
                    yield place


def _unreadable(files: TableFiles, version: int, error: StorageError) -> Damage:
    return Damage(
        "unreadable",
        error.message,
        dataset=files.dataset,
        lance_versions=(version,),
        last_good=files.last_good,
        hint=f"mmreg fsck {files.dataset} --deep",
    )


def _media(dtype: pa.DataType) -> str | None:
    return media_kind(dtype.value_type) if isinstance(dtype, pa.ListType) else media_kind(dtype)


def _is(files: TableFiles, version: int, uuid: str) -> bool:
    known = files.known.get(version)
    return known is None or known.output.uuid == uuid


def _complete(files: TableFiles) -> bool:
    """Whether every version that there ever was is still there: else a row may be of one that was removed."""
    return files.retained == list(range(1, len(files.retained) + 1))
