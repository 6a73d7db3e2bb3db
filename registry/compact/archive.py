"""The archive of runs is a table, too: every fold adds a fragment, and from time to time they become one.

The new fragment has a higher number than all before it, so an index that reads "fragments above" meets every run once
more and takes in none twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pyarrow as pa

from mmreg.errors import IntegrityError, StorageError
from mmreg.registry.lake import first_line
from mmreg.registry.leases import lease
from mmreg.registry.operations.compare import assert_same
from mmreg.registry.operations.rewrite import NewFile
from mmreg.registry.runs import ARCHIVE, LEASE, WAIT_S, commit_archive, open_archive
from mmreg.registry.snapshot import file_paths
from mmreg.registry.store import Store

if TYPE_CHECKING:
    import lance

MOST_FRAGMENTS = 16
ROWS = 1000
"""Runs that are held in memory at a time."""


def compact_archive(store: Store) -> int:
    """Make one fragment of the archive where it has more than `MOST_FRAGMENTS`; returns how many these were, or 0.

    Raises `LeaseHeld` where another process archives all the while, `IntegrityError` where what was written is not
    what was read, and `StorageError`.
    """
    with lease(store, LEASE, wait_s=WAIT_S):
        table = open_archive(store)
        if table is None or len(table.fragment_ids()) <= MOST_FRAGMENTS:
            return 0
        try:
            return _rewrite(store, table)
        except OSError as error:
            raise StorageError(f"{ARCHIVE}: {first_line(error)}", hint="repeat the command") from error


def _rewrite(store: Store, table: lance.LanceDataset) -> int:
    import lance
    from lance.fragment import write_fragments

    numbers = list(table.fragment_ids())
    reader = pa.RecordBatchReader.from_batches(table.schema, _rows(table))
    written = write_fragments(
        reader, table.uri, schema=table.schema, mode="append", storage_options=store.options or None
    )
    assert isinstance(written, list)
    start, what = 0, f"writing {ARCHIVE} anew"
    for fragment in written:
        [path] = file_paths(fragment)
        file = NewFile(table, path)
        assert_same(_rows(table, start, file.rows), file.read, file.rows, table.schema.names, what)
        start += file.rows
    if start != table.count_rows():
        raise IntegrityError(f"{what}: {start:,} runs came back of {table.count_rows():,}; nothing was published")
    operation = lance.LanceOperation.Update(
        removed_fragment_ids=numbers, new_fragments=written, update_mode="rewrite_rows"
    )
    commit_archive(store, lance.Transaction(table.version, operation), compacted=len(numbers))
    return len(numbers)


def _rows(table: lance.LanceDataset, start: int = 0, rows: int | None = None) -> Iterator[pa.RecordBatch]:
    scanner = table.scanner(offset=start, limit=rows, batch_size=ROWS, scan_in_order=True)
    batches: Iterator[pa.RecordBatch] = scanner.to_batches()
    yield from batches
