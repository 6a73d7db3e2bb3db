"""The pass ``dedup``: which samples are the same, and which one of them is kept.

| input | |
|---|---|
| content | a media cell (by its digest), a text or any other cell: equal cells are the same sample |
| hash | a 64-bit perceptual hash: those that differ in at most ``max_distance`` bits are the same sample |
| prefer | a number, or an image (its pixels): the largest is kept |

``content`` or ``hash`` is needed, both may be given. A sample that equals one of a group belongs to the group.

| output | type | |
|---|---|---|
| dedup_group | fixed_size_binary[16] | ``sample_id`` of the sample that is kept of its group; null where it is alone |
| dedup_size | int32 | samples in its group |
| dedup_kept | bool | whether it is the one that is kept; without ``prefer`` that is the smallest ``sample_id`` |
| dedup_reason | string | why it is not kept: ``exact_duplicate``, ``near_duplicate`` or ``linked_duplicate`` |
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from mmreg.curation.params import read_params
from mmreg.curation.protocol import InputType, Kind, Recipe, Role, Scope
from mmreg.errors import UsageError
from mmreg.schemas.arrow import media_kind
from mmreg.schemas.cells import values
from mmreg.validators.media.hamming import MOST, Components, Indexes, near_pairs

_OUTPUTS: dict[str, pa.DataType] = {
    "dedup_group": pa.binary(16),
    "dedup_size": pa.int32(),
    "dedup_kept": pa.bool_(),
    "dedup_reason": pa.string(),
}


@dataclass(frozen=True)
class Params:
    """``max_distance``: how many of the 64 bits of two hashes may differ."""

    max_distance: int = 4

    def __post_init__(self) -> None:
        if not 0 <= self.max_distance <= MOST:
            raise UsageError(f"'max_distance' is {self.max_distance}; it must be 0 to {MOST}", hint="max_distance: 4")


class Dedup:
    version: ClassVar[str] = "1"
    kind: ClassVar[Kind] = "score"
    scope: ClassVar[Scope] = "table"
    role: ClassVar[Role] = "evaluator"
    inputs: ClassVar[Mapping[str, InputType]] = {"content": "any", "hash": "any", "prefer": "any"}
    allow: ClassVar[Collection[str]] = ("constant", "empty")  # there may be no duplicate at all

    def __init__(self, recipe: Recipe) -> None:
        self._distance = read_params("dedup", Params, recipe.params).max_distance
        if recipe.columns and not {"content", "hash"} & set(recipe.columns):
            raise UsageError(
                "dedup compares the content of samples or their perceptual hashes: say which columns these are",
                hint="inputs: {content: image}, or inputs: {hash: phash}, or both",
            )

    def outputs(self) -> pa.Schema:
        return pa.schema(_OUTPUTS)

    def open(self) -> None:
        """Nothing to load."""

    def __call__(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        return self._answer(batch, np.zeros(batch.num_rows, bool), Components(batch.num_rows))

    def update(self, rows: pa.RecordBatch, known: pa.RecordBatch) -> pa.RecordBatch:
        """Looks only for what is near to samples that are new, or whose group has lost some."""
        settled, groups = _settled(known)
        joined = Components(rows.num_rows)
        _join_equal(joined, np.flatnonzero(settled), groups[settled])
        return self._answer(rows, settled, joined)

    def _answer(self, rows: pa.RecordBatch, settled: NDArray[np.bool_], joined: Components) -> pa.RecordBatch:
        """``settled`` rows are ``joined`` with all settled ones that they belong with."""
        there = rows.schema.names
        content = _codes(rows.column("content")) if "content" in there else np.full(rows.num_rows, -1)
        hashes, hashed = _hashes(rows.column("hash")) if "hash" in there else _none(rows.num_rows)
        compared = (content >= 0) | hashed
        _join_equal(joined, np.flatnonzero(content >= 0), content[content >= 0])
        self._join_near(joined, np.flatnonzero(hashed), hashes[hashed], settled[hashed])
        groups = joined.labels()
        sizes = np.bincount(groups, minlength=rows.num_rows)[groups]
        kept = _kept(groups, rows.column("prefer") if "prefer" in there else None)
        reasons = _reasons(rows, content, hashes, hashed, kept, self._distance)
        group = np.where(sizes == 1, -1, kept)
        return pa.RecordBatch.from_arrays(
            [
                _taken(rows.column("sample_id"), group),
                pa.array(sizes, pa.int32(), mask=~compared),
                pa.array(kept == np.arange(rows.num_rows), mask=~compared),
                pa.array(reasons, pa.string()),
                pa.array([None if there else "null_value: nothing to compare" for there in compared], pa.string()),
            ],
            names=[*_OUTPUTS, "error"],
        )

    def _join_near(
        self, joined: Components, rows: Indexes, hashes: NDArray[np.uint64], settled: NDArray[np.bool_]
    ) -> None:
        """Each different hash stands for all rows that have it: thousands of blank images are one."""
        different, first, number = np.unique(hashes, return_index=True, return_inverse=True)
        joined.join(rows, rows[first[number]])
        known = np.zeros(len(different), bool)
        known[number[settled]] = True
        for a, b in near_pairs(different, self._distance, ~known if known.any() else None):
            joined.join(rows[first[a]], rows[first[b]])


def _settled(known: pa.RecordBatch) -> tuple[NDArray[np.bool_], Indexes]:
    """Rows whose group is as it was, and the number of each row's group; a group that lost some may fall apart."""
    sizes = known.column("dedup_size").fill_null(0).to_numpy(zero_copy_only=False)
    groups = _codes(known.column("dedup_group"))
    alone = groups < 0
    groups[alone] = len(groups) + np.flatnonzero(alone)
    seen = known.column("known").to_numpy(zero_copy_only=False) & (sizes > 0)
    left = np.bincount(groups[seen], minlength=2 * len(groups))
    return seen & (left[groups] == sizes), groups


