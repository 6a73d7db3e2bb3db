"""Parquet in the three spellings of media, every column type, and files that are broken."""

from __future__ import annotations

import datetime as dt
import decimal
import io
import os
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mmreg.errors import NotFound, UsageError

IMAGE = {"image": {"type": "image"}}
FILE = {"type": "parquet", "path": "t.parquet"}
HUGGING_FACE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


def write(path: Path, columns: dict[str, Any], **options: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns), path, **options)


def test_bytes(tmp_path, picture, giant_png, open_declared, read_all) -> None:
    good = picture("JPEG", (8, 6))
    large = picture() + bytes(5000)
    write(tmp_path / "t.parquet", {"image": [good, b"no image", giant_png, None, large, good[:100]]})
    found = read_all(open_declared({**FILE, "limits": {"max_bytes": 4000}}, IMAGE))
    assert found.rows["t.parquet#0"]["image"]["bytes"] == good
    assert found.reasons == {
        "t.parquet#1": "not_an_image", "t.parquet#2": "pixel_limit", "t.parquet#3": "null_value",
        "t.parquet#4": "too_large", "t.parquet#5": "not_an_image",
    }  # fmt: skip


def test_paths(tmp_path, picture, open_declared, read_all) -> None:
    (tmp_path / "img").mkdir()
    (tmp_path / "img" / "a.png").write_bytes(picture())
    os.mkfifo(tmp_path / "pipe")
    paths = ["img/a.png", "gone.png", "../x", "pipe", None]
    write(tmp_path / "t.parquet", {"image": pa.array(paths, pa.large_string())})
    columns = {"image": {"type": "image", "storage": "reference"}}
    source = open_declared(FILE, columns)
    found = read_all(source)
    assert found.rows["t.parquet#0"]["image"]["uri"] == "img/a.png"
    assert list(found.reasons.values()) == ["missing_file", "outside_root", "not_a_file", "null_value"]
    assert source.facts == FILE
    assert source.media_root == str(tmp_path)


@pytest.mark.parametrize("statistics", [True, False])
def test_pairs_of_bytes_and_path(tmp_path, picture, open_declared, read_all, statistics) -> None:
    data = picture()
    (tmp_path / "a.png").write_bytes(data)
    cells = [
        {"bytes": data, "path": "elsewhere.png"},
        {"bytes": None, "path": "a.png"},
        {"bytes": None, "path": None},
        {"bytes": None, "path": "gone.png"},
        None,
    ]
    table = {"image": pa.array(cells, HUGGING_FACE), "many": pa.array([cells[:2]] * 5, pa.list_(HUGGING_FACE))}
    write(tmp_path / "t.parquet", table, write_statistics=statistics)
    columns = {**IMAGE, "many": {"type": "list", "items": "image"}}
    found = read_all(open_declared(FILE, columns))
    assert [row["image"]["bytes"] for row in found.rows.values()] == [data, data]
    assert [len(row["many"]) for row in found.rows.values()] == [2, 2]
    assert list(found.reasons.values()) == ["null_value", "missing_file", "null_value"]


def test_every_other_type(tmp_path, open_declared, read_all) -> None:
    moment = dt.datetime(2026, 11, 22, 3, 0, tzinfo=dt.UTC)
    sample = bytes(range(16))
    write(
        tmp_path / "t.parquet",
        {
            "caption": ["a", ""],
            "likes": pa.array([1, 2], pa.uint8()),
            "score": pa.array([decimal.Decimal("1.5"), None]),
            "halves": pa.array(np.array([0.5, 1], np.float16)),
            "fine": [True, None],
            "taken": pa.array([moment, None], pa.timestamp("ns", "Europe/Paris")),
            "day": pa.array([moment.date(), None], pa.date32()),
            "vector": pa.array([[1.0, 2.0], [3.0, None]], pa.list_(pa.float32(), 2)),
            "talk": [[{"role": "user", "content": "x"}], []],
            "choice": [{"prompt": "p", "chosen": "c", "rejected": "r"}] * 2,
            "near": pa.array([sample, sample], pa.binary(16)),
            "tags": pa.array([["x"], None], pa.large_list(pa.string())),
        },
    )
    columns = {
        "caption": {"type": "text"}, "likes": {"type": "int"}, "score": {"type": "float", "nullable": True},
        "halves": {"type": "float"}, "fine": {"type": "bool", "nullable": True},
        "taken": {"type": "timestamp", "nullable": True}, "day": {"type": "timestamp", "nullable": True},
        "vector": {"type": "embedding", "dim": 2}, "talk": {"type": "messages"},
        "choice": {"type": "preference"}, "near": {"type": "ref", "dataset": "places"},
        "tags": {"type": "list", "items": "string", "nullable": True},
        "absent": {"type": "string", "nullable": True},
    }  # fmt: skip
    found = read_all(open_declared(FILE, columns))
    assert found.rows == {
        "t.parquet#0": {
            "caption": "a", "likes": 1, "score": 1.5, "halves": 0.5, "fine": True, "taken": moment,
            "day": dt.datetime(2026, 11, 22, tzinfo=dt.UTC), "vector": [1.0, 2.0],
            "talk": [{"role": "user", "content": "x"}],
            "choice": {"prompt": "p", "chosen": "c", "rejected": "r", "annotator_kind": None, "annotator": None},
            "near": {"dataset": "places", "sample_id": sample}, "tags": ["x"], "absent": None,
        }
    }  # fmt: skip
    assert found.reasons == {"t.parquet#1": "empty_text"}


