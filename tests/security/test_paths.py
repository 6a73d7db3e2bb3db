"""Paths and names that data bring along: below their root, or refused; nothing waits, nothing is followed out."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmreg.errors import MmregError, StorageError, UsageError
from mmreg.registry.media import with_bytes
from mmreg.schemas.arrow import media_type
from mmreg.schemas.refs import ModelRef, NodeRef, VersionRef, check_name
from mmreg.sources.files import Root, normalise, open_file
from mmreg.sources.record import Refused

LEAVING = [
    "../secret.png", "a/../../secret.png", "/etc/passwd", "a\0b.png", "C:\\secret.png", "c:/secret.png",
    "\\\\host\\share",
    "out/secret.png", "out.png", "loop/x.png", "loop.png", "pipe.png", "socket.png", "null.png", "folder", ".", "",
    "..",
    "~/secret.png", "..\\secret.png", "file:///etc/passwd", "%2e%2e/secret.png", "a" * 300, "a/" * 3000, "\ud800.png",
    "..;/secret.png", "....//secret.png", "\uff0e\uff0e/secret.png", "inside/../../secret.png", "out/../secret.png",
]  # fmt: skip


@pytest.fixture
def trap(tmp_path: Path, png: Callable[..., bytes]) -> Path:
    """A folder with all that a path could lead to, and a secret picture beside it."""
    folder = tmp_path / "images"
    (folder / "folder").mkdir(parents=True)
    (tmp_path / "secret.png").write_bytes(png(7, 7))
    (folder / "fine.png").write_bytes(png(5, 5))
    (folder / "inside.png").symlink_to("fine.png")
    (folder / "out").symlink_to(tmp_path)
    (folder / "out.png").symlink_to(tmp_path / "secret.png")
    (folder / "loop").symlink_to(folder / "loop")
    (folder / "loop.png").symlink_to("loop.png")
    (folder / "null.png").symlink_to("/dev/zero")
    os.mkfifo(folder / "pipe.png")
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(str(folder / "socket.png")[-100:] if len(str(folder)) > 90 else str(folder / "socket.png"))
    return folder


def assert_only_inside(found: Any, expected: int) -> None:
    assert {row["image"]["width"] for row in found.rows.values()} <= {5}, "the secret picture is 7 wide"
    assert len(found.reasons) == expected
    assert set(found.reasons.values()) <= {"outside_root", "missing_file", "not_a_file", "not_utf8", "unreadable"}


def test_jsonl(trap: Path, read: Callable[..., Any]) -> None:
    lines = [json.dumps({"image": path, "n": n}) for n, path in enumerate(LEAVING)]
    (trap / "all.jsonl").write_text("\n".join([*lines, '{"image": "inside.png"}', '{"image": "./fine.png"}']))
    found = read({"type": "jsonl", "path": "images/all.jsonl"})
    assert_only_inside(found, len(LEAVING))
    assert len(found.rows) == 2


@pytest.mark.parametrize("pairs", [False, True])
def test_parquet(trap: Path, read: Callable[..., Any], pairs: bool) -> None:
    paths: list[Any] = [path for path in LEAVING if path.isprintable() or "\0" in path]
    cells = [{"bytes": None, "path": path} for path in paths] if pairs else paths
    pq.write_table(pa.table({"image": cells}), trap / "all.parquet")
    assert_only_inside(read({"type": "parquet", "path": "images/all.parquet"}), len(paths))


@pytest.mark.parametrize("suffix", ["jsonl", "csv"])
def test_captions(trap: Path, read: Callable[..., Any], suffix: str) -> None:
    paths = [path for path in LEAVING if path and path.isprintable() and path != "\ud800.png"]
    if suffix == "jsonl":
        text = "".join(json.dumps({"file_name": path}) + "\n" for path in paths)
    else:
        text = "file_name\n" + "".join(f'"{path}"\n' for path in paths)
    (trap.parent / f"all.{suffix}").write_text(text, encoding="utf-8")
    found = read({"type": "imagefolder", "path": "images", "captions": f"all.{suffix}"})
    assert {row["image"]["width"] for row in found.rows.values()} == {5}
    assert len(found.rows) == 2, "fine.png and the link to it"


def test_a_walk_follows_no_link_out_and_waits_for_nobody(trap: Path, read: Callable[..., Any]) -> None:
    found = read({"type": "imagefolder", "path": "images"})
    assert sorted(found.rows) == ["fine.png", "inside.png"]
    assert found.reasons["out.png"] == "outside_root" and found.reasons["pipe.png"] == "not_a_file"
    assert found.reasons["null.png"] == "outside_root" and found.reasons["loop.png"] == "missing_file"


@given(
    st.text(max_size=40) | st.lists(st.sampled_from(["..", ".", "a", "", "out", "\0", "~"]), max_size=6).map("/".join)
)
def test_a_normal_path_climbs_nowhere(declared: str) -> None:
    try:
        path = normalise(declared)
    except Refused:
        return
    assert not os.path.isabs(path) and ".." not in path.split("/") and "\0" not in path
    assert os.path.normpath(f"/root/{path}").startswith("/root/")


def test_what_is_kept_by_reference_is_looked_for_anew(trap: Path) -> None:
    """A lake may be another's, and a file may have become a link or a pipe since it came in."""

    def bytes_of(uri: str) -> bytes:
        cell = {"uri": uri, "offset": 0, "length": 1_000_000}
        batch = pa.record_batch({"image": pa.array([cell], media_type("image"))})
        [filled] = with_bytes(batch, str(trap)).column("image").to_pylist()
        data: bytes = filled["bytes"]
        return data

    assert bytes_of("fine.png").startswith(b"\x89PNG")
    for uri in [path for path in LEAVING if path.isascii()]:
        with pytest.raises(StorageError):
            bytes_of(uri)
    (trap / "fine.png").unlink()
    os.mkfifo(trap / "fine.png")
    with pytest.raises(StorageError, match="pipe"):
        bytes_of("fine.png")


