"""Declarations that are meant to break their reader: one short error with its place, status 2, little work."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmreg.errors import SpecError
from mmreg.schemas import located
from mmreg.schemas.located import MAX_BYTES, MAX_DEPTH, MAX_VALUES, read

LAUGHS = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{chr(98 + level)}: &{chr(98 + level)} [{', '.join([f'*{chr(97 + level)}'] * 10)}]\n" for level in range(9)
)
HOSTILE: dict[str, tuple[str | bytes, str]] = {
    "an object": (
        "version: !!python/object/apply:os.mkdir [it_ran]\n",
        ":1:10: the tag '!!python/object",
    ),
    "a name": ("version: !!python/name:os.system\n", ":1:10: the tag"),
    "a tag of their own": ("version: !include /etc/passwd\n", ":1:10: the tag"),
    "a billion laughs": (LAUGHS, f": more than {MAX_VALUES} values"),
    "brackets": ("a: " + "[" * 3000, f": nested deeper than {MAX_DEPTH} levels"),
    "braces": ("{a: " * 3000, f": nested deeper than {MAX_DEPTH} levels"),
    "dashes": ("- " * 3000, f": nested deeper than {MAX_DEPTH} levels"),
    "indents": ("\n".join(" " * level + "a:" for level in range(400)), f": nested deeper than {MAX_DEPTH} levels"),
    "an anchor within itself": ("a: &a [*a]\n", ":1:8: the alias *a stands for nothing"),
    "a long tag": ("a: !" + "x" * 200_000, ":1:4: a tag, an anchor or an alias is too long"),
    "directives": ("%X a\n" * 40_000, ":1:1: too many directives"),
    "the same key": ("version: 1\nproject: a\nversion: 2\n", ":3:1: duplicate key 'version'"),
    "the same key, deep": ("a:\n  - {b: 1, c: 2, b: 3}\n", ":2:18: duplicate key 'b'"),
    "many values": ("".join(f"k{n}: v\n" for n in range(MAX_VALUES)), f": more than {MAX_VALUES} values"),
    "megabytes": ("#" * (MAX_BYTES + 1), f"longer than {MAX_BYTES} bytes"),
    "a zero byte": ("version: 1\0\n", ":1:11: not YAML: the character U+0000 is not allowed"),
    "an escaped zero": ('project: "a\\0b"\n', ":1:10: the character U+0000 is not allowed"),
    "an escape": ("project: \x1b]0;title\x07\n", ":1:10: not YAML: the character U+001B is not allowed"),
    "not UTF-8": (b"version: 1\nproject: \xff\xfe\n", ":2: byte 20 is not UTF-8"),
    "UTF-16": ("version: 1\n".encode("utf-16"), ":1: byte 0 is not UTF-8"),
    "half a character": ('project: "\\ud800"\n', ":1:10: half of a character"),
    "a number without end": ("version: " + "1" * 50_000, ":1:10: this number does not fit"),
    "no number": ("version: .nan\n", ":1:10: this number is not finite"),
    "two documents": ("version: 1\n---\nversion: 1\n", "a second document starts here"),
    "a merge of itself": ("a: &a\n  <<: *a\n", ":2:7: the alias *a stands for nothing"),
    "a list as key": ("? [a]\n: b\n", ":1:3: a key must be text"),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_one_error_with_its_place(place: Any, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The work is bounded: no more events of the parser are looked at than values are allowed."""
    seen = 0
    events = located._events

    def counted(source: Any) -> Any:
        nonlocal seen
        for event in events(source):
            seen += 1
            yield event

    monkeypatch.setattr(located, "_events", counted)
    text, told = HOSTILE[kind]
    place.declare(text)
    result = place.call("plan", status=2)
    assert told in result.stderr and "mmreg.yaml" in result.stderr.splitlines()[0]
    assert "Traceback" not in result.stderr and len(result.stderr) < 2000
    assert not any(character in result.stderr for character in "\x1b\x07\0")
    assert seen <= 3 * MAX_VALUES
    assert not (place.folder / "it_ran").exists()


def test_a_byte_order_mark_is_no_error(place: Any) -> None:
    place.declare(b"\xef\xbb\xbfversion: 1\nproject: small\n")
    place.call("init")
    place.call("plan")


@given(st.text(st.sampled_from(" \n\t-?:,[]{}#&*!|>'\"%@`ab0.~<=\\\u00e9\u2028"), max_size=60))
@settings(max_examples=300)
def test_whatever_stands_there_is_read_or_refused(text: str) -> None:
    try:
        read(text, "mmreg.yaml")
    except SpecError as error:
        assert error.file == "mmreg.yaml" and error.line is not None


def test_a_file_that_includes_itself_or_a_pipe(place: Any) -> None:
    import os

    place.declare("include: [mmreg.yaml]\nversion: 1\nproject: small\n")
    assert "already part of this project" in place.call("plan", status=2).stderr
    os.mkfifo(place.folder / "pipe.yaml")
    for path in ("pipe.yaml", "/etc/passwd", "/dev/zero", "none.yaml", "a\\0b"):
        place.declare(f'include: ["{path}"]\nversion: 1\nproject: small\n')
        assert "mmreg.yaml:1:11: " in place.call("plan", status=2).stderr