def test_text_that_is_not_utf8_rejects_its_row_only(tmp_path, open_declared, read_all) -> None:
    raw = pa.array([b"good", b"caf\xe9", b"fine"], pa.binary())
    texts = pa.Array.from_buffers(pa.string(), 3, raw.buffers())
    write(tmp_path / "t.parquet", {"caption": texts, "n": [1, 2, 3]})
    found = read_all(open_declared(FILE, {"caption": {"type": "text"}, "n": {"type": "int"}}))
    assert [row["caption"] for row in found.rows.values()] == ["good", "fine"]
    assert found.reasons == {"t.parquet#1": "not_utf8"}
    assert found.rejected["t.parquet#1"].detail == "caption: not UTF-8 at byte 3 of the text"


def test_row_groups_and_shards_count_on(tmp_path, picture, open_declared, read_all) -> None:
    for shard, rows in (("a", 10), ("sub/b", 5)):
        write(tmp_path / "all" / f"{shard}.parquet", {"n": list(range(rows))}, row_group_size=3)
    source = open_declared({"type": "parquet", "path": "all"}, {"n": {"type": "int"}})
    found = read_all(source)
    assert {address: row["n"] for address, row in found.rows.items()} == {
        **{f"a.parquet#{n}": n for n in range(10)},
        **{f"sub/b.parquet#{n}": n for n in range(5)},
    }
    (part,) = source.read(lambda some: pa.array([a.endswith(("a.parquet#4", "#9")) for a in some.to_pylist()]))
    assert part.rows["n"].to_pylist() == [4, 9]


def test_wide_rows_come_in_bounded_batches(tmp_path, picture, open_declared) -> None:
    data = picture("BMP", (1500, 1500))
    write(tmp_path / "t.parquet", {"image": [data] * 12})
    parts = list(open_declared(FILE, IMAGE).read(None))
    assert [part.rows.num_rows for part in parts] == [5, 5, 2]


def test_stamps_move_with_the_file_and_with_the_media_it_names(tmp_path, picture, open_declared, read_all) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.png").write_bytes(picture())
    write(tmp_path / "t.parquet", {"image": ["a.png", "b.png"]})
    before = read_all(open_declared(FILE, IMAGE)).stamps
    (tmp_path / "b.png").write_bytes(picture("BMP"))
    after = read_all(open_declared(FILE, IMAGE)).stamps
    assert [before[address] == after[address] for address in before] == [True, False]
    os.utime(tmp_path / "t.parquet", ns=(1, 1))
    touched = read_all(open_declared(FILE, IMAGE)).stamps
    assert not set(touched.values()) & set(after.values())


def test_a_file_that_is_no_parquet_is_one_rejected_record(tmp_path, open_declared, read_all) -> None:
    write(tmp_path / "all" / "good.parquet", {"n": [1]})
    (tmp_path / "all" / "text.parquet").write_text("PAR1 no, only text")
    (tmp_path / "all" / "cut.parquet").write_bytes((tmp_path / "all" / "good.parquet").read_bytes()[:-20])
    os.mkfifo(tmp_path / "all" / "pipe.parquet")
    found = read_all(open_declared({"type": "parquet", "path": "all"}, {"n": {"type": "int"}}))
    assert list(found.rows) == ["good.parquet#0"]
    assert found.reasons == {
        "text.parquet": "unreadable", "cut.parquet": "unreadable", "pipe.parquet": "not_a_file"
    }  # fmt: skip
    assert str(tmp_path) not in repr(found.rejected)


def test_a_broken_page_rejects_the_rows_behind_it(tmp_path, open_declared, read_all) -> None:
    buffer = io.BytesIO()
    table = pa.table({"caption": [f"number {n} " * 50 for n in range(20)]})
    pq.write_table(table, buffer, row_group_size=10, use_dictionary=False, compression="none", write_page_checksum=True)
    data = bytearray(buffer.getvalue())
    group = pq.ParquetFile(io.BytesIO(data)).metadata.row_group(1).column(0)
    end = group.data_page_offset + group.total_compressed_size
    data[end - 40 : end] = bytes(40)
    (tmp_path / "t.parquet").write_bytes(data)
    found = read_all(open_declared(FILE, {"caption": {"type": "text"}}))
    assert len(found.rows) == 10
    assert set(found.reasons.values()) == {"unreadable"}


def test_a_declaration_that_cannot_fit_the_file_is_refused(tmp_path, picture, open_declared) -> None:
    write(tmp_path / "t.parquet", {"image": [picture()]})
    with pytest.raises(UsageError, match="has no column 'caption'; it has image"):
        list(open_declared(FILE).listing())
    with pytest.raises(UsageError, match="cannot be kept by reference"):
        list(open_declared(FILE, {"image": {"type": "image", "storage": "reference"}}).listing())
    with pytest.raises(NotFound, match=r"datasets\.pairs\.source\.path"):
        open_declared({"type": "parquet", "path": "other.parquet"}, IMAGE)


def test_a_listing_reads_no_media(tmp_path, picture, open_declared) -> None:
    columns = {"image": [os.urandom(1 << 20) for _ in range(16)]}
    write(tmp_path / "t.parquet", columns, compression="none", use_dictionary=False)
    data = bytearray((tmp_path / "t.parquet").read_bytes())
    data[4 : 16 << 20] = bytes((16 << 20) - 4)  # every page gone; only the footer is left
    (tmp_path / "t.parquet").write_bytes(data)
    assert sum(batch.num_rows for batch in open_declared(FILE, IMAGE).listing()) == 16