def _join_equal(joined: Components, rows: Indexes, codes: Indexes) -> None:
    _, first, number = np.unique(codes, return_index=True, return_inverse=True)
    joined.join(rows, rows[first[number]])


def _codes(column: pa.Array[Any]) -> Indexes:
    """A number for each different cell, -1 for null."""
    if media_kind(column.type):
        column = pc.struct_field(column, "sha256")
    elif pa.types.is_nested(column.type):
        column = pa.array([None if cell is None else repr(cell) for cell in values(column)], pa.string())
    indices = column.dictionary_encode().indices
    return indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)


def _hashes(column: pa.Array[Any]) -> tuple[NDArray[np.uint64], NDArray[np.bool_]]:
    """The hashes, 0 for null, and which are there."""
    if column.type not in (pa.uint64(), pa.int64()):
        raise UsageError(
            f"dedup: its input 'hash' is {column.type}, where 64-bit hashes are due", hint="inputs: {hash: phash}"
        )
    there = column.is_valid().to_numpy(zero_copy_only=False)
    return column.fill_null(0).to_numpy(zero_copy_only=False).view(np.uint64), there


def _none(rows: int) -> tuple[NDArray[np.uint64], NDArray[np.bool_]]:
    return np.zeros(rows, np.uint64), np.zeros(rows, bool)


def _kept(groups: Indexes, prefer: pa.Array[Any] | None) -> Indexes:
    """For each row the row that is kept of its group. Rows come by ``sample_id``: of equals the first is kept."""
    order = np.lexsort((-_sizes(prefer), groups)) if prefer is not None else np.argsort(groups, kind="stable")
    _, first = np.unique(groups[order], return_index=True)
    kept = np.empty(len(groups), np.int64)
    kept[groups[order[first]]] = order[first]
    return kept[groups]


def _sizes(column: pa.Array[Any]) -> NDArray[np.float64]:
    """What is preferred, as numbers; what has none comes last."""
    if media_kind(column.type) == "image":
        return _numbers(pc.struct_field(column, "width")) * _numbers(pc.struct_field(column, "height"))
    if not (pa.types.is_integer(column.type) or pa.types.is_floating(column.type)):
        raise UsageError(
            f"dedup: its input 'prefer' is {column.type}, where a number or an image is due",
            hint="inputs: {prefer: width}",
        )
    return _numbers(column)


def _numbers(column: pa.Array[Any]) -> NDArray[np.float64]:
    numbers = column.cast(pa.float64()).to_numpy(zero_copy_only=False)
    return np.where(np.isnan(numbers), -np.inf, numbers)


def _taken(column: pa.Array[Any], places: Indexes) -> pa.Array[Any]:
    """The cells at ``places``, null for a place below 0."""
    indices: pa.Array[Any] = pa.array(places, mask=places < 0)
    return column.take(indices)


def _reasons(
    rows: pa.RecordBatch,
    content: Indexes,
    hashes: NDArray[np.uint64],
    hashed: NDArray[np.bool_],
    kept: Indexes,
    distance: int,
) -> list[str | None]:
    """Why each row is not the kept one of its group; None for the kept ones."""
    reasons: list[str | None] = [None] * len(kept)
    dropped = np.flatnonzero(kept != np.arange(len(kept)))
    exact = (content[dropped] >= 0) & (content[dropped] == content[kept[dropped]])
    bits = np.bitwise_count(hashes[dropped] ^ hashes[kept[dropped]])
    near = hashed[dropped] & hashed[kept[dropped]] & (bits <= distance)
    stands_for = values(_taken(rows.column("sample_id"), kept[dropped]))
    for place, row in enumerate(dropped.tolist()):
        other = stands_for[place].hex()
        if exact[place]:
            reasons[row] = f"exact_duplicate: of {other}"
        elif near[place]:
            reasons[row] = f"near_duplicate: of {other}, {bits[place]} of 64 bits differ"
        else:
            reasons[row] = f"linked_duplicate: of {other}, through others of the group"
    return reasons
