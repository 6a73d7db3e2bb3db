"""Pending rows are read in batches that media keep small, and it is exactly the rows that were asked for."""

from __future__ import annotations

from pathlib import Path

import lance
import numpy as np
import pyarrow as pa
import pytest

from mmreg.curation.pending import MEDIA_BYTES, PendingRows
from mmreg.schemas.arrow import media_type
from mmreg.schemas.fingerprint import LIGHT_ROWS, LIST_ROWS, light_rows

IMAGE = media_type("image")
SMALL = 1000


def cell(data: bytes) -> dict[str, object]:
    return {**dict.fromkeys(field.name for field in IMAGE), "bytes": data, "length": len(data)}


@pytest.fixture
def table(tmp_path: Path) -> lance.LanceDataset:
    """Forty rows in one fragment; the image of row 7 is missing, that of row 20 alone is more than a batch holds."""
    cells = [cell(bytes([number]) * SMALL) for number in range(40)]
    cells[20] = cell(b"x" * (MEDIA_BYTES + 1))
    rows = {"image": pa.array([None if n == 7 else c for n, c in enumerate(cells)], IMAGE), "number": range(40)}
    return lance.write_dataset(pa.table(rows), tmp_path / "rows.lance", enable_stable_row_ids=True)


def read(
    table: lance.LanceDataset, columns: list[str], row_ids: list[int] | None, media_rows: int = 16
) -> list[list[int]]:
    wanted = None if row_ids is None else np.array(row_ids, np.uint64)
    batches = list(PendingRows(table, columns, media_rows).read(0, wanted))
    for batch in batches:
        assert batch.schema.names == [*columns, "_rowid"]
    return [batch.column("_rowid").to_pylist() for batch in batches if batch.num_rows]


def test_media_come_a_few_rows_at_a_time_and_a_giant_alone(table: lance.LanceDataset) -> None:
    batches = read(table, ["image", "number"], None)
    assert [row for batch in batches for row in batch] == list(range(40))
    assert [len(batch) for batch in batches] == [16, 4, 1, 16, 3]


@pytest.mark.parametrize("wanted", [None, list(range(40)), [3], [0, 20, 39], list(range(0, 40, 2)), []])
@pytest.mark.parametrize("columns", [["image"], ["number"]])
def test_exactly_the_wanted_rows_in_their_order(
    table: lance.LanceDataset, columns: list[str], wanted: list[int] | None
) -> None:
    found = [row for batch in read(table, columns, wanted) for row in batch]
    assert found == (list(range(40)) if wanted is None else wanted)


def test_deleted_rows_are_not_read(table: lance.LanceDataset) -> None:
    table.delete("number < 5")
    assert read(table, ["image"], None, media_rows=100)[0] == list(range(5, 20))


def test_the_bytes_are_those_of_the_row(table: lance.LanceDataset) -> None:
    (batch,) = PendingRows(table, ["image"], 256).read(0, np.array([6, 7, 8], np.uint64))
    found = [image and image["bytes"] for image in batch.column("image").to_pylist()]
    assert found == [b"\x06" * SMALL, None, b"\x08" * SMALL]


def test_a_pass_may_ask_for_fewer_rows(table: lance.LanceDataset) -> None:
    for columns in (["image"], ["number"]):
        for wanted in (None, np.array([1, 2, 3, 5, 8, 13, 21], np.uint64)):
            batches = list(PendingRows(table, columns, 16, most_rows=3).read(0, wanted))
            assert max(batch.num_rows for batch in batches) <= 3
            found = [row for batch in batches for row in batch.column("_rowid").to_pylist()]
            assert found == (list(range(40)) if wanted is None else wanted.tolist())


def test_lists_of_media_come_a_few_rows_at_a_time(tmp_path: Path) -> None:
    lists = [None if n % 7 == 3 else [cell(bytes([n])), cell(b"second")][: n % 3] for n in range(50)]
    rows = pa.table({"images": pa.array(lists, pa.list_(IMAGE))})
    table = lance.write_dataset(rows, tmp_path / "lists.lance", enable_stable_row_ids=True)
    batches = list(PendingRows(table, ["images"], 256).read(0, None))
    assert [batch.num_rows for batch in batches] == [16, 16, 16, 2]
    assert [row for batch in batches for row in batch.column("images").to_pylist()] == rows["images"].to_pylist()


def test_digests_in_lists_are_read_a_few_rows_at_a_time() -> None:
    schema = pa.schema({"image": IMAGE, "images": pa.list_(IMAGE), "tags": pa.list_(pa.string())})
    assert light_rows(schema, ["image.sha256", "tags"]) == LIGHT_ROWS
    assert light_rows(schema, ["image.sha256", "images"]) == LIST_ROWS
