"""One nasty folder after another: each entry ends as a row or as a reason, and nothing is read too early."""

from __future__ import annotations

import hashlib
import os
import socket
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pytest

from mmreg.errors import NotFound, StorageError, UsageError
from mmreg.schemas.arrow import media_type

FOLDER = {"type": "imagefolder", "path": "img"}
PLAIN = {"image": {"type": "image"}}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "img").mkdir()
    return tmp_path / "img"


def test_an_image_with_its_sidecar_is_a_row(folder, picture, open_declared, read_all) -> None:
    data = picture("JPEG", (8, 6))
    (folder / "cats").mkdir()
    (folder / "cats" / "tabby.JPG").write_bytes(data)
    (folder / "cats" / "tabby.txt").write_bytes(b"\xef\xbb\xbf a tabby cat \n")

    source = open_declared(FOLDER)
    found = read_all(source)

    assert found.rows == {
        "cats/tabby.JPG": {
            "image": {
                "bytes": data, "uri": None, "offset": None, "length": len(data),
                "sha256": hashlib.sha256(data).digest(), "format": "JPEG",
                "width": 8, "height": 6, "mode": "RGB",
            },
            "caption": "a tabby cat",
        }
    }  # fmt: skip
    assert source.facts == {"type": "imagefolder", "path": "img"}
    assert source.media_root == str(folder)


def test_by_reference_keeps_no_bytes_and_the_same_digest(folder, picture, open_declared, read_all) -> None:
    data = picture()
    (folder / "a.png").write_bytes(data)
    source = open_declared(FOLDER, {"image": {"type": "image", "storage": "reference"}})
    cell = read_all(source).rows["a.png"]["image"]
    assert cell == {
        "bytes": None, "uri": "a.png", "offset": 0, "length": len(data),
        "sha256": hashlib.sha256(data).digest(), "format": "PNG", "width": 8, "height": 6, "mode": "RGB",
    }  # fmt: skip
    assert (Path(source.media_root) / cell["uri"]).read_bytes() == data


def test_rows_have_the_declared_schema(folder, picture, open_declared, schema_of) -> None:
    (folder / "a.png").write_bytes(picture())
    columns = {"image": {"type": "image"}, "caption": {"type": "text", "nullable": True}}
    (part,) = open_declared(FOLDER, columns).read(None)
    assert part.rows.schema.equals(schema_of(columns), check_metadata=True)
    assert part.rows.schema.field("image").type.equals(media_type("image"))


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF"])
def test_the_content_says_what_an_image_is(folder, picture, open_declared, read_all, kind) -> None:
    (folder / "mislabelled.gif").write_bytes(picture(kind, (7, 5)))
    (folder / "without_suffix").write_bytes(picture(kind, (9, 4)))
    rows = read_all(open_declared(FOLDER, PLAIN)).rows
    assert [(r["image"]["format"], r["image"]["width"], r["image"]["height"]) for r in rows.values()] == [
        (kind, 7, 5),
        (kind, 9, 4),
    ]


