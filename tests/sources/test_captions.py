"""One file of captions for a whole folder, as JSON lines and as csv."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mmreg.errors import NotFound, UsageError

COLUMNS = {
    "image": {"type": "image"},
    "caption": {"type": "text", "field": "text"},
    "license": {"type": "string", "nullable": True},
    "likes": {"type": "int", "nullable": True},
    "fine": {"type": "bool", "nullable": True},
}


@pytest.fixture
def folder(tmp_path: Path, picture: Callable[..., bytes]) -> Path:
    (tmp_path / "img" / "sub").mkdir(parents=True)
    for name in ("a.png", "b.png", "sub/c.png"):
        (tmp_path / "img" / name).write_bytes(picture())
    return tmp_path / "img"


def declared(captions: str) -> dict[str, Any]:
    return {"type": "imagefolder", "path": "img", "captions": captions}


def write(path: Path, *records: Any) -> None:
    path.write_text("".join(r if isinstance(r, str) else json.dumps(r) + "\n" for r in records))


def test_jsonl_fills_the_declared_columns(folder, tmp_path, open_declared, read_all) -> None:
    write(
        tmp_path / "captions.jsonl",
        {"file_name": "a.png", "text": "one", "license": "cc0", "likes": 3, "fine": True, "other": 1},
        {"file": "./b.png", "text": "two"},
        {"image": "sub//c.png", "text": "three", "license": None},
    )
    source = open_declared(declared("captions.jsonl"), COLUMNS)
    found = read_all(source)
    cells = {k: tuple(v for c, v in row.items() if c != "image") for k, row in found.rows.items()}
    assert cells == {
        "a.png": ("one", "cc0", 3, True),
        "b.png": ("two", None, None, None),
        "sub/c.png": ("three", None, None, None),
    }
    assert source.facts == {"type": "imagefolder", "path": "img", "captions": "captions.jsonl"}


def test_csv_fills_the_declared_columns(folder, tmp_path, open_declared, read_all) -> None:
    (tmp_path / "captions.csv").write_bytes(
        b'\xef\xbb\xbfpath,text,license,likes,fine\r\na.png,"one, two",,3,TRUE\r\nb.png,"a\nb",cc0,,\r\n'
        b"sub/c.png,caf\xe9,cc0,7,false\r\n"
    )
    found = read_all(open_declared(declared("captions.csv"), COLUMNS))
    cells = {k: tuple(v for c, v in row.items() if c != "image") for k, row in found.rows.items()}
    assert cells == {"a.png": ("one, two", None, 3, True), "b.png": ("a\nb", "cc0", None, None)}
    assert found.reasons == {"sub/c.png": "not_utf8"}
    assert found.rejected["sub/c.png"].detail == "caption: not UTF-8 at byte 3 of the text"


def test_each_record_that_cannot_be_joined_is_rejected(folder, tmp_path, picture, open_declared, read_all) -> None:
    (tmp_path / "outside.png").write_bytes(picture())
    (folder / ".hidden.png").write_bytes(picture())
    os.mkfifo(folder / "pipe")
    write(
        tmp_path / "captions.jsonl",
        {"file_name": "a.png", "text": "one"},
        {"file_name": "a.png", "text": "one again"},
        {"file_name": "a.png", "text": "and again"},
        {"file_name": "sub/c.png", "text": "three", "likes": "many"},
        {"file_name": ".hidden.png", "text": "named, so it counts"},
        {"file_name": "gone.png", "text": "x"},
        {"file_name": "../outside.png", "text": "x"},
        {"file_name": "/etc/passwd", "text": "x"},
        {"file_name": "C:\\a.png", "text": "x"},
        {"file_name": "a\0.png", "text": "x"},
        {"file_name": "sub", "text": "x"},
        {"file_name": 7, "text": "x"},
        {"text": "nameless"},
        {"file_name": "pipe", "text": "x"},
        "{broken\n",
        "[1]\n",
    )
    found = read_all(open_declared(declared("captions.jsonl"), COLUMNS))
    assert list(found.rows) == ["a.png", ".hidden.png"]
    by_name = {k: v for k, v in found.reasons.items() if not k.startswith("captions.jsonl#")}
    assert by_name == {
        "a.png//2": "duplicate_address",
        "a.png//3": "duplicate_address",
        "b.png": "null_value",
        "sub/c.png": "wrong_type",
        "gone.png": "missing_file",
        "sub": "not_a_file",
        "pipe": "not_a_file",
    }
    nameless = sorted(reason for k, reason in found.reasons.items() if k.startswith("captions.jsonl#"))
    assert nameless == sorted(["outside_root"] * 4 + ["null_value"] * 2 + ["unreadable", "wrong_type"])
    assert found.rejected["a.png//2"].detail == "captions.jsonl:2 names the image of captions.jsonl:1 again"


def test_stamps_move_with_declared_cells_only(folder, tmp_path, open_declared, read_all) -> None:
    captions = tmp_path / "captions.jsonl"
    names = ("a.png", "b.png", "sub/c.png")
    write(captions, *({"file_name": n, "text": "x", "other": 1} for n in names))
    before = read_all(open_declared(declared("captions.jsonl"), COLUMNS)).stamps
    write(captions, *({"other": 2, "file_name": n, "text": "y" if n == "b.png" else "x"} for n in names[::-1]))
    after = read_all(open_declared(declared("captions.jsonl"), COLUMNS)).stamps
    assert before.keys() == after.keys()
    assert {address for address in before if before[address] != after[address]} == {"b.png"}


def test_other_media_are_found_from_the_folder(folder, tmp_path, open_declared, read_all) -> None:
    (folder / "sound.flac").write_bytes(b"fLaC" + bytes(60))
    columns = {"image": {"type": "image"}, "sound": {"type": "audio", "nullable": True}}
    write(tmp_path / "c.jsonl", {"file": "a.png", "sound": "sound.flac"}, {"file": "b.png", "sound": "no.flac"})
    found = read_all(open_declared(declared("c.jsonl"), columns))
    assert found.rows["a.png"]["sound"]["format"] == "flac"
    assert found.rows["sub/c.png"]["sound"] is None
    assert found.reasons == {"b.png": "missing_file"}


def test_a_captions_file_that_is_none_is_refused(folder, tmp_path, open_declared) -> None:
    with pytest.raises(NotFound, match=r"datasets\.pairs\.source\.captions: captions\.jsonl is not there"):
        open_declared(declared("captions.jsonl"), COLUMNS)
    for name, content, message in (
        ("captions.xml", "<a/>", "neither .jsonl nor .csv"),
        ("captions.csv", "url,text\nx,y\n", "has no column file_name, file, image, path"),
        ("empty.csv", "", "has no column"),
        ("wide.csv", "file,text\na.png," + "x" * 200_000, "wide.csv after line 1: field larger"),
    ):
        (tmp_path / name).write_text(content)
        with pytest.raises(UsageError, match=message):
            list(open_declared(declared(name), COLUMNS).listing())
    os.mkfifo(tmp_path / "pipe.jsonl")
    with pytest.raises(UsageError, match="not a regular file"):
        list(open_declared(declared("pipe.jsonl"), COLUMNS).listing())
