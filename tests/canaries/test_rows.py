"""What Lance does with rows, cells and files: each test says what mmreg does about it."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import lance
import pyarrow as pa
import pytest

IMAGE = pa.struct([("bytes", pa.large_binary()), ("sha256", pa.binary(32))])


def found(table: lance.LanceDataset, predicate: str, **options: Any) -> list[int]:
    rows = table.scanner(columns=["number"], filter=predicate, **options).to_table()
    values: list[int] = rows["number"].to_pylist()
    return sorted(values)


def data_files(table: lance.LanceDataset) -> list[Path]:
    return sorted(Path(table.uri, "data").iterdir())


def test_nan_counts_as_larger_than_any_number(tmp_path: Path) -> None:
    """mmreg writes predicates anew, with NOT isnan for every column of floats."""
    rows = pa.table({"number": [1, 2, 3], "score": [float("nan"), None, 1.0]})
    table = lance.write_dataset(rows, str(tmp_path / "t.lance"))
    assert found(table, "score > 0.5") == [1, 3]
    assert found(table, "score != score") == []
    assert found(table, "score > 0.5 AND NOT isnan(score)") == [3]


def test_what_follows_a_semicolon_is_ignored(make: Any) -> None:
    """mmreg parses predicates itself, to exactly one expression."""
    assert found(make(), "number = 1; DROP TABLE x") == [1]


def test_rows_of_a_missing_file_are_still_counted(make: Any) -> None:
    """No count is a health check: mmreg fsck looks for every file and its digest."""
    table = make(3)
    data_files(table)[0].unlink()
    assert lance.dataset(table.uri).count_rows() == 3
    with pytest.raises((OSError, ValueError)):
        lance.dataset(table.uri).to_table()


def test_a_flipped_bit_is_read_as_another_value(make: Any) -> None:
    """Lance keeps no checksums: mmreg keeps a digest of every file and of every media cell."""
    table = make(1000, 1000)
    good = table.to_table()
    [file] = data_files(table)
    data, silent = file.read_bytes(), 0
    random.seed(1)
    for place in random.sample(range(len(data) - 1000), 30):
        file.write_bytes(data[:place] + bytes([data[place] ^ 4]) + data[place + 1 :])
        try:
            lance.dataset(table.uri, session=lance.Session()).validate()
            silent += not lance.dataset(table.uri, session=lance.Session()).to_table().equals(good)
        except (OSError, ValueError, pa.ArrowInvalid):
            continue
    assert silent > 0


def test_text_that_is_no_utf_8_is_written_and_then_not_read(tmp_path: Path) -> None:
    """mmreg validates every batch before it is written."""
    offsets, letters = pa.py_buffer(b"\x00\x00\x00\x00\x02\x00\x00\x00"), pa.py_buffer(b"\xff\xfe")
    bad = pa.Array.from_buffers(pa.string(), 1, [None, offsets, letters])
    with pytest.raises(pa.ArrowInvalid):
        bad.validate(full=True)
    table = lance.write_dataset(pa.table({"text": bad}), str(tmp_path / "t.lance"))
    with pytest.raises((OSError, ValueError, pa.ArrowInvalid)):
        table.to_table()["text"].to_pylist()


def test_an_appended_row_without_a_column_has_null_there(make: Any, number_table: Any) -> None:
    """null is no answer: mmreg keeps a state beside every pass's columns, and counts rows without one as pending."""
    table = make(3)
    table.add_columns({"score": "number * 2"})
    table = lance.write_dataset(number_table([9]), table.uri, mode="append")
    assert table.to_table(filter="score IS NULL")["number"].to_pylist() == [9]


def test_row_ids_are_never_used_twice_and_survive_compaction(make: Any, number_table: Any) -> None:
    """Selections, decisions and staged results are kept by row id."""
    table = make(9)
    table.delete("number IN (1, 7, 8)")
    table = lance.write_dataset(number_table([20]), table.uri, mode="append")
    ids = dict(zip(*table.to_table(columns=["number"], with_row_id=True).to_pydict().values(), strict=True))
    assert ids[20] == 9
    table.optimize.compact_files()
    after = lance.dataset(table.uri).to_table(columns=["number"], with_row_id=True).to_pydict()
    assert dict(zip(*after.values(), strict=True)) == ids
    assert len(lance.dataset(table.uri).get_fragments()) == 1


