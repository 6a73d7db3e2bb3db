"""no_exact_duplicates: no media come twice, byte by byte."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from mmreg.errors import UsageError
from mmreg.schemas.arrow import media_kind
from mmreg.schemas.cells import values
from mmreg.schemas.check import CheckResult
from mmreg.schemas.check_spec import CheckSpec
from mmreg.schemas.declared import Declared
from mmreg.validators.arguments import parse_arguments
from mmreg.validators.columns.digests import Digests, DigestSet
from mmreg.validators.media.across import IDS, SPLITS, open_other, open_splits
from mmreg.validators.table import Table, cells
from mmreg.validators.tally import Tally, short
from mmreg.validators.world import Rows

_ROWS = 65_536


class Arguments(Declared):
    column: str
    across: str | None = None


class NoExactDuplicates:
    """No media come twice in the version; with across: in two of its splits, or in it and in another version.

    They are compared by their recorded SHA-256, so no byte is read; null is not examined. Remembered are 16 bytes
    for each different cell: of the version, or of the other one. The first appearance does not fail, each later one
    does; of splits the largest comes first. A row that repeats one within its own split is no failure across splits.
    """

    media = False

    def __init__(self, spec: CheckSpec, table: Table) -> None:
        arguments = parse_arguments(spec, Arguments)
        self._spec, self._table, self._column = spec, table, arguments.column
        dtype = table.type(self._column)
        if media_kind(dtype) is None:
            raise UsageError(
                f"{spec.check}: {self._column} is {dtype}, not a column of media",
                hint=f"{{check: unique, column: {self._column}}}",
            )
        self._digest = f"{self._column}.sha256"
        self._tally = Tally(spec, self._column)
        self._seen = DigestSet()
        self._splits: list[tuple[str, Rows]] = []
        self._other: Rows | None = None
        self._loaded = False
        if arguments.across == SPLITS:
            self._splits = open_splits(spec, table)
        elif arguments.across is not None:
            self._other = open_other(spec, table, arguments.across, self._column, dtype)
        self.samples = self._other is not None  # rows are then judged one by one
        self.columns = () if self._splits else (self._digest,)

    def update(self, batch: pa.RecordBatch) -> None:
        if self._splits:  # which are read by themselves
            return
        words, there = _words(cells(batch, self._digest))
        if self._other is None:
            self._count(batch, there, self._seen.add(words), "")
        else:
            self._count(batch, there, self._elsewhere(self._other).holds(words), self._other.ref)

    def result(self) -> CheckResult:
        if self._splits and not self._loaded:
            self._compare_splits()
        places = dict(self._splits)
        if self._other is not None:
            places[self._other.ref] = self._other
        elif not places and self._table.world is not None:
            places[""] = self._table.world.open(self._table.ref)
        where = "in another split" if self._splits else f"in {self._other.ref}" if self._other is not None else ""
        result = self._tally.result(f"media are {where}, too" if where else "media repeat an earlier one")
        return self._named(result, places)

    def _elsewhere(self, other: Rows) -> DigestSet:
        """The digests of ``other``, which are read when the first row is there to be compared."""
        if not self._loaded:
            for batch in _digests(other, self._digest):
                self._seen.add(_words(cells(batch, self._digest))[0])
            self._loaded = True
        return self._seen

    def _compare_splits(self) -> None:
        sets: dict[str, DigestSet] = {}
        for name, rows in self._splits:
            own = DigestSet()
            for batch in _digests(rows, self._digest):
                words, there = _words(cells(batch, self._digest))
                found_in = np.full(words.shape[1], "", object)
                for earlier, seen in reversed(sets.items()):
                    found_in[seen.holds(words)] = earlier
                own.add(words)
                self._count(batch, there, found_in != "", found_in)
            sets[name] = own
        self._loaded = True

    def _count(
        self,
        batch: pa.RecordBatch,
        there: NDArray[np.bool_],
        found: NDArray[np.bool_],
        place: str | NDArray[np.object_],
    ) -> None:
        """``found`` and ``place``, one for all or one for each, are of the rows that are ``there``."""
        failed = np.zeros(len(there), np.bool_)
        failed[there] = found
        places = np.full(len(there), "", object)
        places[there] = place
        column = cells(batch, self._digest)
        self._tally.add(
            batch,
            examined=int(there.sum()),
            failed=pa.array(failed),
            describe=lambda row: (short(column[row].as_py()), places[row]),
        )

    def _named(self, result: CheckResult, places: Mapping[str, Rows]) -> CheckResult:
        """``result`` with what each example repeats: the first such sample in the place that its reason names."""
        first = {
            place: _first_with(
                rows, self._digest, [bytes.fromhex(one["value"]) for one in result.examples if one["reason"] == place]
            )
            for place, rows in places.items()
        }
        named = [
            {**one, "reason": _reason(first.get(one["reason"], {}).get(one["value"]), one["reason"])}
            for one in result.examples
        ]
        return replace(result, examples=tuple(named))


def _reason(sample: str | None, place: str) -> str:
    what = f"repeats {sample}" if sample else "repeats an earlier row"
    return f"{what} in {place}" if place else what


def _digests(rows: Rows, path: str) -> Iterator[pa.RecordBatch]:
    return rows.batches([IDS, path], batch_size=_ROWS, media=False)


def _words(column: pa.Array[Any]) -> tuple[Digests, NDArray[np.bool_]]:
    """The first 128 bits of each SHA-256 that is there, in shape (2, n); and where one is."""
    there = column.is_valid().to_numpy(zero_copy_only=False)
    digests = b"".join(values(column.drop_null()))
    return np.ascontiguousarray(np.frombuffer(digests, np.uint64).reshape(-1, 4)[:, :2].T), there


def _first_with(rows: Rows, path: str, wanted: Iterable[bytes]) -> dict[str, str]:
    """Of each digest (hex) the first sample that has it; another read of the digests, as far as it takes."""
    left = set(wanted)
    found: dict[str, str] = {}
    if not left:
        return found
    for batch in _digests(rows, path):
        column = cells(batch, path)
        for row in pc.indices_nonzero(pc.is_in(column, pa.array(left, column.type))).to_numpy().tolist():
            digest = column[row].as_py()
            if digest in left:
                left.remove(digest)
                found[digest.hex()] = batch.column(IDS)[row].as_py().hex()
        if not left:
            break
    return found
