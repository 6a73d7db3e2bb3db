"""The rows that a selection looks at, read once: who they are, which conditions they fail, what they are ranked by."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mmreg.curation.selections.hashing import hashes
from mmreg.curation.selections.split import split_keys
from mmreg.errors import UsageError
from mmreg.registry.identity import fixed_width
from mmreg.registry.lake import reading
from mmreg.schemas.arrow import media_kind
from mmreg.schemas.cells import values, whole
from mmreg.schemas.fingerprint import light_columns, row_fingerprints

if TYPE_CHECKING:
    import lance

    from mmreg.schemas.predicate import Predicate

BATCH_ROWS, MEDIA_ROWS, MEDIA_BYTES = 65_536, 128, 64 * 1024 * 1024
MOST_REASONS = 1000
"""Different reasons that are told apart, where a column of the root says why a row was dropped."""

Within = Callable[[str, NDArray[np.uint64]], NDArray[np.bool_]]
"""From a root and row ids of it to which of them are looked at."""


@dataclass(frozen=True)
class Wanted:
    """What to read of each row besides its row id.

    ``conditions`` are tested, and ``numbers`` read as they are; ``cells`` are columns whose cells are fingerprinted.
    ``ties``: what to break ties by. ``seed``: a hash of the sample id by it. ``split``: the seed and the column of
    groups, for a hash of the split's key. ``said``: a text column that says why rows fail the conditions.
    """

    conditions: Sequence[Predicate] = ()
    numbers: Sequence[str] = ()
    cells: Sequence[str] = ()
    ties: bool = False
    seed: int | None = None
    split: tuple[int, str | None] | None = None
    ids: bool = False
    said: str | None = None


@dataclass(frozen=True)
class Numbers:
    """The cells of one column: ``known`` marks those that are neither null nor NaN. ``type`` is theirs in Arrow."""

    values: NDArray[Any]
    known: NDArray[np.bool_]
    type: pa.DataType

    def arrow(self) -> pa.Array[Any]:
        """As an Arrow array, null where there is no value."""
        cells: pa.Array[Any] = pa.array(self.values, mask=~self.known)
        return cells.cast(self.type) if cells.type != self.type and pa.types.is_temporal(self.type) else cells


@dataclass(frozen=True)
class Candidates:
    """All rows that are looked at, by root and row id; ``roots`` numbers the root of each.

    ``failed`` is 0 where all conditions hold, else the number (from 1) of the first that does not. ``said`` numbers
    the texts in ``texts`` from 1, 0 where the row has none.
    """

    roots: NDArray[np.uint8]
    row_ids: NDArray[np.uint64]
    failed: NDArray[np.int32]
    numbers: dict[str, Numbers]
    cells: NDArray[np.uint64]
    ties: NDArray[np.uint64] | None
    hashed: NDArray[np.uint64] | None
    keyed: NDArray[np.uint64] | None
    ids: NDArray[np.void] | None
    said: NDArray[np.int32] | None
    texts: list[str]

    def __len__(self) -> int:
        return len(self.row_ids)


def read_candidates(
    what: str, tables: Sequence[tuple[str, lance.LanceDataset]], within: Within, wanted: Wanted
) -> Candidates:
    """Stream the roots' rows that are ``within`` and keep of them what is ``wanted``. No cell of media is read.

    ``what`` stands in messages. Memory: 13 bytes a row, and 8 for each column, hash and key.
    """
    held = _Held(wanted)
    for number, (root, table) in enumerate(tables):
        with reading(what):
            for batch in _scan(what, table, wanted):
                row_ids = batch.column("_rowid").to_numpy().astype(np.uint64, copy=False)
                here = within(root, row_ids)
                held.add(number, batch if here.all() else batch.filter(pa.array(here)))
    return held.joined()


def _scan(what: str, table: lance.LanceDataset, wanted: Wanted) -> Iterator[pa.RecordBatch]:
    columns: dict[str, str] = {}
    for number, condition in enumerate(wanted.conditions):
        columns[f"c{number}"] = condition.to_lance(table.schema)
    for number, name in enumerate(wanted.numbers):
        _refuse_unranked(what, table.schema, name)
        columns[f"v{number}"] = _quoted(name)
    for number, name in enumerate(wanted.cells):
        light = name if "." in name else light_columns(table.schema, [name])[0]
        columns[f"x{number}"] = _quoted(light)
    if wanted.ids or wanted.ties or wanted.seed is not None or wanted.split:
        columns["sample_id"] = "sample_id"
    if wanted.split and wanted.split[1]:
        columns["group"] = _quoted(wanted.split[1])
    if wanted.said:
        columns["said"] = _quoted(wanted.said)
    named = {column for condition in wanted.conditions for column in condition.columns}
    media = any(_is_media(table.schema.field(name).type) for name in named if name in table.schema.names)
    scanner = table.scanner(
        columns=columns,
        with_row_id=True,
        batch_size=MEDIA_ROWS if media else BATCH_ROWS,
        # To look whether a cell of media is there takes Lance all of it.
        batch_readahead=2 if media else None,
        fragment_readahead=1 if media else None,
        io_buffer_size=MEDIA_BYTES if media else None,
        scan_in_order=True,
    )
    yield from scanner.to_batches()


@dataclass
class _Held:
    """What was read so far, a list of arrays for each thing that is kept."""

    wanted: Wanted
    parts: dict[str, list[NDArray[Any]]] = field(default_factory=dict)
    types: dict[str, pa.DataType] = field(default_factory=dict)
    texts: dict[str, int] = field(default_factory=dict)

    def add(self, root: int, batch: pa.RecordBatch) -> None:
        rows = batch.num_rows
        self._keep("roots", np.full(rows, root, np.uint8))
        self._keep("row_ids", batch.column("_rowid").to_numpy().astype(np.uint64, copy=False))
        failed = np.zeros(rows, np.int32)
        for number in reversed(range(len(self.wanted.conditions))):
            failed[~_true(batch.column(f"c{number}"))] = number + 1
        self._keep("failed", failed)
        for number, name in enumerate(self.wanted.numbers):
            cells = _numbers(batch.column(f"v{number}"))
            self._keep(f"values {name}", cells.values)
            self._keep(f"known {name}", cells.known)
            self.types[name] = cells.type
        if self.wanted.cells:
            self._keep("cells", row_fingerprints(batch, [f"x{n}" for n in range(len(self.wanted.cells))]))
        self._identities(batch)
        if self.wanted.said:
            self._keep("said", np.array([self._text(text) for text in values(batch.column("said"))], np.int32))

    def joined(self) -> Candidates:
        order = np.lexsort((self._whole("row_ids", np.uint64), self._whole("roots", np.uint8)))

        def sorted_(name: str, dtype: Any) -> NDArray[Any]:
            return self._whole(name, dtype)[order]

        return Candidates(
            sorted_("roots", np.uint8),
            sorted_("row_ids", np.uint64),
            sorted_("failed", np.int32),
            {
                name: Numbers(sorted_(f"values {name}", float), sorted_(f"known {name}", bool), self._type(name))
                for name in self.wanted.numbers
            },
            sorted_("cells", np.uint64) if self.wanted.cells else np.zeros(len(order), np.uint64),
            sorted_("ties", np.uint64) if self.wanted.ties else None,
            sorted_("hashed", np.uint64) if self.wanted.seed is not None else None,
            sorted_("keyed", np.uint64) if self.wanted.split else None,
            sorted_("ids", "V16") if self.wanted.ids else None,
            sorted_("said", np.int32) if self.wanted.said else None,
            list(self.texts),
        )

    def _identities(self, batch: pa.RecordBatch) -> None:
        if self.wanted.ids:
            self._keep("ids", fixed_width(batch.column("sample_id")))
        if self.wanted.ties:
            # An id is a digest, so its beginning is as good as a hash of it.
            self._keep("ties", fixed_width(batch.column("sample_id")).view(">u8")[::2].astype(np.uint64))
        if self.wanted.seed is None and self.wanted.split is None:
            return
        raw = fixed_width(batch.column("sample_id")).tobytes()
        ids = [raw[start : start + 16] for start in range(0, len(raw), 16)]
        if self.wanted.seed is not None:
            self._keep("hashed", hashes(ids, self.wanted.seed))
        if self.wanted.split:
            seed, group = self.wanted.split
            self._keep("keyed", hashes(split_keys(ids, whole(batch.column("group")) if group else None), seed))

    def _text(self, text: str | None) -> int:
        if text is None:
            return 0
        if text not in self.texts and len(self.texts) >= MOST_REASONS:
            return 0
        return self.texts.setdefault(text, len(self.texts) + 1)

    def _keep(self, name: str, part: NDArray[Any]) -> None:
        self.parts.setdefault(name, []).append(part)

    def _whole(self, name: str, dtype: Any) -> NDArray[Any]:
        parts = self.parts.get(name, [])
        return np.concatenate(parts) if parts else np.empty(0, dtype)

    def _type(self, name: str) -> pa.DataType:
        return self.types.get(name, pa.float64())


def _is_media(dtype: pa.DataType) -> bool:
    items = dtype.value_type if isinstance(dtype, pa.ListType) else dtype
    return media_kind(items) is not None


def _true(cells: pa.Array[Any]) -> NDArray[np.bool_]:
    """Where a condition is true: not where it is unknown."""
    mask: NDArray[np.bool_] = cells.fill_null(False).to_numpy(zero_copy_only=False)
    return mask


def _numbers(cells: pa.Array[Any]) -> Numbers:
    dtype = cells.type
    known: NDArray[np.bool_] = cells.is_valid().to_numpy(zero_copy_only=False)
    plain = cells.cast(pa.int64()) if pa.types.is_temporal(dtype) else cells
    filled: Any = plain.fill_null(0)
    found: NDArray[Any] = filled.to_numpy(zero_copy_only=False)
    if pa.types.is_floating(dtype):
        known = known & ~np.isnan(found)
    return Numbers(found, known, dtype)


def _refuse_unranked(what: str, schema: pa.Schema, name: str) -> None:
    column, *path = name.split(".")
    dtype = schema.field(column).type
    for step in path:
        index = dtype.get_field_index(step) if isinstance(dtype, pa.StructType) else -1
        if index < 0:
            raise UsageError(f"{what}: the column {column!r} has no field {'.'.join(path)!r}")
        dtype = dtype.field(index).type
    if not (pa.types.is_integer(dtype) or pa.types.is_floating(dtype) or pa.types.is_timestamp(dtype)):
        raise UsageError(f"{what}: rows are ranked by numbers or times, and {name!r} is {dtype}")


def _quoted(name: str) -> str:
    return ".".join(f"`{step}`" for step in name.split("."))