def test_a_link_put_there_between_two_looks_is_not_followed(trap: Path) -> None:
    file = Root(str(trap)).locate("fine.png")
    (trap / "fine.png").unlink()
    (trap / "fine.png").symlink_to(trap.parent / "secret.png")
    with pytest.raises(Refused):
        os.close(open_file(file))


def test_a_hard_link_is_a_file_like_any_other(trap: Path, read: Callable[..., Any]) -> None:
    """Nothing tells it from the first name; whoever may make one could read the file, so nothing is gained by it."""
    os.link(trap.parent / "secret.png", trap / "hard.png")
    assert "hard.png" in read({"type": "imagefolder", "path": "images"}).rows


def test_names_of_files_that_are_no_text(tmp_path: Path, read: Callable[..., Any], png: Callable[..., bytes]) -> None:
    for kind, data in (("jsonl", b'{"text": "x"}\n'), ("png", png(3, 3))):
        folder = os.fsencode(str(tmp_path / kind))
        os.mkdir(folder)
        for name in (b"\xff", b"\xff\\xff", b"fine"):
            with open(folder + b"/" + name + b"." + kind.encode(), "wb") as file:
                file.write(data)
    table = pa.table({"text": ["x"]})
    os.mkdir(tmp_path / "parquet")
    pq.write_table(table, tmp_path / "parquet" / "fine.parquet")
    os.link(tmp_path / "parquet" / "fine.parquet", os.fsencode(str(tmp_path / "parquet")) + b"/\xff.parquet")
    text = {"text": {"type": "text"}}
    assert sorted(read({"type": "jsonl", "path": "jsonl"}, text).reasons.values()) == ["not_utf8", "not_utf8"]
    assert list(read({"type": "parquet", "path": "parquet"}, text).reasons.values()) == ["not_utf8"]
    assert sorted(read({"type": "imagefolder", "path": "png"}).reasons.values()) == ["not_utf8", "not_utf8"]


NAMES = [
    "..", ".", "", "/", "a/b", "../a", ".hidden", "a b", "a\0", "\u00e9", "e\u0301", "-rf", "a.lock",
    "a" * 101, "a:b", "a@b",
    "a\\b", "a\n", "~", "$(x)", "'; DROP TABLE run; --", "<img>", "\u202ea", "_mmreg", "\uff41",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_no_name_leaves_its_folder_or_its_alphabet(name: str) -> None:
    """Datasets, passes, tags, models and aliases have one alphabet, which no file system confuses."""
    with pytest.raises(UsageError):
        check_name(name)
    column = ":" in name  # of a version, to a node
    for parse in (VersionRef.parse, ModelRef.parse, *(() if column else (NodeRef.parse,))):
        with pytest.raises(UsageError):
            parse(f"pairs@{name}" if name not in ("", "a@b") else "pairs@")
    assert check_name("Pairs-1.0_a") == "Pairs-1.0_a"


def test_names_that_differ_only_by_case_or_by_letters_of_two_kinds(place: Any) -> None:
    column = "columns: {text: {type: text}}, source: {type: jsonl, path: x.jsonl}"
    place.declare("version: 1\nproject: a\n")
    place.call("init")
    place.declare(f"version: 1\nproject: a\ndatasets:\n  pairs: {{{column}}}\n  Pairs: {{{column}}}\n")
    assert "only by case" in place.call("plan", status=2).stderr
    for name in ("caf\u00e9", "cafe\u0301", "p\u0430irs"):
        place.declare(f"version: 1\nproject: a\ndatasets:\n  {name}: {{{column}}}\n")
        assert "mmreg.yaml:4:3: " in place.call("plan", status=2).stderr


def test_the_declaration_is_trusted_where_the_data_are_not(place: Any, png: Callable[..., bytes]) -> None:
    """Who writes mmreg.yaml may name any file of theirs, also above the project; a pipe is refused, not waited for."""
    (place.folder.parent / "above").mkdir()
    (place.folder.parent / "above" / "a.png").write_bytes(png(4, 4))
    place.declare("""
        version: 1
        project: small
        datasets:
          pairs: {source: {type: imagefolder, path: ../above}, columns: {image: {type: image}}}
    """)
    place.call("init")
    place.call("apply", "--quiet")
    assert place.json("show", "pairs")["rows"] == 1
    os.mkfifo(place.folder / "x.jsonl")
    place.declare("""
        version: 1
        project: small
        datasets:
          lines: {source: {type: jsonl, path: x.jsonl}, columns: {text: {type: text}}}
    """)
    assert "not a regular file" in place.call("plan", status=2).stderr


def test_a_lance_table_whose_data_lie_elsewhere(tmp_path: Path, read: Callable[..., Any]) -> None:
    """A manifest may name other places for its data files: none is followed."""
    import lance

    lance.write_dataset(pa.table({"text": ["secret"]}), tmp_path / "theirs.lance", enable_stable_row_ids=True)
    lance.dataset(str(tmp_path / "theirs.lance")).shallow_clone(str(tmp_path / "bait.lance"), 1)
    with pytest.raises(MmregError, match="addresses of its own choice"):
        read({"type": "lance", "path": "bait.lance"}, {"text": {"type": "text"}})