def test_an_index_finds_what_a_scan_finds_after_compaction(make: Any, number_table: Any) -> None:
    """lance#6116, #6610: after a compaction mmreg looks values up in both ways, and says where they differ."""
    table = make(300, 20)
    table.create_scalar_index("number", "BTREE")
    table = lance.write_dataset(number_table(range(300, 330)), table.uri, mode="append")
    table.delete("number % 7 = 0")
    for _ in range(2):
        table.optimize.compact_files(target_rows_per_fragment=100)
        table.optimize.optimize_indices()
        table = lance.dataset(table.uri)
        for number in range(330):
            asked = f"number = {number}"
            assert found(table, asked) == found(table, asked, use_scalar_index=False) == [number] * (number % 7 > 0)


@pytest.mark.parametrize("version", ["2.1", "2.2"])
def test_media_after_nulls_survive_compaction(version: str, tmp_path: Path) -> None:
    """lance#7955, #8069: mmreg compares every cell before it commits a compaction, media by their SHA-256."""
    cells = [None, {"bytes": None}, {"bytes": b""}, {"bytes": b"x" * 5000, "sha256": b"s" * 32}, None] * 4
    rows = pa.table({"number": range(20), "image": pa.array(cells, IMAGE)})
    uri = str(tmp_path / "t.lance")
    table = lance.write_dataset(
        rows, uri, max_rows_per_file=3, enable_stable_row_ids=True, data_storage_version=version
    )
    table.delete("number = 3")
    table.optimize.compact_files()
    after = lance.dataset(uri).to_table().sort_by("number")
    expected = pa.table({"image": cells}, schema=pa.schema([("image", IMAGE)]))["image"].to_pylist()
    assert after["image"].to_pylist() == expected[:3] + expected[4:]


def test_new_tables_are_of_a_format_that_keeps_null_structs(tmp_path: Path) -> None:
    """A pass that has not been and one that answered nothing differ by that alone; format 2.0 refuses to write it."""
    state = pa.array([None, {"bytes": None, "sha256": None}], IMAGE)
    table = lance.write_dataset(pa.table({"state": state}), str(tmp_path / "t.lance"))
    assert table.to_table()["state"].to_pylist() == [None, {"bytes": None, "sha256": None}]


def test_an_update_without_offsets_counts_no_row_as_changed(make: Any, commit: Any) -> None:
    """So mmreg names fragments in a commit, and packs columns, without a row seeming to have changed."""
    table = make(3)
    fragment = table.get_fragment(0)
    rows = fragment.to_table(columns=["text"], with_row_id=True)
    metadata, _ = fragment.update_columns(rows, left_on="_rowid")
    operation = lance.LanceOperation.Update(
        updated_fragments=[metadata], fields_modified=[], update_mode="rewrite_columns", updated_fragment_offsets={}
    )
    after = commit(table, operation)
    updated = after.to_table(columns=["_row_last_updated_at_version"])["_row_last_updated_at_version"]
    assert set(updated.to_pylist()) == {1}


def test_files_without_a_live_column_leave_the_fragment(make: Any, commit: Any) -> None:
    """mmreg packs the files of many passes into one by that."""
    table = make(3)
    for name in ("one", "two"):
        table.add_columns({name: "number * 2"})
    table = lance.dataset(table.uri)
    fragment = table.get_fragment(0)
    rows = fragment.to_table(columns=["one", "two"], with_row_id=True)
    metadata, _ = fragment.update_columns(rows, left_on="_rowid")
    assert (len(fragment.data_files()), len(metadata.files)) == (3, 2)


def test_children_of_a_null_struct_are_anything(tmp_path: Path) -> None:
    """mmreg looks at the struct's own validity before it believes a digest below it."""
    cells = pa.array([None, {"bytes": b"x", "sha256": b"s" * 32}], IMAGE)
    table = lance.write_dataset(pa.table({"image": cells}), str(tmp_path / "t.lance"))
    image = table.to_table()["image"].combine_chunks()
    assert image.is_valid().to_pylist() == [False, True]
    assert image.to_pylist() == cells.to_pylist()
