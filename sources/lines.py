"""JSON lines, one at a time, from a file that may be broken anywhere."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, BinaryIO, NamedTuple

from mmreg.sources.record import Refused

_LONGEST = 16 * 1024 * 1024
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
    while data := stream.readline(_LONGEST + 1):
        number += 1
        start, offset = offset, offset + len(data)
        rest = data
        while not rest.endswith(b"\n") and (rest := stream.readline(_LONGEST)):
            offset += len(rest)
        if start == 0 and data.startswith(_BOM):
            data, start = data[3:], 3
        data = data.rstrip(b"\r\n")
        if data and not data.isspace():
            yield Line(file, number, start, data)


def parse_line(line: Line) -> dict[str, Any]:
    """Return the object that a line holds. Raises `Refused`, which says where the line is broken."""
    if len(line.data) > _LONGEST:
        raise Refused("too_large", f"{line.place}: the line is longer than {_LONGEST:,} bytes")
    try:
        value = json.loads(line.data.decode())
    except UnicodeDecodeError as error:
        offset = line.offset + error.start
        raise Refused("not_utf8", f"{line.place}: not UTF-8 at byte {offset} of the file") from None
    except json.JSONDecodeError as error:
        raise Refused("unreadable", f"{line.place}:{error.colno}: {error.msg}") from None
    except (ValueError, RecursionError) as error:  # a number of thousands of digits, a tower of brackets
        raise Refused("unreadable", f"{line.place}: {error}") from None
    if not isinstance(value, dict):
        raise Refused("wrong_type", f"{line.place}: a record is a JSON object")
    return value