def test_a_picture_cut_in_the_middle_is_a_row(folder, picture, open_declared, read_all) -> None:
    for kind in ("JPEG", "PNG", "WEBP"):
        whole = picture(kind, (300, 200))
        (folder / f"{kind}.png").write_bytes(whole[: max(32, len(whole) * 2 // 3)])
    found = read_all(open_declared(FOLDER, PLAIN))
    assert not found.rejected
    assert {row["image"]["width"] for row in found.rows.values()} == {300}


def test_a_bomb_is_refused_by_its_header(folder, giant_png, open_declared, read_all) -> None:
    (folder / "stop_sign.png").write_bytes(giant_png)
    (rejected,) = read_all(open_declared(FOLDER, PLAIN)).rejected.values()
    assert rejected.reason == "pixel_limit"
    assert rejected.detail == "image: 20990 x 29700 = 623,403,000 pixels, the limit is 64,000,000"


def test_a_bomb_is_a_row_where_the_limit_allows_it(folder, giant_png, open_declared, read_all) -> None:
    (folder / "stop_sign.png").write_bytes(giant_png)
    limits = {"max_pixels": 10**9}
    (row,) = read_all(open_declared({**FOLDER, "limits": limits}, PLAIN)).rows.values()
    assert (row["image"]["width"], row["image"]["height"]) == (20990, 29700)


def test_each_defect_ends_as_its_reason(folder, tmp_path, picture, open_declared, read_all, monkeypatch) -> None:
    data = picture()
    outside = tmp_path / "secret.png"
    outside.write_bytes(data)
    (folder / "good.png").write_bytes(data)
    (folder / "page.png").write_text("<svg onload='alert(1)'/>")
    (folder / "postscript.eps").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n")
    (folder / "empty.png").write_bytes(b"")
    (folder / "half_a_header.png").write_bytes(data[:20])
    (folder / "hollow.webp").write_bytes(b"RIFF\x04\0\0\0WEBP")
    (folder / "large.png").write_bytes(data + bytes(5000))
    (folder / "leaves.png").symlink_to(outside)
    (folder / "inside.png").symlink_to("good.png")
    (folder / "dangling.png").symlink_to("nowhere.png")
    (folder / "loop.png").symlink_to("loop.png")
    (folder / "linked_folder").symlink_to(folder, target_is_directory=True)
    (folder / "linked_outside").symlink_to(tmp_path, target_is_directory=True)
    os.mkfifo(folder / "pipe")
    os.mkfifo(folder / "pipe.png")
    os.mkfifo(folder / "piped_caption.txt")
    (folder / "piped_caption.png").write_bytes(data)
    with socket.socket(socket.AF_UNIX) as listener:
        monkeypatch.chdir(folder)  # a socket's path must be short
        listener.bind("socket.jpg")
    (folder / "long.png").write_bytes(data)
    (folder / "blank.png").write_bytes(data)
    (folder / "latin.png").write_bytes(data)
    (folder / "silent.png").write_bytes(data)
    for name in ("good", "page", "empty", "half_a_header", "hollow", "large", "inside", "postscript"):
        (folder / f"{name}.txt").write_text("a caption")
    (folder / "long.txt").write_text("long " * 50)
    (folder / "blank.txt").write_text(" \n\t")
    (folder / "latin.txt").write_bytes("a café".encode("latin-1"))

    limits = {"max_bytes": 4000, "max_text": 100}
    found = read_all(open_declared({**FOLDER, "limits": limits}))

    assert list(found.rows) == ["good.png", "inside.png"]
    assert found.reasons == {
        "page.png": "not_an_image",
        "postscript.eps": "not_an_image",
        "empty.png": "not_an_image",
        "half_a_header.png": "not_an_image",
        "hollow.webp": "not_an_image",
        "large.png": "too_large",
        "leaves.png": "outside_root",
        "dangling.png": "missing_file",
        "loop.png": "missing_file",
        "linked_folder": "not_a_file",
        "linked_outside": "outside_root",
        "pipe": "not_a_file",
        "pipe.png": "not_a_file",
        "piped_caption.png": "not_a_file",
        "socket.jpg": "not_a_file",
        "long.png": "text_too_long",
        "blank.png": "empty_text",
        "latin.png": "not_utf8",
        "silent.png": "null_value",
    }
    assert "latin.txt is not UTF-8 at byte 5" in found.rejected["latin.png"].detail
    assert str(tmp_path) not in repr(found.rejected), "no path of this machine is kept"


def test_a_text_that_may_be_absent_is_null(folder, picture, open_declared, read_all) -> None:
    for name in ("blank", "silent"):
        (folder / f"{name}.png").write_bytes(picture())
    (folder / "blank.txt").write_text("  ")
    columns = {"image": {"type": "image"}, "caption": {"type": "text", "nullable": True}}
    rows = read_all(open_declared(FOLDER, columns)).rows
    assert {address: row["caption"] for address, row in rows.items()} == {
        "blank.png": None,
        "silent.png": None,
    }


def test_what_belongs_to_others_is_passed_by(folder, picture, open_declared, read_all) -> None:
    (folder / "a.png").write_bytes(picture())
    for name in ("a.json", "a.ogg", "README.md", ".DS_Store", "._a.png", "orphan.txt"):
        (folder / name).write_text("something")
    (folder / ".git").mkdir()
    (folder / ".git" / "b.png").write_bytes(picture())
    found = read_all(open_declared(FOLDER, PLAIN))
    assert found.stamps.keys() == {"a.png"}


def test_a_name_that_is_no_text_is_rejected(folder, picture, open_declared, read_all) -> None:
    for name in (b"caf\xe9.png", b"caf\\xe9.png"):
        Path(os.fsdecode(os.fsencode(folder) + b"/" + name)).write_bytes(picture())
    found = read_all(open_declared(FOLDER, PLAIN))
    assert found.reasons == {"caf\\xe9.png//": "not_utf8"}
    assert list(found.rows) == ["caf\\xe9.png"]


def test_a_listing_opens_no_file(folder, picture, open_declared) -> None:
    (folder / "a.png").write_bytes(picture())
    (folder / "a.txt").write_text("a caption")
    source = open_declared(FOLDER)
    for name in ("a.png", "a.txt"):
        (folder / name).unlink()
        os.mkfifo(folder / name)  # opening either would wait for ever
    (batch,) = source.listing()
    assert batch["address"].to_pylist() == ["a.png"]


def test_stamps_move_with_the_image_and_with_its_caption_only(folder, picture, open_declared, read_all) -> None:
    for name in ("a", "b", "c"):
        (folder / f"{name}.png").write_bytes(picture())
        (folder / f"{name}.txt").write_text("a caption")
    before = read_all(open_declared(FOLDER)).stamps
    os.utime(folder / "a.png", ns=(1, 1))
    (folder / "b.txt").write_text("another caption")
    after = read_all(open_declared(FOLDER)).stamps
    assert {address for address in before if before[address] != after[address]} == {"a.png", "b.png"}


def test_only_what_is_wanted_is_read(folder, picture, open_declared) -> None:
    (folder / "a.png").write_bytes(picture())
    os.mkfifo(folder / "b.png")
    (folder / "c.png").write_bytes(b"no image")
    parts = open_declared(FOLDER, PLAIN).read(lambda addresses: pc.equal(addresses, "c.png"))
    assert [(part.rows.num_rows, [r.source for r in part.rejected]) for part in parts] == [(0, ["c.png"])]


def test_batches_are_bounded_by_bytes(folder, picture, open_declared) -> None:
    data = picture("BMP", (1500, 1500))  # 6.75 MB
    for number in range(12):
        (folder / f"{number:02}.bmp").write_bytes(data)
    parts = list(open_declared(FOLDER, PLAIN).read(None))
    assert [part.rows.num_rows for part in parts] == [5, 5, 2]


def test_a_folder_that_cannot_be_read_stops_all(folder, picture, open_declared, monkeypatch) -> None:
    (folder / "a.png").write_bytes(picture())
    (folder / "closed").mkdir()
    source = open_declared(FOLDER, PLAIN)
    (folder / "closed").rmdir()
    real = os.scandir

    def deny(path: str) -> Any:
        if str(path).endswith("closed"):
            raise PermissionError(13, "Permission denied")
        return real(path)

    (folder / "closed").mkdir()
    monkeypatch.setattr(os, "scandir", deny)  # root reads every folder, so its refusal is played
    with pytest.raises(StorageError, match="closed cannot be read"):
        list(source.listing())


def test_a_missing_folder_names_the_line_to_fix(open_declared, tmp_path) -> None:
    with pytest.raises(NotFound, match=r"datasets\.pairs\.source\.path: img is not there") as error:
        open_declared(FOLDER)
    assert str(tmp_path / "img") in error.value.message
    assert "`path: img`" in str(error.value.hint)


def test_a_file_is_no_folder(tmp_path, open_declared) -> None:
    (tmp_path / "img").write_text("")
    with pytest.raises(NotFound, match="is a file"):
        open_declared(FOLDER)


def test_a_declaration_that_would_reject_everything_is_refused(folder, open_declared) -> None:
    with pytest.raises(UsageError, match="first column of type image"):
        open_declared(FOLDER, {"caption": {"type": "text"}})
    with pytest.raises(UsageError, match="nothing fills the column 'license'"):
        open_declared(FOLDER, {**PLAIN, "license": {"type": "string"}})
