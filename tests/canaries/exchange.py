"""Run by one Lance and read by another: writes, extends or tells a table in the ways that mmreg does.

python exchange.py write|extend|tell PATH
"""

from __future__ import annotations

import json
import sys
from typing import Any

import lance
import numpy as np
import pyarrow as pa
from lance.fragment import write_fragments
from lance.optimize import Compaction

L = lance.LanceOperation
MEDIA = pa.struct([("bytes", pa.large_binary()), ("sha256", pa.binary(32)), ("width", pa.int32())])
STATE = pa.struct([("generation", pa.uint64()), ("state", pa.int8()), ("error", pa.string())])
ROWS = pa.schema(
    [
        ("sample_id", pa.binary(16)),
        ("image", MEDIA),
        ("frames", pa.list_(MEDIA)),
        ("vector", pa.list_(pa.float32(), 2)),
        ("caption", pa.string()),
        ("at", pa.timestamp("us", tz="UTC")),
    ]
)


def write(uri: str) -> None:
    """Rows, a pass's columns, a removal, a pin and an index."""
    table = lance.write_dataset(rows(range(20)), uri, enable_stable_row_ids=True, max_rows_per_file=6)
    table = commit(table, L.Merge(*answers(table)))
    table = commit(table, removal(table, 3))
    table.tags.create("mmreg-pin", table.version)
    table.create_scalar_index("caption", "BTREE")


def extend(uri: str) -> None:
    """More rows, some answers anew, a removal, and everything in one fragment."""
    table = lance.dataset(uri)
    added = list(write_fragments(rows(range(20, 26)), uri, mode="append", enable_stable_row_ids=True))
    table = commit(table, L.Update(new_fragments=added, update_mode="rewrite_rows"))
    fragment = table.get_fragments()[0]
    news = fragment.to_table(columns=["score", "_mmreg_p"], with_row_id=True)
    news = news.set_column(news.schema.get_field_index("score"), "score", pa.array(np.full(len(news), 0.5)))
    metadata, modified, offsets = fragment.update_columns(news, left_on="_rowid", with_offsets=True)
    refill = L.Update(
        updated_fragments=[metadata],
        fields_modified=modified,
        update_mode="rewrite_columns",
        updated_fragment_offsets={fragment.fragment_id: offsets},
    )
    table = commit(commit(table, refill), removal(lance.dataset(uri), 21))
    options: Any = {"target_rows_per_fragment": 1000, "materialize_deletions_threshold": 0.0}
    tasks = Compaction.plan(table, options).tasks
    groups = [L.RewriteGroup(list(task.fragments), task.execute(table).new_fragments) for task in tasks]
    commit(table, L.Rewrite(groups, []))


def tell(uri: str) -> dict[str, Any]:
    """All that it holds, as text."""
    table = lance.dataset(uri)
    found = table.to_table(columns=[*table.schema.names, "_rowid"]).sort_by("_rowid").to_pylist()
    last = table.read_transaction(table.version).transaction_properties if table.version < 5 else None
    return {
        "schema": str(table.schema),
        "rows": [repr(row) for row in found],
        "by index": [repr(row) for row in table.to_table(filter="caption = 'caption 5'").to_pylist()],
        "pinned": table.tags.list()["mmreg-pin"]["version"],
        "pinned rows": lance.dataset(uri, version="mmreg-pin").count_rows(),
        "properties": last,
        "fragments": [len(fragment.data_files()) for fragment in table.get_fragments()],
    }


def rows(numbers: range) -> pa.Table:
    media = [{"bytes": bytes([n]) * 4000, "sha256": bytes([n]) * 32, "width": n} for n in numbers]
    columns = {
        "sample_id": [bytes([n]) * 16 for n in numbers],
        "image": [None if n % 5 == 0 else cell for n, cell in zip(numbers, media, strict=True)],
        "frames": [None if n % 4 == 0 else [cell] * (n % 3) for n, cell in zip(numbers, media, strict=True)],
        "vector": [None if n % 6 == 0 else [n, n / 3] for n in numbers],
        "caption": [None if n % 7 == 0 else f"caption {n}" for n in numbers],
        "at": [n * 10**9 for n in numbers],
    }
    return pa.table(columns, schema=ROWS)


def answers(table: lance.LanceDataset) -> tuple[list[Any], Any]:
    columns = pa.schema([("score", pa.float64()), ("_mmreg_p", STATE)])
    fragments, schema = [], None
    for fragment in table.get_fragments():
        count = fragment.count_rows()
        state = [{"generation": 2**63, "state": 1, "error": None} if n % 3 else None for n in range(count)]
        batch = pa.record_batch([pa.array(range(count), pa.float64()), pa.array(state, STATE)], schema=columns)
        metadata, schema = fragment.merge_columns(pa.RecordBatchReader.from_batches(columns, [batch]))
        fragments.append(metadata)
    return fragments, schema


def removal(table: lance.LanceDataset, place: int) -> Any:
    address = table.to_table(columns=["_rowaddr"]).to_pydict()["_rowaddr"][place]
    metadata = table.get_fragment(address >> 32).delete_rows([address & 0xFFFFFFFF])
    return L.Update(updated_fragments=[metadata], update_mode="rewrite_rows")


def commit(table: lance.LanceDataset, operation: Any) -> lance.LanceDataset:
    said = {"mmreg.run": '{"name": "größer"}'}
    transaction = lance.Transaction(table.version, operation, transaction_properties=said)
    return lance.LanceDataset.commit(table.uri, transaction, max_retries=0)


if __name__ == "__main__":
    path, *verbs = sys.argv[1:]
    for verb in verbs:
        told = {"write": write, "extend": extend, "tell": tell}[verb](path)
    print(json.dumps(told))
