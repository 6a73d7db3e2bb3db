"""What every selection run decided about each row that it looked at: ``_mmreg/decisions/<dataset>/<run id>.parquet``.

A row there has ``row_id`` (where the rows are of several roots also ``root``, a number into the Run's roots), ``kept``,
the ``reason`` where it was dropped, and a ``score`` where the run went by one: a few bytes a row. The file is written
before the commit and named by its Run, with its digest.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from mmreg.errors import IntegrityError
from mmreg.registry.erase.tombstones import replacements
from mmreg.schemas.cells import values

if TYPE_CHECKING:
    from mmreg.registry.store import Store
    from mmreg.schemas.run import Run

MOST_TOLD, LONGEST_TOLD = 50, 200
"""Reasons, and characters of one, that a Run tells; the file has them all."""
FOLDER = "_mmreg/decisions/"
OTHERS = "other reasons"
ROWS = 1 << 20
"""Rows that are turned into Parquet at a time."""


@dataclass(frozen=True)
class Decisions:
    """One entry for each row that was looked at, by root and row id.

    ``codes``: 0 is kept, n was dropped for the n-th of ``reasons``. ``scores`` are cells of the column ``score``.
    ``roots`` is None where all rows are of one root.
    """

    row_ids: NDArray[np.uint64]
    codes: NDArray[np.int32]
    reasons: Sequence[str]
    roots: NDArray[np.uint8] | None = None
    score: str | None = None
    scores: pa.Array[Any] | None = None

    def counts(self) -> dict[str, int]:
        """Dropped rows by reason, the most frequent ones: a Run is small, whatever a filter of one's own says."""
        numbers = np.bincount(self.codes, minlength=len(self.reasons) + 1)[1:]
        counted = Counter({reason: int(rows) for reason, rows in zip(self.reasons, numbers, strict=True) if rows})
        told = {reason: rows for reason, rows in counted.most_common(MOST_TOLD) if len(reason) <= LONGEST_TOLD}
        left = counted.total() - sum(told.values())
        return {**told, OTHERS: left} if left else told

    def table(self) -> pa.Table:
        codes: Any = pa.array(self.codes - 1, mask=self.codes == 0)
        reasons = pa.DictionaryArray.from_arrays(codes, pa.array(list(self.reasons), pa.string()))
        columns: dict[str, Any] = {} if self.roots is None else {"root": self.roots}
        columns |= {"row_id": self.row_ids, "kept": self.codes == 0, "reason": reasons}
        return pa.table(columns if self.scores is None else {**columns, "score": self.scores})


@dataclass(frozen=True)
class Decided:
    """What a run decided about one row."""

    kept: bool
    reason: str | None
    score: Any


def write_decisions(store: Store, dataset: str, run: str, decisions: Decisions) -> dict[str, Any]:
    """Keep ``decisions`` and return what the Run says of them. Memory: the file, a few bytes a row."""
    key = f"{FOLDER}{dataset}/{run}.parquet"
    data = _encoded(decisions.table())
    store.put(key, data)
    return {
        "path": key,
        "sha256": hashlib.sha256(data).hexdigest(),
        "rows": len(decisions.row_ids),
        "reasons": decisions.counts(),
        "score": decisions.score,
    }


def read_decisions(store: Store, run: Run) -> pa.Table | None:
    """All that ``run`` decided; None where it kept no decisions. Raises `IntegrityError` where they are gone."""
    data = _bytes(store, run)
    return pq.read_table(pa.BufferReader(data)) if data is not None else None


class DecisionsOf:
    """Looks up rows in what ``run`` decided, without reading all of it."""

    def __init__(self, store: Store, run: Run) -> None:
        self._data = _bytes(store, run)

    @property
    def known(self) -> bool:
        """Whether the run kept any."""
        return self._data is not None

    def find(self, root: int, row_id: int) -> Decided | None:
        """What was decided about a row of the root with this number; None where it was not looked at."""
        if self._data is None:
            return None
        file = pq.ParquetFile(pa.BufferReader(self._data))
        wanted = pc.equal(pc.field("row_id"), pa.scalar(row_id, pa.uint64()))
        if "root" in file.schema_arrow.names:
            wanted &= pc.equal(pc.field("root"), pa.scalar(root, pa.uint8()))
        elif root:
            return None
        found = pq.read_table(pa.BufferReader(self._data), filters=wanted)
        if not found.num_rows:
            return None
        score = values(found["score"])[0] if "score" in found.schema.names else None
        return Decided(values(found["kept"])[0], values(found["reason"])[0], score)


def without_rows(store: Store, run: Run, gone: Mapping[int, NDArray[np.uint64]]) -> bytes | None:
    """The decisions of ``run`` as they are to be kept without rows, by the number of their root; None where they have
    none of them."""
    data = _bytes(store, run)
    if data is None:
        return None
    table = pq.read_table(pa.BufferReader(data))
    row_ids = table["row_id"].to_numpy()
    roots = table["root"].to_numpy() if "root" in table.schema.names else np.zeros(len(row_ids), np.uint8)
    leaving = np.zeros(len(row_ids), bool)
    for number, leave in gone.items():
        leaving |= np.isin(row_ids, leave) & (roots == number)
    if not leaving.any():
        return None
    rest = table.filter(pa.array(~leaving))
    # Else the dictionary would still have the reasons of the rows that left.
    reasons: Any = rest["reason"].cast(pa.string()).combine_chunks().dictionary_encode()
    return _encoded(rest.set_column(rest.schema.get_field_index("reason"), "reason", reasons))


def facet_of(run: Run) -> Mapping[str, Any] | None:
    """What ``run`` says of its decisions."""
    found: Mapping[str, Any] | None = run.facets.get("select", {}).get("decisions")
    return found


def _bytes(store: Store, run: Run) -> bytes | None:
    facet = facet_of(run)
    if facet is None:
        return None
    data = store.get(facet["path"])
    if data is None:
        raise IntegrityError(
            f"{facet['path']}: the decisions of run {run.id} are missing from the lake", hint="mmreg fsck"
        )
    digest = hashlib.sha256(data).hexdigest()
    if digest != facet["sha256"] and digest not in replacements(store, facet["sha256"]):
        raise IntegrityError(
            f"{facet['path']}: the decisions of run {run.id} have changed in the lake", hint="mmreg fsck"
        )
    return data


def _encoded(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    # Consecutive ids cost next to nothing as differences.
    coded: Any = {"use_dictionary": ["reason"], "column_encoding": {"row_id": "DELTA_BINARY_PACKED"}}
    with pq.ParquetWriter(sink, table.schema, compression="zstd", **coded) as writer:
        writer.write_table(table, row_group_size=ROWS)
    encoded: bytes = sink.getvalue().to_pybytes()
    return encoded
