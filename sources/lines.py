"""JSON lines, one at a time, from a file that may be broken anywhere."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any, BinaryIO, NamedTuple

from mmreg.sources.record import Refused

LONGEST = 16 * 1024 * 1024
"""Bytes of one line."""
_BOM = b"\xef\xbb\xbf"


class Line(NamedTuple):
    """One line that is not blank: its number from 1, the file offset of its first byte, its bytes."""

    file: str
    number: int
    offset: int
    data: bytes

    @property
    def place(self) -> str:
        return f"{self.file}:{self.number}"


def read_lines(stream: BinaryIO, file: str) -> Iterator[Line]:
    """Yield the lines of ``stream``, holding at most 16 MiB of one; `parse_line` refuses what is longer."""
    offset = number = 0
    while data := stream.readline(LONGEST + 1):
        number += 1
        start, offset = offset, offset + len(data)
        rest = data
        while not rest.endswith(b"\n") and (rest := stream.readline(LONGEST)):
            offset += len(rest)
        if start == 0 and data.startswith(_BOM):
            data, start = data[3:], 3
        data = data.rstrip(b"\r\n")
        if data and not data.isspace():
            yield Line(file, number, start, data)


def parse_line(line: Line) -> dict[str, Any]:
    """Return the object that a line holds. Raises `Refused`, which says where the line is broken."""
    if len(line.data) > LONGEST:
        raise Refused("too_large", f"{line.place}: the line is longer than {LONGEST:,} bytes")
    try:
        value = strict_json(line.data.decode())
    except UnicodeDecodeError as error:
        offset = line.offset + error.start
        raise Refused("not_utf8", f"{line.place}: not UTF-8 at byte {offset} of the file") from None
    except json.JSONDecodeError as error:
        raise Refused("unreadable", f"{line.place}:{error.colno}: {error.msg}") from None
    except RecursionError:
        raise Refused("unreadable", f"{line.place}: nested too deeply") from None
    except ValueError as error:  # also a number of thousands of digits
        raise Refused("unreadable", f"{line.place}: {error}") from None
    if not isinstance(value, dict):
        raise Refused("wrong_type", f"{line.place}: a record is a JSON object")
    return value


def strict_json(text: str) -> Any:
    """The value of a JSON text. Raises `RecursionError`, and `ValueError`, also for a key that is there twice, of which
    one value would be lost. NaN, which Python writes, is read: columns judge it."""
    return json.loads(text, object_pairs_hook=_each_key_once)


def _each_key_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) < len(pairs):
        times = Counter(key for key, _ in pairs)
        twice = next(key for key in times if times[key] > 1)
        raise ValueError(f"the key {twice!r} is there twice")
    return content
