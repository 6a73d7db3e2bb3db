"""A version cut by the fragments in which its rows lie: the pieces that are looked at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import xxhash
from numpy.typing import NDArray

from mmreg.registry.lake import reading
from mmreg.registry.part import SPARSE, Part
from mmreg.registry.snapshot import Layout, Snapshot
from mmreg.registry.validation.sampling import is_sampled

if TYPE_CHECKING:
    from mmreg.registry.read import Reader

IDS = 65_536
"""Row ids that are looked at at a time."""

RowIds = NDArray[np.uint64]


@dataclass(frozen=True, eq=False)
class Piece:
    """``rows`` of one fragment, in its order.

    ``part`` is the number of the root among those of the version, ``place`` that of the fragment in the root's
    layout. ``row_ids`` are those of the rows; None where they are all that are not deleted. ``sparse``: they are so
    few of the fragment's that they are better read by their ids.
    """

    part: int
    place: int
    fragment: int
    rows: int
    row_ids: RowIds | None
    sparse: bool = False


@dataclass(frozen=True)
class Pieces:
    """The rows of a version, or a sample of them: root by root, fragment by fragment; none is empty.

    Memory: 8 bytes a row where the rows are some of their fragment's, else next to nothing.
    """

    parts: tuple[Part, ...]
    layouts: tuple[Layout, ...]
    each: tuple[Piece, ...]

    @classmethod
    def of(cls, reader: Reader) -> Pieces:
        layouts = tuple(Snapshot(part.table).layout for part in reader.parts)
        found: list[Piece] = []
        for number, (part, layout) in enumerate(zip(reader.parts, layouts, strict=True)):
            if part.selection is None and not len(part.erased):
                live = zip(layout.fragments.tolist(), layout.live.tolist(), strict=True)
                found += [
                    Piece(number, place, fragment, rows, None) for place, (fragment, rows) in enumerate(live) if rows
                ]
            else:
                found += _some(number, layout, _row_ids(part))
        return cls(reader.parts, layouts, tuple(found))

    @property
    def rows(self) -> int:
        return sum(piece.rows for piece in self.each)

    def sample(self, halvings: int) -> Pieces:
        """Of the rows those that `is_sampled` at this number of halvings; all for 0."""
        if not halvings:
            return self
        found: list[Piece] = []
        for number, (part, layout) in enumerate(zip(self.parts, self.layouts, strict=True)):
            mine = [piece for piece in self.each if piece.part == number]
            here = (
                _row_ids(part)
                if any(piece.row_ids is None for piece in mine)
                else ((piece.fragment, piece.row_ids) for piece in mine if piece.row_ids is not None)
            )
            found += _some(number, layout, ((fragment, ids[is_sampled(ids, halvings)]) for fragment, ids in here))
        return Pieces(self.parts, self.layouts, tuple(found))

    def keys(self, columns: Sequence[str]) -> list[str]:
        """For each piece 16 hex digits over its rows and their cells in ``columns``: equal where these are.

        What a key goes by: the files that hold the columns, the columns' ids in them, and which rows of theirs.
        """
        names = sorted({"sample_id", *(column.partition(".")[0] for column in columns)})
        prints = [layout.fingerprints(names) for layout in self.layouts]
        heads = [
            repr((part.root, [layout.fields.get(name) for name in names])).encode()
            for part, layout in zip(self.parts, self.layouts, strict=True)
        ]
        return [
            xxhash.xxh3_64_hexdigest(heads[piece.part] + prints[piece.part][piece.place].tobytes() + self._which(piece))
            for piece in self.each
        ]

    def _which(self, piece: Piece) -> bytes:
        if piece.row_ids is None:
            return b"live" + bytes(self.layouts[piece.part].deletions[piece.place].tobytes())
        digest: bytes = xxhash.xxh3_128_digest(piece.row_ids.tobytes())
        return b"some" + digest


def _some(number: int, layout: Layout, found: Iterator[tuple[int, RowIds]]) -> Iterator[Piece]:
    places = {fragment: place for place, fragment in enumerate(layout.fragments.tolist())}
    for fragment, row_ids in found:
        if len(row_ids):
            place = places[fragment]
            sparse = len(row_ids) < SPARSE * int(layout.live[place])
            yield Piece(number, place, fragment, len(row_ids), row_ids, sparse)


def _row_ids(part: Part) -> Iterator[tuple[int, RowIds]]:
    """For each fragment the ids of the rows that are of the part, in the fragment's order."""
    fragment, kept = -1, [np.empty(0, np.uint64)]
    with reading(part.ref):
        scanner = part.table.scanner(
            columns=[], with_row_id=True, with_row_address=True, batch_size=IDS, scan_in_order=True
        )
        for batch in scanner.to_batches():
            row_ids = batch.column("_rowid").to_numpy().astype(np.uint64, copy=False)
            fragments = batch.column("_rowaddr").to_numpy().astype(np.uint64, copy=False) >> np.uint64(32)
            mine = _kept(part, row_ids)
            for number in np.unique(fragments).tolist():
                if number != fragment:
                    yield fragment, np.concatenate(kept)
                    fragment, kept = number, [np.empty(0, np.uint64)]
                kept.append(row_ids[mine & (fragments == number)])
    yield fragment, np.concatenate(kept)


def _kept(part: Part, row_ids: RowIds) -> NDArray[np.bool_]:
    if part.selection is not None:
        return part.selection.holds(row_ids)
    return ~np.isin(row_ids, part.erased)
