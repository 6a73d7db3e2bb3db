"""Packing columns: fewer files, the same cells, and media where they were."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import lance
import numpy as np
import pyarrow as pa
import pytest
from lance.fragment import write_fragments

from mmreg.registry.operations.pack import pack
from mmreg.registry.operations.rewrite import rewrite
from mmreg.registry.operations.rows import change_rows
from mmreg.schemas.arrow import DONE, STATE, media_type

BESIDE = ["_rowid", "_row_created_at_version", "_row_last_updated_at_version"]
IMAGE = media_type("image")


def commit(table: lance.LanceDataset, operation: Any) -> lance.LanceDataset:
    return lance.LanceDataset.commit(table.uri, lance.Transaction(table.version, operation), max_retries=0)


def images(numbers: range) -> pa.Table:
    cells = [{"bytes": bytes([n]) * 3000} if n % 4 else None for n in numbers]
    return pa.table({"number": pa.array(numbers), "image": pa.array(cells, IMAGE)})


def with_columns(table: lance.LanceDataset, salt: int) -> lance.LanceDataset:
    """What a pass adds: an answer of any kind, with nulls, and its state."""
    columns = pa.schema([(f"answer{salt}", pa.list_(pa.string())), (f"_mmreg_p{salt}", STATE)])
    fragments, schema = [], None
    for fragment in table.get_fragments():
        numbers = fragment.to_table(columns=["number"])["number"].to_pylist()
        answers = [None if n % 3 == 0 else ["ü", None, str(n)][: n % 4] for n in numbers]
        state = {"generation": salt, "inputs": 2**63, "state": DONE, "error": None, "outputs": 3}
        states = [None if n % 5 == 0 else state for n in numbers]
        batch = pa.record_batch([pa.array(answers, columns[0].type), pa.array(states, STATE)], schema=columns)
        metadata, schema = fragment.merge_columns(pa.RecordBatchReader.from_batches(columns, [batch]))
        fragments.append(metadata)
    return commit(table, lance.LanceOperation.Merge(fragments, schema))


def content(table: lance.LanceDataset) -> pa.Table:
    return table.to_table(columns=[*table.schema.names, *BESIDE])


def files(table: lance.LanceDataset) -> list[int]:
    return [len(fragment.data_files()) for fragment in table.get_fragments()]


@pytest.fixture
def table(tmp_path: Path) -> lance.LanceDataset:
    """Three fragments with media and three passes, of which rows are deleted."""
    uri = str(tmp_path / "t.lance")
    table = lance.write_dataset(images(range(18)), uri, enable_stable_row_ids=True, max_rows_per_file=6)
    for salt in range(3):
        table = with_columns(table, salt)
    table.delete("number IN (0, 7, 8)")
    return lance.dataset(uri)


@pytest.mark.parametrize("numbers", [[0, 1, 2], [1], [2, 0]])
def test_cells_rows_and_versions_stay(table: lance.LanceDataset, numbers: list[int]) -> None:
    before = content(table)
    media = {fragment.data_files()[0]._path for fragment in table.get_fragments()}
    ready = pack(table, numbers)
    assert ready is not None
    after = commit(table, ready.operation)
    assert content(after).equals(before)
    assert files(after) == [2 if number in numbers else 4 for number in range(3)]
    assert {fragment.data_files()[0]._path for fragment in after.get_fragments()} == media
    assert list(after.fragment_ids()) == [0, 1, 2]
    assert pack(after, numbers) is None


def test_what_was_packed_can_be_filled_packed_and_rewritten_again(table: lance.LanceDataset) -> None:
    for salt in range(3, 5):
        ready = pack(table, [0, 1, 2])
        assert ready is not None
        table = with_columns(commit(table, ready.operation), salt)
        fragment = table.get_fragment(1)
        assert fragment is not None
        ids = fragment.to_table(columns=[], with_row_id=True)["_rowid"]
        news = pa.table({"_rowid": ids, "answer1": pa.array([[str(salt)]] * len(ids))})
        changed, modified, offsets = fragment.update_columns(news, left_on="_rowid", with_offsets=True)
        operation = lance.LanceOperation.Update(
            updated_fragments=[changed],
            fields_modified=modified,
            update_mode="rewrite_columns",
            updated_fragment_offsets={1: offsets},
        )
        table = commit(table, operation)
        assert [row["answer1"] for row in fragment_rows(table, 1)] == [[str(salt)]] * len(ids)
    before = content(table).sort_by("_rowid")
    ready = rewrite(table, [0, 1, 2])
    assert ready is not None
    assert content(commit(table, ready.operation)).sort_by("_rowid").equals(before)


def fragment_rows(table: lance.LanceDataset, number: int) -> list[dict[str, Any]]:
    fragment = table.get_fragment(number)
    assert fragment is not None
    rows: list[dict[str, Any]] = fragment.to_table().to_pylist()
    return rows


def test_a_dropped_column_is_no_reason_to_pack_again(table: lance.LanceDataset) -> None:
    table.drop_columns(["answer0", "_mmreg_p0", "answer1", "_mmreg_p1"])
    table = lance.dataset(table.uri)
    before = content(table)
    assert pack(table, [0, 1, 2]) is None, "one file with columns that are still there is not many"
    assert content(lance.dataset(table.uri)).equals(before)


@pytest.mark.parametrize("pack_first", [False, True])
@pytest.mark.parametrize("numbers", [[0], [2]])
def test_it_never_lands_beside_another_publish(table: lance.LanceDataset, pack_first: bool, numbers: list[int]) -> None:
    ready = pack(table, numbers)
    assert ready is not None
    added = write_fragments(images(range(30, 31)), table.uri, mode="append", enable_stable_row_ids=True)
    assert isinstance(added, list)
    other = change_rows(table, added, np.empty(0, np.uint64))
    one, two = (ready.operation, other) if pack_first else (other, ready.operation)
    commit(table, one)
    with pytest.raises(OSError, match="conflict"):
        commit(table, two)
