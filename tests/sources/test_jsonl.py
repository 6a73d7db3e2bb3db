"""JSON lines with every column type, and every way in which a line can be wrong."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mmreg.errors import NotFound, StorageError

TEXT = {"caption": {"type": "text"}}
LINES = {"type": "jsonl", "path": "records.jsonl"}
EVERYTHING = {
    "image": {"type": "image", "storage": "reference"},
    "frames": {"type": "list", "items": "image", "nullable": True},
    "caption": {"type": "text"},
    "license": {"type": "string", "nullable": True},
    "likes": {"type": "int", "nullable": True},
    "score": {"type": "float", "nullable": True},
    "fine": {"type": "bool", "nullable": True},
    "taken": {"type": "timestamp", "nullable": True},
    "vector": {"type": "embedding", "dim": 3, "dtype": "float16", "nullable": True},
    "talk": {"type": "messages", "nullable": True},
    "choice": {"type": "preference", "nullable": True},
    "near": {"type": "ref", "dataset": "places", "nullable": True},
    "tags": {"type": "list", "items": "string", "nullable": True},
    "counts": {"type": "list", "items": "int", "nullable": True},
}


def write(path: Path, *records: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = (r if isinstance(r, bytes) else json.dumps(r).encode() for r in records)
    path.write_bytes(b"".join(line + b"\n" for line in lines))


def reason_of(found: Any) -> str:
    (rejected,) = found.rejected.values()
    return rejected.reason


def test_every_column_type(tmp_path, picture, open_declared, read_all, schema_of) -> None:
    data = picture("WEBP", (9, 4), "RGBA")
    (tmp_path / "img").mkdir()
    (tmp_path / "img" / "a.webp").write_bytes(data)
    write(
        tmp_path / "records.jsonl",
        {
            "image": "img/a.webp", "frames": ["img/a.webp", "./img/a.webp"], "caption": " kept as it is ",
            "license": "", "likes": -3, "score": 2, "fine": False, "taken": "2026-11-22T03:00:00.5+01:00",
            "vector": [1, 0.5, -2], "talk": [{"role": "user", "content": "hi"}],
            "choice": {"prompt": "p", "chosen": "c", "rejected": "r", "annotator": "panel"},
            "near": "00112233445566778899aabbccddeeff", "tags": ["x", ""], "counts": [],
        },
        {"image": "img/a.webp", "caption": "x", "taken": "2026-11-22",
         "near": {"dataset": "places", "sample_id": "ff" * 16}},
    )  # fmt: skip
    source = open_declared(LINES, EVERYTHING)
    full, sparse = read_all(source).rows.values()

    facts = {
        "sha256": hashlib.sha256(data).digest(),
        "format": "WEBP",
        "width": 9,
        "height": 4,
        "mode": "RGBA",
    }
    assert full["image"] == {
        "bytes": None, "uri": "img/a.webp", "offset": 0, "length": len(data), **facts
    }  # fmt: skip
    assert full["frames"] == [{"bytes": data, "uri": None, "offset": None, "length": len(data), **facts}] * 2
    assert full["caption"] == " kept as it is "
    assert (full["license"], full["likes"], full["score"], full["fine"]) == ("", -3, 2.0, False)
    assert full["taken"] == datetime(2026, 11, 22, 2, 0, 0, 500_000, UTC)
    assert full["vector"] == [1, 0.5, -2]
    assert full["talk"] == [{"role": "user", "content": "hi"}]
    assert full["choice"] == {
        "prompt": "p", "chosen": "c", "rejected": "r", "annotator_kind": None, "annotator": "panel"
    }  # fmt: skip
    assert full["near"] == {
        "dataset": "places",
        "sample_id": bytes.fromhex("00112233445566778899aabbccddeeff"),
    }
    assert (full["tags"], full["counts"]) == (["x", ""], [])
    assert sparse["taken"] == datetime(2026, 11, 22, tzinfo=UTC)
    assert sparse["near"] == {"dataset": "places", "sample_id": b"\xff" * 16}
    assert {sparse[key] for key in ("frames", "likes", "vector", "talk", "choice", "tags")} == {None}
    (part,) = source.read(None)
    assert part.rows.schema.equals(schema_of(EVERYTHING), check_metadata=True)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ({"type": "text"}, 7),
        ({"type": "string"}, ["x"]),
        ({"type": "int"}, 1.5),
        ({"type": "int"}, True),
        ({"type": "int"}, 2**63),
        ({"type": "float"}, "1.5"),
        ({"type": "float"}, 10**400),
        ({"type": "bool"}, 1),
        ({"type": "timestamp"}, "yesterday"),
        ({"type": "timestamp"}, 1_700_000_000),
        ({"type": "timestamp"}, "0001-01-01T00:00:00+14:00"),
        ({"type": "embedding", "dim": 2}, [1.0]),
        ({"type": "embedding", "dim": 2}, "[1, 2]"),
        ({"type": "embedding", "dim": 2}, [1.0, None]),
        ({"type": "embedding", "dim": 2}, ["1", "2"]),
        ({"type": "embedding", "dim": 2}, [[1], [1, 2]]),
        ({"type": "embedding", "dim": 2}, [True, False]),
        ({"type": "embedding", "dim": 2}, [1.0, float("nan")]),
        ({"type": "embedding", "dim": 1, "dtype": "float16"}, [70000.0]),
        ({"type": "messages"}, {"role": "user", "content": "x"}),
        ({"type": "messages"}, [{"role": "user"}]),
        ({"type": "messages"}, [{"role": "user", "content": "x", "tool_calls": []}]),
        ({"type": "preference"}, {"prompt": "p", "chosen": "c"}),
        ({"type": "ref", "dataset": "places"}, "short"),
        ({"type": "ref", "dataset": "places"}, {"dataset": "people", "sample_id": "ff" * 16}),
        ({"type": "list", "items": "int"}, [1, "2"]),
        ({"type": "list", "items": "int"}, 1),
        ({"type": "image"}, {"url": "x"}),
        ({"type": "list", "items": "image"}, [7]),
    ],
)
def test_a_value_of_another_type_is_rejected(tmp_path, open_declared, read_all, column, value) -> None:
    write(tmp_path / "records.jsonl", {"x": value})
    found = read_all(open_declared(LINES, {"x": column}))
    assert reason_of(found) == "wrong_type"
    assert next(iter(found.rejected.values())).detail.startswith("x: ")


@pytest.mark.parametrize(
    ("record", "reason", "detail"),
    [
        (b'{"caption": "x"', "unreadable", "records.jsonl:2:16: Expecting ',' delimiter"),
        (b"[" * 100_000, "unreadable", "records.jsonl:2"),
        (b'{"caption": ' + b"9" * 5000 + b"}", "unreadable", "records.jsonl:2"),
        (b'["a"]', "wrong_type", "records.jsonl:2: a record is a JSON object"),
        (b'{"caption": "caf\xe9"}', "not_utf8", "records.jsonl:2: not UTF-8 at byte 38 of the file"),
        (b'{"caption": "a\\ud800"}', "not_utf8", "caption: not UTF-8 at byte 1 of the text"),
        (b'{"caption": ""}', "empty_text", "caption: the text is empty"),
        (b'{"caption": "\\u2003"}', "empty_text", "caption: the text is empty"),
        (b'{"caption": null}', "null_value", "caption: there is no value"),
        (b"{}", "null_value", "caption: there is no value"),
        (b'{"caption": "' + b"x" * 101 + b'"}', "text_too_long", "caption: 101 bytes, the limit is 100"),
        (b'{"caption": "' + b"x" * (17 << 20) + b'"}', "too_large", "records.jsonl:2: the line is longer"),
        (b'{"caption": "good"}', "duplicate_address", "records.jsonl:2 holds the same record as an earlier"),
        (b'{"caption": "x", "tags": ["a", null]}', "null_value", "tags: null inside a list of string"),
    ],
)
def test_each_defect_of_a_line_ends_as_its_reason(tmp_path, open_declared, read_all, record, reason, detail) -> None:
    write(tmp_path / "records.jsonl", b'\t{"caption":"good"}  ', record, b"", {"caption": "last"})
    columns = {**TEXT, "tags": {"type": "list", "items": "string", "nullable": True}}
    found = read_all(open_declared({**LINES, "limits": {"max_text": 100}}, columns))
    assert [row["caption"] for row in found.rows.values()] == ["good", "last"]
    (rejected,) = found.rejected.values()
    assert (rejected.reason, rejected.detail[: len(detail)]) == (reason, detail)
    assert len(rejected.detail) <= 500


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("../secret.png", "outside_root"),
        ("img/../../secret.png", "outside_root"),
        ("/etc/hostname", "outside_root"),
        ("\\\\host\\share.png", "outside_root"),
        ("img/a\0.png", "outside_root"),
        ("linked/secret.png", "outside_root"),
        ("img/leaves.png", "outside_root"),
        ("img/gone.png", "missing_file"),
        ("img/a.png/b.png", "missing_file"),
        ("img/" + "x" * 300, "missing_file"),
        ("img", "not_a_file"),
        (".", "not_a_file"),
        ("img/pipe", "not_a_file"),
        ("img/zero", "outside_root"),
        ("img/\ud800.png", "not_utf8"),
    ],
)
@pytest.mark.parametrize("storage", ["inline", "reference"])
def test_media_paths_never_leave_the_root(tmp_path, picture, open_declared, read_all, path, reason, storage) -> None:
    root = tmp_path / "root"
    (root / "img").mkdir(parents=True)
    (tmp_path / "secret.png").write_bytes(picture())
    (root / "img" / "a.png").write_bytes(picture())
    (root / "img" / "leaves.png").symlink_to(tmp_path / "secret.png")
    (root / "img" / "zero").symlink_to("/dev/zero")
    (root / "linked").symlink_to(tmp_path, target_is_directory=True)
    os.mkfifo(root / "img" / "pipe")
    write(root / "r.jsonl", {"image": path})
    columns = {"image": {"type": "image", "storage": storage}}
    found = read_all(open_declared({"type": "jsonl", "path": "root/r.jsonl"}, columns))
    assert reason_of(found) == reason
    assert str(tmp_path) not in repr(found.rejected)


def test_a_link_inside_the_root_is_fine(tmp_path, picture, open_declared, read_all) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "a.png").write_bytes(picture())
    (tmp_path / "linked").symlink_to("real")
    (tmp_path / "b.png").symlink_to("linked/a.png")
    write(tmp_path / "records.jsonl", {"image": "linked/a.png"}, {"image": "b.png"})
    columns = {"image": {"type": "image", "storage": "reference"}}
    rows = read_all(open_declared(LINES, columns)).rows.values()
    assert [row["image"]["uri"] for row in rows] == ["linked/a.png", "b.png"]


def test_an_inserted_line_moves_no_other(tmp_path, open_declared, read_all) -> None:
    records = [{"caption": f"number {n}", "extra": n} for n in range(5)]
    write(tmp_path / "records.jsonl", *records)
    before = read_all(open_declared(LINES, TEXT)).stamps
    reordered = b'{ "extra":9, "caption":"new" }'
    write(tmp_path / "records.jsonl", reordered, *reversed(records))
    after = read_all(open_declared(LINES, TEXT)).stamps
    assert before.items() < after.items()
    assert len(after) == 6


def test_a_stamp_moves_with_the_media_that_a_line_names(tmp_path, picture, open_declared, read_all) -> None:
    for name in ("a.png", "b.png"):
        (tmp_path / name).write_bytes(picture())
    write(tmp_path / "records.jsonl", {"x": ["a.png", "b.png"]}, {"x": ["a.png"]}, {"x": ["late.png"]})
    columns = {"x": {"type": "list", "items": "image"}}
    before = read_all(open_declared(LINES, columns))
    assert reason_of(before) == "missing_file"
    (tmp_path / "b.png").write_bytes(picture("BMP"))
    (tmp_path / "late.png").write_bytes(picture())
    after = read_all(open_declared(LINES, columns))
    assert before.stamps.keys() == after.stamps.keys()
    assert [before.stamps[key] == after.stamps[key] for key in before.stamps] == [False, True, False]
    assert not after.rejected


def test_a_folder_of_shards_with_media_beside_each(tmp_path, picture, open_declared, read_all) -> None:
    for shard in ("one", "two"):
        write(tmp_path / "all" / shard / "r.jsonl", {"image": "img/a.png"})
        (tmp_path / "all" / shard / "img").mkdir()
        (tmp_path / "all" / shard / "img" / "a.png").write_bytes(picture(size=(len(shard), 1)))
    (tmp_path / "outside.jsonl").write_text("{}\n")
    (tmp_path / "all" / "link.jsonl").symlink_to(tmp_path / "outside.jsonl")
    os.mkfifo(tmp_path / "all" / "pipe.jsonl")
    (tmp_path / "all" / ".hidden.jsonl").write_text("{}\n")
    columns = {"image": {"type": "image", "storage": "reference"}}
    source = open_declared({"type": "jsonl", "path": "all"}, columns)
    found = read_all(source)
    assert [(key.partition("#")[0], row["image"]["uri"]) for key, row in found.rows.items()] == [
        ("one/r.jsonl", "one/img/a.png"),
        ("two/r.jsonl", "two/img/a.png"),
    ]
    assert found.reasons == {"link.jsonl": "outside_root", "pipe.jsonl": "not_a_file"}

    pattern = read_all(open_declared({"type": "jsonl", "path": "all/*/r.json*"}, columns))
    assert pattern.rows == found.rows


def test_media_root_is_where_paths_start(tmp_path, picture, open_declared, read_all) -> None:
    (tmp_path / "media").mkdir()
    (tmp_path / "media" / "a.png").write_bytes(picture())
    write(tmp_path / "deep" / "r.jsonl", {"image": "a.png"})
    declared = {"type": "jsonl", "path": "deep", "media_root": "media"}
    source = open_declared(declared, {"image": {"type": "image"}})
    assert len(read_all(source).rows) == 1
    assert source.media_root == str(tmp_path / "media")
    assert source.facts == declared
    with pytest.raises(NotFound, match=r"datasets\.pairs\.source\.media_root: nowhere is not there"):
        open_declared({**declared, "media_root": "nowhere"}, TEXT)


def test_a_source_that_is_not_there_names_the_line(tmp_path, open_declared) -> None:
    with pytest.raises(NotFound, match=r"datasets\.pairs\.source\.path: records\.jsonl is not there"):
        open_declared(LINES, TEXT)
    with pytest.raises(NotFound, match=r"no \.jsonl file is at x\*"):
        open_declared({"type": "jsonl", "path": "x*"}, TEXT)
    (tmp_path / "empty").mkdir()
    with pytest.raises(NotFound, match=r"no \.jsonl file is at empty"):
        open_declared({"type": "jsonl", "path": "empty"}, TEXT)


def test_a_shard_that_cannot_be_looked_at_stops_all(tmp_path, open_declared, monkeypatch) -> None:
    write(tmp_path / "all" / "a.jsonl", {"caption": "x"})
    source = open_declared({"type": "jsonl", "path": "all"}, TEXT)
    real = os.lstat

    def deny(path: Any, **options: Any) -> os.stat_result:
        if str(path).endswith("a.jsonl"):
            raise PermissionError(13, "Permission denied")
        return real(path, **options)

    monkeypatch.setattr(os, "lstat", deny)  # root may look at every file, so its refusal is played
    with pytest.raises(StorageError, match=r"a\.jsonl cannot be read"):
        list(source.listing())


def test_batches_are_bounded_by_rows_and_text(tmp_path, open_declared) -> None:
    write(tmp_path / "records.jsonl", *({"caption": f"{n}"} for n in range(9000)))
    assert [p.rows.num_rows for p in open_declared(LINES, TEXT).read(None)] == [4096, 4096, 808]
    write(tmp_path / "records.jsonl", *({"caption": f"{n}" + "x" * 60_000} for n in range(1200)))
    assert [p.rows.num_rows for p in open_declared(LINES, TEXT).read(None)] == [560, 560, 80]


def test_embeddings_keep_their_nulls(tmp_path, open_declared, read_all) -> None:
    write(tmp_path / "records.jsonl", {"n": 1, "v": [1, 2]}, {"n": 2}, {"n": 3, "v": [3.5, 4]})
    columns = {"v": {"type": "embedding", "dim": 2, "nullable": True}, "n": {"type": "int"}}
    rows = read_all(open_declared(LINES, columns)).rows.values()
    assert [row["v"] for row in rows] == [[1, 2], None, [3.5, 4]]


def test_a_field_may_have_another_name(tmp_path, open_declared, read_all) -> None:
    write(tmp_path / "records.jsonl", {"TEXT": "a", "caption": "b"})
    columns = {"caption": {"type": "text", "field": "TEXT"}}
    assert [r["caption"] for r in read_all(open_declared(LINES, columns)).rows.values()] == ["a"]


def test_sound_and_film_by_their_first_bytes(
    tmp_path: Path, open_declared: Callable[..., Any], read_all: Callable[..., Any]
) -> None:
    (tmp_path / "x.mp4").write_bytes(b"\0\0\0\x18ftypisom" + bytes(40))
    write(tmp_path / "records.jsonl", {"film": "x.mp4"}, {"sound": "x.mp4"}, {"film": "records.jsonl"})
    columns = {
        "film": {"type": "video", "nullable": True, "storage": "reference"},
        "sound": {"type": "audio", "nullable": True},
    }
    found = read_all(open_declared(LINES, columns))
    assert [row["film"]["format"] for row in found.rows.values()] == ["mp4"]
    assert sorted(found.reasons.values()) == ["not_audio", "not_video"]


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["a.png", "..", "ff" * 16]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["role", "content", "prompt", "chosen", "rejected"]) | st.text(), inner)
    ),
    max_leaves=8,
)
LINES_OF_ALL_KINDS = st.lists(
    st.dictionaries(st.sampled_from(sorted(EVERYTHING)), VALUES).map(lambda r: json.dumps(r).encode())
    | st.binary(max_size=40)
    | st.sampled_from([b'{"caption": "x"}', b'{ "caption":"x"}', b"{}", b"\xef\xbb\xbf{}", b"null"]),
    max_size=12,
)


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(LINES_OF_ALL_KINDS)
def test_whatever_the_lines_hold_each_is_a_row_or_a_reason(tmp_path, open_declared, read_all, lines) -> None:
    (tmp_path / "records.jsonl").write_bytes(b"\n".join(lines))
    columns = {name: {**column, "nullable": True} for name, column in EVERYTHING.items()}
    found = read_all(open_declared(LINES, columns))
    content = b"\n".join(lines).removeprefix(b"\xef\xbb\xbf")
    assert len(found.stamps) == sum(not (line == b"" or line.isspace()) for line in content.split(b"\n"))
