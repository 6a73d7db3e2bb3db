"""Rows written anew: the same cells under the same ids, and nothing left of those that were deleted."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import lance
import numpy as np
import pyarrow as pa
import pytest
from lance.fragment import write_fragments

from mmreg.errors import IntegrityError
from mmreg.registry.operations.compare import assert_same
from mmreg.registry.operations.rewrite import Rewritten, rewrite
from mmreg.registry.operations.rows import change_rows
from mmreg.schemas.arrow import DONE, STATE, media_type

IMAGE = media_type("image")
ROWS = pa.schema(
    [
        pa.field("number", pa.int64()),
        pa.field("image", IMAGE),
        pa.field("frames", pa.list_(IMAGE)),
        pa.field("vector", pa.list_(pa.float32(), 3)),
        pa.field("text", pa.string()),
        pa.field("score", pa.float64()),
        pa.field("_mmreg_p", STATE),
    ]
)
BESIDE = ["_rowid", "_row_created_at_version", "_row_last_updated_at_version"]


def image(number: int, data: bytes | None = None) -> dict[str, Any]:
    data = data if data is not None else f"picture {number} ".encode() * 50
    return {"bytes": data, "sha256": hashlib.sha256(data).digest(), "format": "png", "width": number}


def cells(numbers: Sequence[int]) -> pa.Table:
    """Rows with every kind of cell, and of every kind nulls."""
    state = {"generation": 7, "inputs": 2**63 + 1, "state": DONE, "error": None, "outputs": 9}
    return pa.table(
        {
            "number": numbers,
            "image": [None if n % 5 == 0 else image(n) for n in numbers],
            "frames": [None if n % 4 == 0 else [image(n + k) for k in range(n % 3)] for n in numbers],
            "vector": [None if n % 6 == 0 else [n, float("nan"), -0.0] for n in numbers],
            "text": [None if n % 7 == 0 else "ü" * (n % 3) for n in numbers],
            "score": [None if n % 3 == 0 else float("nan") if n % 2 else n / 7 for n in numbers],
            "_mmreg_p": [None if n % 8 == 0 else state for n in numbers],
        },
        schema=ROWS,
    )


def commit(table: lance.LanceDataset, operation: Any) -> lance.LanceDataset:
    return lance.LanceDataset.commit(table.uri, lance.Transaction(table.version, operation), max_retries=0)


def prepared(table: lance.LanceDataset, numbers: Sequence[int]) -> Rewritten:
    found = rewrite(table, numbers)
    assert found is not None
    return found


def content(table: lance.LanceDataset) -> list[str]:
    """All rows with all that Lance says of them, in the order of their ids."""
    rows = table.to_table(columns=[*table.schema.names, *BESIDE]).sort_by("_rowid")
    return [repr(row) for row in rows.to_pylist()]


@pytest.fixture
def table(tmp_path: Path) -> lance.LanceDataset:
    """Five fragments of six rows, of which some were deleted and others changed since."""
    uri = str(tmp_path / "t.lance")
    lance.write_dataset(cells(range(30)), uri, enable_stable_row_ids=True, max_rows_per_file=6)
    table = lance.dataset(uri)
    table.delete("number IN (0, 7, 8, 13)")
    table.update({"text": "'changed'"}, where="number = 20")
    return lance.dataset(uri)


@pytest.mark.parametrize("numbers", [[0], [0, 1, 2, 3, 4], [1, 2], [1, 3], [4, 3, 2]])
def test_rows_are_what_they_were(table: lance.LanceDataset, numbers: list[int]) -> None:
    before = content(table)
    ready = prepared(table, numbers)
    after = commit(table, ready.operation)
    assert content(after) == before
    numbered = {fragment.data_files()[0]._path: fragment.fragment_id for fragment in after.get_fragments()}
    for moved in ready.moves:
        found = after.get_fragment(numbered[moved.new.files[0]._path])
        assert found is not None
        assert ids_of(after, found.fragment_id) == [i for f in moved.old for i in ids_of(table, f.id)]
        assert found.num_deletions == 0


def ids_of(table: lance.LanceDataset, number: int) -> list[int]:
    fragment = table.get_fragment(number)
    assert fragment is not None
    found: list[int] = fragment.to_table(columns=[], with_row_id=True)["_rowid"].to_pylist()
    return found


def test_deleted_rows_are_in_no_new_file(table: lance.LanceDataset, tmp_path: Path) -> None:
    before = {path.name for path in (tmp_path / "t.lance" / "data").iterdir()}
    ready = prepared(table, list(table.fragment_ids()))
    assert len(ready.moves) == 1
    [written] = [path for path in (tmp_path / "t.lance" / "data").iterdir() if path.name not in before]
    data = written.read_bytes()
    assert b"picture 11 " in data
    assert b"picture 7 picture 7" not in data


def test_fragments_without_gain_stay(table: lance.LanceDataset) -> None:
    assert rewrite(table, []) is None
    after = commit(table, prepared(table, list(table.fragment_ids())).operation)
    assert rewrite(after, list(after.fragment_ids())) is None


def test_a_column_that_only_some_fragments_have_stays_as_it_is(table: lance.LanceDataset) -> None:
    extra = pa.schema([("extra", pa.string())])
    fragments, schema = [], None
    for fragment in table.get_fragments():
        if fragment.fragment_id in (1, 2):
            batch = pa.record_batch([["x"] * fragment.count_rows()], schema=extra)
            metadata, schema = fragment.merge_columns(pa.RecordBatchReader.from_batches(extra, [batch]))
            fragments.append(metadata)
        else:
            fragments.append(fragment.metadata)
    table = commit(table, lance.LanceOperation.Merge(fragments, schema))
    before = content(table)
    table = commit(table, prepared(table, [0, 3]).operation)  # neither had it
    assert content(table) == before
    assert content(commit(table, prepared(table, list(table.fragment_ids())).operation)) == before


@pytest.mark.parametrize("rewrite_first", [False, True])
@pytest.mark.parametrize("numbers", [[0, 1], [3, 4]])
def test_it_never_lands_beside_another_publish(
    table: lance.LanceDataset, rewrite_first: bool, numbers: list[int]
) -> None:
    ready = prepared(table, numbers).operation
    added = write_fragments(cells([99]), table.uri, mode="append", enable_stable_row_ids=True)
    assert isinstance(added, list)
    other = change_rows(table, added, np.empty(0, np.uint64))
    one, two = (ready, other) if rewrite_first else (other, ready)
    commit(table, one)
    with pytest.raises(OSError, match="conflict"):
        commit(table, two)


def changed(rows: pa.Table, name: str, value: Any) -> pa.Table:
    place = rows.schema.get_field_index(name)
    column = rows[name].to_pylist()
    column[3] = value
    return rows.set_column(place, rows.schema.field(name), pa.array(column, rows.schema.field(name).type))


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("number", 5, "column 'number' came back otherwise in row 3"),
        ("text", None, "column 'text' came back otherwise in row 3"),
        ("vector", [4.0, float("nan"), 1.0], "column 'vector'"),
        ("frames", [], "column 'frames'"),
        ("frames", [image(4), image(4)], "column 'frames'"),
        ("image", {**image(4), "width": 5}, "column 'image'"),
        ("image", None, "column 'image'"),
        ("_mmreg_p", None, "column '_mmreg_p'"),
    ],
)
def test_a_cell_that_came_back_otherwise_is_refused(name: str, value: Any, says: str) -> None:
    there = cells([1, 2, 3, 11, 17])
    back = changed(there, name, value)
    assert_same(there.to_batches(max_chunksize=2), there.slice, 5, ROWS.names, "trial")
    with pytest.raises(IntegrityError, match=says):
        assert_same(there.to_batches(max_chunksize=2), back.slice, 5, ROWS.names, "trial")


@pytest.mark.parametrize("name", ["image", "frames"])
def test_media_that_were_damaged_before_are_refused(name: str) -> None:
    cell = {**image(4), "bytes": b"other bytes"}
    rows = changed(cells([1, 2, 3, 11, 17]), name, cell if name == "image" else [image(1), cell])
    with pytest.raises(IntegrityError, match="row 3, are not what their SHA-256 says"):
        assert_same(rows.to_batches(), rows.slice, 5, ROWS.names, "trial")


@pytest.mark.parametrize("rows", [4, 6])
def test_other_numbers_of_rows_are_refused(rows: int) -> None:
    there = cells([1, 2, 3, 4, 5])
    with pytest.raises(IntegrityError, match="not as many"):
        assert_same(there.to_batches(max_chunksize=2), there.slice, rows, ROWS.names, "trial")
