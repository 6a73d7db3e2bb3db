"""no_near_duplicates: no picture looks like another one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pydantic import Field

from mmreg.errors import UsageError
from mmreg.schemas.arrow import media_kind
from mmreg.schemas.check import CheckResult
from mmreg.schemas.check_spec import CheckSpec
from mmreg.schemas.declared import Declared
from mmreg.validators.arguments import parse_arguments
from mmreg.validators.media.across import IDS, SPLITS, open_other, open_splits
from mmreg.validators.media.hamming import MOST
from mmreg.validators.media.near import Hashes, Near, nearest_earlier
from mmreg.validators.media.picture_look import Pictures
from mmreg.validators.table import Table, cells
from mmreg.validators.tally import share, verdict
from mmreg.validators.world import Rows

Ids = NDArray[np.void]
_ID = np.dtype("V16")
_FLAT = np.array([0, 1 << 63], np.uint64)
"""The hashes of pictures of one colour, which are all alike and tell nothing of it."""
_PICTURES, _HASHES = 64, 65_536
"""Rows of another version that are read at once."""


class Arguments(Declared):
    column: str
    max_distance: int = Field(4, ge=0, le=MOST)
    across: str | None = None


class NoNearDuplicates:
    """No image looks like an earlier one; with across: like one of another split, or of another version.

    Alike are images whose 64-bit perceptual hashes (`mmreg.validators.media.perceptual_hash`) differ in at most
    ``max_distance`` bits, the same ones too. ``column`` has images, which are decoded, or their hashes as integers of
    64 bits. Null, what does not decode and what is of one colour is not examined. Held in memory are 24 bytes a row,
    some 90 at the end.
    """

    media = True

    def __init__(self, spec: CheckSpec, table: Table) -> None:
        arguments = parse_arguments(spec, Arguments)
        self._spec, self._column, self._distance = spec, arguments.column, arguments.max_distance
        dtype = table.type(self._column)
        self.media = media_kind(dtype) == "image"
        if not self.media and dtype not in (pa.uint64(), pa.int64()):
            raise UsageError(
                f"{spec.check}: {self._column} is {media_kind(dtype) or dtype}, neither images nor 64-bit hashes",
                hint=f"{{check: {spec.check}, column: phash}} after a pass with use: image_stats",
            )
        self._splits: list[tuple[str, Rows]] = []
        self._other: Rows | None = None
        if arguments.across == SPLITS:
            self._splits = open_splits(spec, table)
        elif arguments.across is not None:
            self._other = open_other(spec, table, arguments.across, self._column, dtype)
        self.samples = self._other is not None  # rows are then judged one by one
        if self.media:
            self._pictures = table.shared(Pictures)
            self._pictures.want("phash")
        self.columns = (self._column,)
        self._rows: list[tuple[Hashes, Ids]] = []
        self._unread = self._flat = 0

    def update(self, batch: pa.RecordBatch) -> None:
        column, hashed = cells(batch, self._column), self._hashed(batch)
        told = _telling(hashed)
        self._unread += len(column) - column.null_count - len(hashed[0])
        self._flat += len(hashed[0]) - len(told[0])
        self._rows.append(told)

    def result(self) -> CheckResult:
        hashes, ids = _joined(self._rows)
        others, other_ids = _joined([_telling(self._hashed(batch)) for batch in self._elsewhere()])
        groups = self._groups(ids, len(others))
        every = np.concatenate([others, hashes])
        near = nearest_earlier(every, groups, self._distance)
        near = Near(near.of[len(others) :], near.bits[len(others) :])
        failed = np.flatnonzero(near.of != np.arange(len(others), len(every)))
        every_id = np.concatenate([other_ids, ids])
        examples = [
            {
                "sample_id": _hex(ids[row]),
                "value": f"{hashes[row]:016x}",
                "reason": self._reason(int(near.bits[row]), _hex(every_id[near.of[row]])),
            }
            for row in failed[: self._spec.examples].tolist()
        ]
        message = share(self._spec, len(hashes), len(failed), f"images look like {self._whom}")
        result = verdict(self._spec, self._column, len(hashes), len(failed), message, examples)
        left_out = [
            f"{number:,} {why}"
            for number, why in (
                (self._unread, "do not decode (image_decodes)"),
                (self._flat, "of one colour (not_blank)"),
            )
            if number
        ]
        if not left_out:
            return result
        if not len(hashes):
            return replace(result, status="insufficient", message=f"nothing to compare: {', '.join(left_out)}")
        return replace(result, message=f"{message}; not compared: {', '.join(left_out)}")

    @property
    def _whom(self) -> str:
        if self._other is not None:
            return f"one of {self._other.ref}"
        return "one of another split" if self._splits else "an earlier one"

    def _reason(self, bits: int, other: str) -> str:
        where = f" of {self._other.ref}" if self._other is not None else " of another split" if self._splits else ""
        return f"{bits} of 64 bits differ from {other}{where}"

    def _groups(self, ids: Ids, others: int) -> NDArray[np.int64] | None:
        """What is compared: all rows with each other, those of the other version with ours, or splits."""
        if self._other is not None:
            return np.repeat([0, 1], [others, len(ids)])
        if not self._splits:
            return None
        order = np.argsort(ids)
        groups = np.full(len(ids), len(self._splits), np.int64)
        for number, (_, rows) in enumerate(self._splits):
            for batch in rows.batches([IDS], batch_size=_HASHES, media=False):
                members = _ids(batch)
                at = np.minimum(np.searchsorted(ids, members, sorter=order), max(len(ids) - 1, 0))
                found = ids[order[at]] == members if len(ids) else np.zeros(len(members), np.bool_)
                groups[order[at[found]]] = number
        return groups

    def _elsewhere(self) -> Iterator[pa.RecordBatch]:
        if self._other is not None:
            size = _PICTURES if self.media else _HASHES
            yield from self._other.batches(
                [IDS, self._column], batch_size=size, media="tolerant" if self.media else False
            )

    def _hashed(self, batch: pa.RecordBatch) -> tuple[Hashes, Ids]:
        """The hashes that there are, and whose they are."""
        column = cells(batch, self._column)
        if self.media:
            found = [look.phash if look is not None else None for look in self._pictures.at(column)]
            column = pa.array(found, pa.uint64())
        there = column.is_valid().to_numpy(zero_copy_only=False)
        hashes: Hashes = column.fill_null(0).to_numpy(zero_copy_only=False).view(np.uint64)
        return hashes[there], _ids(batch)[there]


def _telling(hashed: tuple[Hashes, Ids]) -> tuple[Hashes, Ids]:
    """Without the hashes of pictures of one colour."""
    hashes, ids = hashed
    told = ~np.isin(hashes, _FLAT)
    return hashes[told], ids[told]


def _joined(rows: list[tuple[Hashes, Ids]]) -> tuple[Hashes, Ids]:
    hashes, ids = [np.empty(0, np.uint64)], [np.empty(0, _ID)]
    for some, theirs in rows:
        hashes.append(some)
        ids.append(theirs)
    return np.concatenate(hashes), np.concatenate(ids)


def _ids(batch: pa.RecordBatch) -> Ids:
    column: Any = batch.column(IDS)
    start = 16 * column.offset
    return np.frombuffer(column.buffers()[1], _ID, count=len(column), offset=start)


def _hex(sample: np.void) -> str:
    return sample.tobytes().hex()
