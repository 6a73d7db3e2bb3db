"""Writing the live rows of fragments anew: small neighbours become one, and deleted rows are in no new file.

Row ids stay, and so do the versions in which a row was made and changed. Fragments get new numbers, by which a scan
goes: rows come in another order than before. The new files are read back and compared with the old rows before the
operation is handed out.

A Rewrite conflicts only with changes of the same fragments, so the table's first fragment is always among these, as
it is in every other operation here. Where it has nothing to gain its metadata goes in as it is. Lance then gives a
fragment 0 another number, by which its deletion file would no longer be found: one that has such a file is written
anew, too.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mmreg.errors import IntegrityError
from mmreg.registry.operations.allocator import return_freed_memory
from mmreg.registry.operations.compare import assert_same
from mmreg.registry.snapshot import file_paths

if TYPE_CHECKING:
    import lance
    from lance.fragment import FragmentMetadata

FRAGMENT_ROWS = 65_536
FRAGMENT_BYTES = 1 << 30
"""What a fragment made of several has at most."""

BATCH_BYTES = 2 << 20
IO_BYTES = 16 << 20
"""Bytes that are read at a time, and ahead of that."""
BATCH_ROWS = 8192


@dataclass(frozen=True)
class Moved:
    """``new`` stands for the fragments ``old``. Lance gives it a number where it has 0 (after `rewrite`)."""

    old: tuple[FragmentMetadata, ...]
    new: FragmentMetadata


@dataclass(frozen=True)
class Rewritten:
    """What was prepared for exactly one version; nobody sees anything of it before ``operation`` is committed."""

    operation: lance.LanceOperation.BaseOperation
    moves: tuple[Moved, ...]


def rewrite(table: lance.LanceDataset, fragment_ids: Collection[int]) -> Rewritten | None:
    """Write the live rows of ``fragment_ids`` anew, and neighbours among them into one fragment while they fit.

    None where that would change nothing: none of these has a deleted row, or a neighbour that fits. Memory: a few
    hundred MB (ADR 18), or seven times the largest cell. The operation is for ``table`` as it is: after a lost race
    prepare it again. Raises `IntegrityError` where what was written is not what was read; `OSError` and `ValueError`
    as Lance does.
    """
    import lance

    return_freed_memory()
    fragments = {fragment.fragment_id: fragment.metadata for fragment in table.get_fragments()}
    chosen = set(fragment_ids)
    if not chosen:
        return None
    first = min(fragments)
    if first == 0 and fragments[first].deletion_file is not None:
        chosen.add(first)
    moves = [moved for together in bins(fragments.values(), chosen) for moved in _write(table, fragments, together)]
    if not moves:
        return None
    if not any(first == fragment.id for moved in moves for fragment in moved.old):
        moves.append(Moved((fragments[first],), fragments[first]))
    groups = [lance.LanceOperation.RewriteGroup(list(moved.old), [moved.new]) for moved in moves]
    return Rewritten(lance.LanceOperation.Rewrite(groups, []), tuple(moves))


def bins(fragments: Iterable[FragmentMetadata], chosen: Collection[int]) -> Iterator[list[FragmentMetadata]]:
    """The ``chosen`` ones among all ``fragments`` of a table, neighbours together while they fit in one."""
    together: list[FragmentMetadata] = []
    for fragment in fragments:
        if together and (fragment.id not in chosen or not fits([*together, fragment])):
            yield together
            together = []
        if fragment.id in chosen:
            together.append(fragment)
    if together:
        yield together


def fits(fragments: Sequence[FragmentMetadata]) -> bool:
    """Whether the live rows of ``fragments`` fit in one."""
    return sum(f.num_rows for f in fragments) <= FRAGMENT_ROWS and sum(map(live_bytes, fragments)) <= FRAGMENT_BYTES


def live_bytes(fragment: FragmentMetadata) -> int:
    """About what the rows of a fragment that are not deleted take on disk."""
    return stored_bytes(fragment) * fragment.num_rows // max(fragment.physical_rows, 1)


def stored_bytes(fragment: FragmentMetadata) -> int:
    """What the data files of a fragment take on disk."""
    return sum(file.file_size_bytes or 0 for file in fragment.files)


def batch_rows(fragments: Iterable[FragmentMetadata]) -> int:
    """How many rows of ``fragments`` to read at a time."""
    weight = max(stored_bytes(fragment) // max(fragment.physical_rows, 1) for fragment in fragments)
    return int(max(1, min(BATCH_ROWS, BATCH_BYTES // max(weight, 1))))


def rows_of(
    table: lance.LanceDataset, fragments: Collection[FragmentMetadata], columns: Sequence[str], *, deleted: bool = False
) -> Iterator[pa.RecordBatch]:
    """The rows of ``fragments`` with their ids, in order and piece by piece; ``deleted``: also those without."""
    numbers = {fragment.id for fragment in fragments}
    scanner: Any = table.scanner(
        columns=list(columns),
        fragments=[fragment for fragment in table.get_fragments() if fragment.fragment_id in numbers],
        with_row_id=True,
        include_deleted_rows=deleted,
        scan_in_order=True,
        batch_size=batch_rows(fragments),
        batch_readahead=1,
        fragment_readahead=1,
        io_buffer_size=IO_BYTES,
    )
    batches: Iterator[pa.RecordBatch] = scanner.to_batches()
    yield from batches


class NewFile:
    """A data file that no version names yet."""

    def __init__(self, table: lance.LanceDataset, path: str) -> None:
        from lance.file import LanceFileReader

        options = table.latest_storage_options() or None
        self._file = LanceFileReader(f"{table.uri}/data/{path}", storage_options=options)
        self.rows = self._file.num_rows()

    def read(self, start: int, rows: int) -> pa.Table:
        """``rows`` rows from ``start`` on. Read by pieces, as a reader of all of it reads far ahead."""
        found: pa.Table = self._file.read_range(start, rows, batch_size=rows, batch_readahead=1).to_table()
        return found


def _write(
    table: lance.LanceDataset, all_fragments: Iterable[int], together: Sequence[FragmentMetadata]
) -> Iterator[Moved]:
    """The new fragments for some that stand together: one, or more where Lance keeps some of them apart."""
    from lance.optimize import Compaction

    numbers = {fragment.id for fragment in together}
    options: Any = {
        "target_rows_per_fragment": max(2, sum(fragment.num_rows for fragment in together)),
        "materialize_deletions_threshold": 0.0,
        "excluded_fragment_ids": [number for number in all_fragments if number not in numbers],
        "batch_size": batch_rows(together),
        "io_buffer_size": IO_BYTES,
        "num_threads": 1,
        # What was deferred could not be looked up meanwhile (lance#4767).
        "defer_index_remap": False,
    }
    for task in Compaction.plan(table, options).tasks:
        [new] = task.execute(table).new_fragments
        old = tuple(task.fragments)
        _compare(table, old, new)
        yield Moved(old, new)


def _compare(table: lance.LanceDataset, old: tuple[FragmentMetadata, ...], new: FragmentMetadata) -> None:
    what = f"writing fragments {', '.join(str(fragment.id) for fragment in old)} anew"
    row_ids = [np.empty(0, np.uint64)]

    def live() -> Iterator[pa.RecordBatch]:
        for batch in rows_of(table, old, table.schema.names):
            row_ids.append(np.array(batch.column("_rowid"), np.uint64))  # a copy: a column keeps its whole batch
            yield batch

    [path] = file_paths(new)
    file = NewFile(table, path)
    assert_same(live(), file.read, file.rows, table.schema.names, what)
    if not np.array_equal(np.concatenate(row_ids), _row_ids(new)):
        raise IntegrityError(f"{what}: rows would get other ids; nothing was published")


def _row_ids(fragment: FragmentMetadata) -> NDArray[np.uint64]:
    from lance.fragment import RowIdSequence

    assert fragment.row_id_meta is not None
    found: Any = RowIdSequence.from_inline_metadata(fragment.row_id_meta).to_pyarrow()
    return np.array(found, np.uint64)
