"""A Lance table as a source: read in place, rows told apart by their ids, never written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import lance
import pyarrow as pa
import pytest

from mmreg.errors import NotFound, UsageError

COLUMNS = {"image": {"type": "image"}, "caption": {"type": "text"}}
SOURCE = {"type": "lance", "path": "t.lance"}


def write(path: Path, images: list[bytes | None], captions: list[str], **options: Any) -> lance.LanceDataset:
    table = pa.table({"image": pa.array(images, pa.large_binary()), "caption": captions})
    return lance.write_dataset(table, path, **{"enable_stable_row_ids": True, **options})


def test_rows_and_reasons(tmp_path, picture, open_declared, read_all) -> None:
    write(tmp_path / "t.lance", [picture(), b"none", None], ["a", "b", "c"])
    source = open_declared(SOURCE, COLUMNS)
    found = read_all(source)
    assert found.rows["row/0"]["image"]["bytes"] == picture()
    assert found.reasons == {"row/1": "not_an_image", "row/2": "null_value"}
    assert source.facts == {**SOURCE, "version": 1}


def test_stamps_move_with_the_row_and_with_nothing_else(tmp_path, picture, open_declared) -> None:
    table = write(tmp_path / "t.lance", [picture()] * 3, ["a", "b", "c"])

    def listed() -> dict[str, int]:
        batches = open_declared(SOURCE, COLUMNS).listing()
        return {r["address"]: r["stamp"] for batch in batches for r in batch.to_pylist()}

    before = listed()
    table.update({"caption": "'B'"}, where="caption = 'b'")
    table.delete("caption = 'c'")
    write(tmp_path / "t.lance", [picture()], ["d"], mode="append")
    table = lance.dataset(tmp_path / "t.lance")
    table.optimize.compact_files()
    after = listed()
    assert set(after) == {"row/0", "row/1", "row/3"}
    assert after["row/0"] == before["row/0"]
    assert after["row/1"] != before["row/1"]


def test_only_wanted_rows_are_read(tmp_path, picture, open_declared) -> None:
    write(tmp_path / "t.lance", [picture()] * 3, ["a", "b", "c"])
    parts = open_declared(SOURCE, COLUMNS).read(
        lambda addresses: pa.array([a == "row/1" for a in addresses.to_pylist()])
    )
    assert [row["caption"] for part in parts for row in part.rows.to_pylist()] == ["b"]


def test_what_cannot_be_a_source_says_why(tmp_path, picture, open_declared) -> None:
    with pytest.raises(NotFound, match=r"no Lance table at t\.lance"):
        open_declared(SOURCE, COLUMNS)
    write(tmp_path / "t.lance", [picture()], ["a"], enable_stable_row_ids=False)
    with pytest.raises(UsageError, match="has no stable row ids") as failed:
        open_declared(SOURCE, COLUMNS)
    assert "enable_stable_row_ids=True" in str(failed.value.hint)
    lance.write_dataset(
        pa.table({"image": ["a.png"], "caption": ["a"]}), tmp_path / "p.lance", enable_stable_row_ids=True
    )
    with pytest.raises(UsageError, match="must hold bytes"):
        open_declared({"type": "lance", "path": "p.lance"}, COLUMNS)
