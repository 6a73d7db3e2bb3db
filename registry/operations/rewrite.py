"""Writing the live rows of fragments anew: small fragments become one, and deleted rows are in no new file.

Row ids stay, and so do the versions in which a row was made and changed. Fragments get new numbers, by which a scan
goes: rows come in another order than before. The new files are read back and compared with the old rows before the
operation is handed out.

A Rewrite conflicts only with changes of the same fragments, so the table's first fragment is always among these, as
it is in every other operation here. Where it has nothing to gain its metadata goes in as it is. Lance then gives a
fragment 0 another number, by which its deletion file would no longer be found: one that has such a file is written
anew, too.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mmreg.errors import IntegrityError
from mmreg.registry.operations import protobuf
from mmreg.registry.operations.compare import assert_same
from mmreg.registry.snapshot import file_paths

if TYPE_CHECKING:
    import lance
    from lance.fragment import FragmentMetadata

BATCH_BYTES = 2 << 20
IO_BYTES = 16 << 20
"""Bytes that are read at a time, and ahead of that."""
MOST_ROWS = 8192

_MAX_FRAGMENT_ID = 11
"""In Lance's manifest."""


@dataclass(frozen=True)
class Moved:
    """``new`` stands for the fragments ``old``. Lance gives it a number where it has 0."""

    old: tuple[FragmentMetadata, ...]
    new: FragmentMetadata


@dataclass(frozen=True)
class Rewritten:
    """What `rewrite` has prepared for exactly one version; nothing of it is seen before ``operation`` is committed."""

    operation: lance.LanceOperation.BaseOperation
    moves: tuple[Moved, ...]


def rewrite(table: lance.LanceDataset, fragment_ids: Collection[int]) -> Rewritten | None:
    """Write the live rows of ``fragment_ids`` anew, neighbours among them into one fragment.

    None where that would change nothing: none of these has a deleted row, or a neighbour among them. Memory: a few
    times `IO_BYTES`, whatever the cells weigh. The operation is for ``table`` as it is: after a lost race prepare it
    again. Raises `IntegrityError` where what was written is not what was read; `OSError` as Lance does.
    """
    import lance
    from lance.optimize import Compaction

    fragments = {fragment.fragment_id: fragment.metadata for fragment in table.get_fragments()}
    if not fragments or not fragment_ids:
        return None
    first, chosen = min(fragments), set(fragment_ids)
    if first == 0 and fragments[first].deletion_file is not None:
        chosen.add(first)
    rows = sum(fragments[number].num_rows for number in chosen)
    weight = max(_weight(fragments[number]) for number in chosen)
    options: Any = {
        "target_rows_per_fragment": max(rows, 2),  # each group becomes one fragment
        "materialize_deletions_threshold": 0.0,
        "excluded_fragment_ids": [number for number in fragments if number not in chosen],
        "batch_size": batch_rows(weight),
        "io_buffer_size": IO_BYTES,
        "num_threads": 1,
        # What was deferred could not be looked up meanwhile (lance#4767).
        "defer_index_remap": False,
    }
    moves = []
    for task in Compaction.plan(table, options).tasks:
        [new] = task.execute(table).new_fragments
        moves.append(Moved(tuple(task.fragments), new))
        _compare(table, moves[-1], batch_rows(weight))
    if not moves:
        return None
    if not any(first == there.id for moved in moves for there in moved.old):
        moves.append(Moved((fragments[first],), fragments[first]))
    groups = [lance.LanceOperation.RewriteGroup(list(moved.old), [moved.new]) for moved in moves]
    return Rewritten(lance.LanceOperation.Rewrite(groups, []), tuple(moves))


def numbers_after(table: lance.LanceDataset, moves: tuple[Moved, ...]) -> list[int]:
    """The number that each new fragment will have if the operation lands on ``table``, its very next version."""
    manifest = {number: value for number, value, _ in protobuf.parts(table._ds.serialized_manifest())}
    following, numbers = manifest.get(_MAX_FRAGMENT_ID, -1) + 1, []
    for moved in moves:
        numbers.append(moved.new.id or following)
        following += not moved.new.id
    return numbers


def batch_rows(weight: float) -> int:
    """How many rows of ``weight`` bytes to read at a time."""
    return int(max(1, min(MOST_ROWS, BATCH_BYTES // max(weight, 1))))


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


def _compare(table: lance.LanceDataset, moved: Moved, batch_size: int) -> None:
    [path] = file_paths(moved.new)
    numbers = [fragment.id for fragment in moved.old]
    what = f"writing fragments {', '.join(map(str, numbers))} anew"
    scanner: Any = table.scanner(
        columns=table.schema.names,
        fragments=[fragment for fragment in table.get_fragments() if fragment.fragment_id in numbers],
        with_row_id=True,
        scan_in_order=True,
        batch_size=batch_size,
        batch_readahead=1,
        fragment_readahead=1,
        io_buffer_size=IO_BYTES,
    )
    row_ids = [np.empty(0, np.uint64)]

    def old() -> Iterator[pa.RecordBatch]:
        for batch in scanner.to_batches():
            row_ids.append(np.array(batch.column("_rowid"), np.uint64))  # a copy: a column keeps its whole batch
            yield batch

    new = NewFile(table, path)
    assert_same(old(), new.read, new.rows, table.schema.names, what)
    if not np.array_equal(np.concatenate(row_ids), _row_ids(moved.new)):
        raise IntegrityError(f"{what}: rows would get other ids; nothing was published")


def _row_ids(fragment: FragmentMetadata) -> NDArray[np.uint64]:
    from lance.fragment import RowIdSequence

    assert fragment.row_id_meta is not None
    found: Any = RowIdSequence.from_inline_metadata(fragment.row_id_meta).to_pyarrow()
    return np.array(found, np.uint64)


def _weight(fragment: FragmentMetadata) -> float:
    """Bytes a row."""
    return sum(file.file_size_bytes or 0 for file in fragment.files) / max(fragment.physical_rows, 1)
