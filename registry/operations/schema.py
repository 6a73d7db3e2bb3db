"""Changing which columns a table has: add, rename, retype and drop, all in one Merge.

A Merge conflicts with every other commit of the table, as each publish has to (ADR 2), and takes any schema, so that
one commit does all of it. Added columns are null in every row and renamed ones keep their field ids: neither writes
data. A retyped column is a new field with files of its own; the old one stays in older versions. Lance gives out field
ids (`merge_columns` knows those of dropped columns, too); only names and membership are changed here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from mmreg.errors import UsageError
from mmreg.registry.operations import protobuf
from mmreg.schemas.cells import values

if TYPE_CHECKING:
    import lance
    from lance.fragment import FragmentMetadata, LanceFragment
    from lance.schema import LanceSchema

ROWS = 8192
_INTERIM = "_mmreg_new_"


@dataclass(frozen=True)
class SchemaChange:
    """``renamed`` maps old names to new ones; ``retyped`` maps old names to the field that it is to be, with its name.

    A column is in one of the two.
    """

    added: tuple[pa.Field[Any], ...] = ()
    renamed: Mapping[str, str] = field(default_factory=dict)
    retyped: Mapping[str, pa.Field[Any]] = field(default_factory=dict)
    dropped: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.added or self.renamed or self.retyped or self.dropped)

    def old_name(self, name: str) -> str:
        """What a column of the changed table is called before."""
        return next((old for old, new in self.renamed.items() if new == name), name)


def change_schema(table: lance.LanceDataset, change: SchemaChange) -> lance.LanceOperation.BaseOperation:
    """The operation. Raises `UsageError` where a cell would not survive its new type."""
    import lance

    there = [fragment.metadata for fragment in table.get_fragments()]
    if not there:
        return lance.LanceOperation.Overwrite(_without_rows(table.schema, change), [])
    schema, merged = table.lance_schema, {}
    if change.added or change.retyped:
        # For null columns one fragment is enough: the others have no file for them, which reads as null.
        for fragment in table.get_fragments() if change.retyped else table.get_fragments()[:1]:
            metadata, schema = _merged(fragment, change)
            merged[fragment.fragment_id] = metadata
    fragments: list[FragmentMetadata] = [merged.get(metadata.id, metadata) for metadata in there]
    return lance.LanceOperation.Merge(fragments, _changed(schema, change))


def _merged(fragment: LanceFragment, change: SchemaChange) -> tuple[FragmentMetadata, LanceSchema]:
    """``fragment`` with the added columns, null, and the retyped ones, under names that no column has."""
    schema = pa.schema([f.with_name(_interim(f.name)) for f in (*change.added, *change.retyped.values())])
    rows, refused = fragment.count_rows(), list[UsageError]()
    cells = fragment.scanner(columns=list(change.retyped), batch_size=ROWS).to_batches() if change.retyped else ()

    def batches() -> Iterator[pa.RecordBatch]:
        for batch in cells:
            nulls = [pa.nulls(batch.num_rows, f.type) for f in change.added]
            try:
                changed = [cast_cells(old, batch.column(old), f.type) for old, f in change.retyped.items()]
            except UsageError as error:
                refused.append(error)
                raise
            yield pa.RecordBatch.from_arrays([*nulls, *changed], schema=schema)
        for start in range(0, 0 if change.retyped else rows, ROWS):
            nulls = [pa.nulls(min(ROWS, rows - start), f.type) for f in change.added]
            yield pa.RecordBatch.from_arrays(nulls, schema=schema)

    try:
        return fragment.merge_columns(pa.RecordBatchReader.from_batches(schema, batches()))
    except RuntimeError:  # what Lance makes of an error in the reader
        if refused:
            raise refused[0] from None
        raise


def cast_cells(name: str, cells: pa.Array[Any], wanted: pa.DataType) -> pa.Array[Any]:
    """``cells`` as ``wanted``. Raises `UsageError` unless every one of them would come back as it was."""
    lost = f"{name!r} cannot change from {cells.type} to {wanted}"
    hint = f"keep its type, or give the new column another name than {name!r}"
    try:
        changed: pa.Array[Any] = cells.cast(wanted)
        back: pa.Array[Any] = changed.cast(cells.type)
    except pa.ArrowException as error:
        raise UsageError(f"{lost}: {str(error).splitlines()[0]}", hint=hint) from error
    if not cells.equals(back):
        for before, after, after_all in zip(values(cells), values(changed), values(back), strict=True):
            if before != after_all and before == before:  # NaN stays NaN, and equals nothing
                raise UsageError(f"{lost}: {before!r} would become {after!r}", hint=hint)
    return changed


def _interim(name: str) -> str:
    return f"{_INTERIM}{name}"


def _without_rows(there: pa.Schema, change: SchemaChange) -> pa.Schema:
    fields = []
    for old in there:
        if old.name not in change.dropped:
            kept = change.retyped.get(old.name, old)
            fields.append(kept.with_name(change.renamed.get(old.name, kept.name)))
    changed = pa.schema([*fields, *change.added])
    return changed.with_metadata(there.metadata) if there.metadata else changed


def _changed(schema: LanceSchema, change: SchemaChange) -> LanceSchema:
    """``schema`` with other names, and without what goes. A retyped column stands where the old one stood."""
    reduced: Any = schema.__reduce__()
    build, (metadata, *fields) = reduced
    columns = _columns(fields)
    kept: list[bytes] = []
    for name, parts in columns.items():
        if name.startswith(_INTERIM) or name in change.dropped:
            continue
        if name in change.retyped:
            parts = columns[_interim(change.retyped[name].name)]
        final = change.retyped[name].name if name in change.retyped else change.renamed.get(name, name)
        kept += [_renamed(parts[0], final), *parts[1:]]
    for added in change.added:
        parts = columns[_interim(added.name)]
        kept += [_renamed(parts[0], added.name), *parts[1:]]
    changed: LanceSchema = build(metadata, *kept)
    return changed


# A Lance schema is made of one protobuf message a field, depth first: 2 is its name, 3 its id (left out for 0), 4 that
# of its parent (-1 for none). Lance has no other way to name a field anew and keep its id.

_NAME, _ID, _PARENT = 2, 3, 4
_NO_PARENT = 2**64 - 1


def _columns(fields: list[bytes]) -> dict[str, list[bytes]]:
    """The messages of each column, its own first."""
    columns: dict[str, list[bytes]] = {}
    top: dict[int, str] = {}
    for message in fields:
        parts = {number: value for number, value, _ in protobuf.parts(message)}
        number, parent = int(parts.get(_ID, 0)), int(parts.get(_PARENT, 0))
        if parent == _NO_PARENT:
            name = bytes(parts[_NAME]).decode()
            columns[name] = []
        else:
            name = top[parent]
        top[number] = name
        columns[name].append(message)
    return columns


def _renamed(message: bytes, name: str) -> bytes:
    encoded = name.encode()
    return b"".join(
        b"\x12" + protobuf.varint(len(encoded)) + encoded if number == _NAME else raw
        for number, _, raw in protobuf.parts(message)
    )
