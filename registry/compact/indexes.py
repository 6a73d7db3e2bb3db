"""Whether the indexes that a table has agree with its rows: values looked up in them and by a full scan.

mmreg makes none yet; who made one with Lance should not have it lie after a compaction (lance#6116, #6610).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from mmreg.registry.lake import reading
from mmreg.schemas.cells import values
from mmreg.schemas.compact import IndexState

if TYPE_CHECKING:
    import lance

SAMPLES = 20
_LOOKED_UP = ("BTree", "Bitmap", "LabelList")


def check_indexes(table: lance.LanceDataset) -> tuple[IndexState, ...]:
    """All indexes of ``table``. Raises `StorageError` where one cannot be read."""
    found = []
    for index in table.describe_indices():
        with reading(f"index {index.name}"):
            stats: Any = table.stats.index_stats(index.name)
            columns = tuple(index.field_names)
            asked, wrong = _lookups(table, columns[0]) if index.index_type in _LOOKED_UP else (0, 0)
            found.append(
                IndexState(
                    name=index.name,
                    type=index.index_type,
                    columns=columns,
                    asked=asked,
                    wrong=wrong,
                    unindexed_rows=int(stats.get("num_unindexed_rows", 0)),
                    rebuild=f"lance.dataset({table.uri!r}).optimize.optimize_indices()",
                )
            )
    return tuple(found)


def _lookups(table: lance.LanceDataset, column: str) -> tuple[int, int]:
    kind = table.schema.field(column).type
    if not (pa.types.is_integer(kind) or pa.types.is_string(kind)):
        return 0, 0
    rows = table.count_rows()
    places = np.unique(np.linspace(0, rows - 1, min(SAMPLES, rows), dtype=np.int64)).tolist()
    sampled = [cell for cell in values(table.take(places, columns=[column])[column]) if cell is not None]
    wrong = 0
    for value in sampled:
        literal = "'" + value.replace("'", "''") + "'" if isinstance(value, str) else str(value)
        asked = [_found(table, f"{column} = {literal}", indexed) for indexed in (True, False)]
        wrong += asked[0] != asked[1]
    return len(sampled), wrong


def _found(table: lance.LanceDataset, predicate: str, indexed: bool) -> list[int]:
    rows = table.scanner(columns=[], with_row_id=True, filter=predicate, use_scalar_index=indexed).to_table()
    found: list[int] = sorted(values(rows["_rowid"]))
    return found
