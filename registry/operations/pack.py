"""Packing: the many small column files of a fragment become one, and files with media are not touched.

Every pass adds a file to every fragment, and every commit writes the names of all of them. The columns of small files
are written once more, as an update to what they are; Lance drops the files of which nothing is left. Row ids, fragment
numbers, the versions in which rows changed and indexes stay as they are.

Like every operation here it names the table's first fragment, so that it never lands beside another publish.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mmreg.registry.operations.compare import assert_same
from mmreg.registry.operations.rewrite import Moved, NewFile, Rewritten, rows_of
from mmreg.registry.snapshot import column_fields, file_paths
from mmreg.schemas.arrow import media_kind
from mmreg.schemas.fingerprint import is_media_list

if TYPE_CHECKING:
    import lance
    import pyarrow as pa
    from lance.fragment import DataFile, FragmentMetadata, LanceFragment

PACK_BYTES = 128 << 20
"""What is packed together at most, by its size on disk: it is held in memory."""


def pack(table: lance.LanceDataset, fragment_ids: Collection[int]) -> Rewritten | None:
    """Write the small columns of each of ``fragment_ids`` into one file.

    None where that would change nothing. Memory: a few times `PACK_BYTES`. For ``table`` as it is, and with the errors
    of `rewrite`.
    """
    import lance

    moves, fields = [], Fields.of(table)
    for fragment in table.get_fragments():
        there = fragment.metadata
        if there.id in fragment_ids and (columns := _columns(table, there, fields)):
            moves.append(Moved((there,), _pack(table, fragment, there, columns)))
    if not moves:
        return None
    first = min(table.fragment_ids())
    untouched = [] if any(moved.new.id == first for moved in moves) else [_metadata(table, first)]
    operation = lance.LanceOperation.Update(
        updated_fragments=[*(moved.new for moved in moves), *untouched],
        # None of them is modified, so indexes over them stay.
        fields_modified=[],
        update_mode="rewrite_columns",
        updated_fragment_offsets={},
    )
    return Rewritten(operation, tuple(moves))


def small_files(fragment: FragmentMetadata, fields: Fields) -> list[DataFile]:
    """The files of a fragment that would become one: those without media, the smallest first; none for just one."""
    files = [file for file in fragment.files if fields.light.intersection(file.fields)]
    files = [file for file in files if not fields.media.intersection(file.fields)]
    small: list[DataFile] = []
    total = 0
    for file in sorted(files, key=lambda file: file.file_size_bytes or 0):
        total += file.file_size_bytes or 0
        if total <= PACK_BYTES:
            small.append(file)
    return small if len(small) > 1 else []


@dataclass(frozen=True)
class Fields:
    """The ids of the fields of a table's columns: of those that hold ``media``, and of the others."""

    media: frozenset[int]
    light: frozenset[int]

    @classmethod
    def of(cls, table: lance.LanceDataset) -> Fields:
        media, light = set[int](), set[int]()
        for name, fields in column_fields(table.lance_schema).items():
            heavy = media_kind(table.schema.field(name).type) or is_media_list(table.schema.field(name).type)
            (media if heavy else light).update(fields)
        return cls(frozenset(media), frozenset(light))


def _columns(table: lance.LanceDataset, fragment: FragmentMetadata, fields: Fields) -> list[str]:
    held = {field for file in small_files(fragment, fields) for field in file.fields}
    return [name for name, below in column_fields(table.lance_schema).items() if held.intersection(below)]


def _pack(
    table: lance.LanceDataset, fragment: LanceFragment, there: FragmentMetadata, columns: Sequence[str]
) -> FragmentMetadata:
    rows = fragment.to_table(columns=list(columns), with_row_id=True)
    packed, _ = fragment.update_columns(rows, left_on="_rowid", right_on="_rowid")
    [path] = set(file_paths(packed)) - set(file_paths(there))
    new = NewFile(table, path)
    # The new file has places for deleted rows, too.
    old: Iterator[pa.RecordBatch] = rows_of(table, [there], columns, deleted=True)
    assert_same(old, new.read, new.rows, columns, f"packing fragment {there.id}")
    return packed


def _metadata(table: lance.LanceDataset, number: int) -> FragmentMetadata:
    fragment = table.get_fragment(number)
    assert fragment is not None
    return fragment.metadata
