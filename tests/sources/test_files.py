"""Whatever text a record declares as a path, nothing outside the root is ever found or opened."""

from __future__ import annotations

import os
import posixpath
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mmreg.sources.files import Root, normalise, open_file, read_whole
from mmreg.sources.record import File, Refused

PIECES = st.sampled_from(
    ["..", ".", "", "a", "deep", "out", "up", "self", "link", "file", "..\\", "C:", "~", "\0", "é", "a.png"]
)
PATHS = st.one_of(st.text(), st.lists(PIECES | st.text(max_size=5)).map("/".join))


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root full of doors: links up, out, to itself, between its own folders; a secret beside it."""
    base = tmp_path_factory.mktemp("tree")
    root = base / "root"
    (root / "a" / "deep").mkdir(parents=True)
    for place in (base / "file", root / "file", root / "a" / "file", root / "a" / "deep" / "file"):
        place.write_text(str(place))
    (root / "out").symlink_to(base)
    (root / "a" / "up").symlink_to("../..")
    (root / "a" / "self").symlink_to(root / "a")
    (root / "link").symlink_to("a/deep/file")
    (root / "a" / "deep" / "link").symlink_to(base / "file")
    (base / "root-and-more").mkdir()
    (base / "root-and-more" / "file").write_text("a neighbour whose name begins like the root's")
    (root / "a" / "out").symlink_to(base / "root-and-more")
    return root


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(PATHS)
def test_a_located_file_is_below_the_root(tree: Path, declared: str) -> None:
    try:
        file = Root(str(tree)).locate(declared)
    except Refused:
        return
    assert os.path.realpath(file.path) == file.path
    assert file.path.startswith(f"{tree}/")
    assert os.path.samefile(file.path, tree / file.uri)
    assert read_whole(file, 10_000).decode() == file.path


@given(PATHS)
def test_a_normal_path_stays_one(declared: str) -> None:
    try:
        path = normalise(declared)
    except Refused as refused:
        assert refused.reason in ("outside_root", "not_a_file", "not_utf8")
        return
    assert normalise(path) == path
    assert not {"", ".", ".."} & set(path.split("/"))
    assert "\0" not in path
    assert posixpath.normpath(posixpath.join("/root", path)) == f"/root/{path}"


def test_links_inside_are_followed_and_those_that_leave_are_not(tree: Path) -> None:
    root = Root(str(tree))
    for inside in ("file", "link", "a/self/self/deep/file", "./a//file"):
        assert root.locate(inside).path.startswith(f"{tree}/")
    for outside in ("out/file", "a/up/file", "a/deep/link", "a/out/file", "a/self/up/root/../file"):
        with pytest.raises(Refused) as refused:
            root.locate(outside)
        assert refused.value.reason == "outside_root"


def test_the_root_may_be_reached_by_a_link_itself(tree: Path, tmp_path: Path) -> None:
    (tmp_path / "alias").symlink_to(tree)
    assert Root(str(tmp_path / "alias")).locate("a/file").path == f"{tree}/a/file"


def test_a_link_or_a_pipe_put_there_since_is_not_opened(tmp_path: Path) -> None:
    place = tmp_path / "a"
    place.write_text("x")
    file = Root(str(tmp_path)).locate("a")
    place.unlink()
    place.symlink_to("/etc/hostname")
    with pytest.raises(Refused) as refused:
        open_file(file)
    assert refused.value.reason == "missing_file"
    place.unlink()
    os.mkfifo(place)
    with pytest.raises(Refused) as refused:
        open_file(file)  # would wait for ever if it were opened like a file
    assert refused.value.reason == "not_a_file"
    place.unlink()
    with pytest.raises(Refused) as refused:
        read_whole(file, 100)
    assert refused.value.reason == "missing_file"


def test_a_file_that_grew_or_shrank_is_read_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x" * 100)
    seen = Root(str(tmp_path)).locate("a")
    for size in (100, 7, 0, 3_000_000):
        (tmp_path / "a").write_bytes(b"y" * size)
        assert read_whole(seen, 5_000_000) == b"y" * size
    with pytest.raises(Refused, match="too_large"):
        read_whole(seen, 2_000_000)


def test_size_is_checked_before_a_byte_is_read(tmp_path: Path) -> None:
    gone = File(str(tmp_path / "gone"), "gone", 101, 0)
    with pytest.raises(Refused, match="too_large"):
        read_whole(gone, 100)
