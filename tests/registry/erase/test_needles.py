"""The search for many pieces at once finds what a plain search finds."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from mmreg.registry.erase.needles import PIECE, PIECES, Haystack, Needle, _of, keep, kept

few_letters = st.text("ab", min_size=12, max_size=14).map(str.encode)


@settings(max_examples=80)
@given(
    patterns=st.sets(few_letters, min_size=1, max_size=30),
    data=st.text("ab", max_size=400).map(str.encode),
    odd=st.booleans(),
)
def test_as_a_plain_search(patterns: set[bytes], data: bytes, odd: bool) -> None:
    data = b"a" + data if odd else data
    found = {needle.pattern: place for place, needle in Haystack([Needle(p) for p in patterns]).hits(data)}
    assert set(found) == {pattern for pattern in patterns if pattern in data}
    assert all(data.startswith(pattern, place) for pattern, place in found.items())


@given(st.binary(max_size=3000))
def test_pieces_are_of_the_media(data: bytes) -> None:
    digest = hashlib.sha256(data).digest()
    for needle in _of({"bytes": data, "sha256": digest}):
        assert needle.media == digest.hex() and needle.length == len(data)
        assert data[needle.start : needle.start + len(needle.pattern)] == needle.pattern


def test_pieces_say_something() -> None:
    photo = os.urandom(50_000)
    pieces = list(_of({"bytes": photo, "sha256": b""}))
    assert len(pieces) == PIECES and all(len(piece.pattern) == PIECE for piece in pieces)
    framed = b"\0" * 40_000 + photo[:2000] + b"\0" * 40_000
    assert any(piece.pattern in photo for piece in _of({"bytes": framed, "sha256": b""}))
    assert not list(_of({"bytes": b"\0" * 5000, "sha256": b""})), "what is all alike is anybody's"
    nested = [{"role": "user", "content": "what is in this picture?"}, {"role": "assistant", "content": "a dog"}]
    assert [needle.pattern for needle in _of(nested)] == [b"what is in this picture?"], "short texts are anybody's"


def test_a_copy_on_disk(tmp_path: Path) -> None:
    needles = [Needle(b"some text of it"), Needle(os.urandom(32), "ab", 7, 90)]
    keep(tmp_path / "a" / "copy.json", needles)
    assert kept(tmp_path / "a" / "copy.json") == needles
    assert (tmp_path / "a" / "copy.json").stat().st_mode & 0o077 == 0
    assert kept(tmp_path / "none.json") == []
