"""Values as JSON: what ``--json`` prints."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from datetime import date, timedelta
from enum import Enum
from functools import cache
from json.encoder import encode_basestring as quoted
from pathlib import PurePath
from typing import Any

from mmreg.cli.text import HOSTILE

_STEERING = re.compile(rf"(?!\n){HOSTILE.pattern}")
"""Control characters inside strings are escaped by `json` already; a newline in its text is our own indentation."""
_AS_THEY_ARE = (str, int, bool, type(None))


def to_json(value: object, indent: int | None = 2) -> str:
    """Any value of `mmreg.schemas` as JSON: readable UTF-8, but no character that could steer a terminal."""
    text = json.dumps(plain(value), ensure_ascii=False) if indent is None else _indented(value, "\n", " " * indent)
    if text.isascii():  # what else steers is escaped already
        return text.replace("\x7f", "\\u007f")
    return _STEERING.sub(_escape, text)


def _indented(value: object, line: str, by: str) -> str:
    """As `json` has it with an indent, in half of the time: there that is a generator in a generator.

    ``line`` is what begins a line at this depth.
    """
    if isinstance(value, str) and type(value) is str:
        return quoted(value)
    inner = line + by
    if type(value) in (tuple, list):
        text = f",{inner}".join([_indented(part, inner, by) for part in value])  # type: ignore[attr-defined]
        return f"[{inner}{text}{line}]" if text else "[]"
    named = _named(value)
    if named is not None:
        text = f",{inner}".join([f"{quoted(str(name))}: {_indented(part, inner, by)}" for name, part in named])
        return f"{{{inner}{text}{line}}}" if text else "{}"
    easy = plain(value)
    simple = easy is None or isinstance(easy, (str, int, float))
    return json.dumps(easy, ensure_ascii=False) if simple else _indented(easy, line, by)


def _named(value: object) -> Iterable[tuple[object, object]] | None:
    """What a dict or a dataclass has under its names; None for anything else."""
    if isinstance(value, dict):
        return value.items()
    if is_dataclass(value) and not isinstance(value, type):
        return [(name, getattr(value, name)) for name in _names(type(value))]
    return None


def plain(value: object) -> Any:
    """``value`` in terms of dict, list, str, int, float, bool and None.

    A dataclass gives its fields and its properties (`ok`, `pending`); bytes are hexadecimal; what is not a
    number in JSON (NaN, infinity) is null.
    """
    kind = type(value)
    if kind in _AS_THEY_ARE:  # these three first: they are nearly all that answers are made of
        return value
    if kind is dict:
        return {str(key): plain(part) for key, part in value.items()}  # type: ignore[attr-defined]
    if kind is tuple or kind is list:
        return [plain(part) for part in value]  # type: ignore[attr-defined]
    if isinstance(value, (bool, int)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Enum):
        return plain(value.value)
    if isinstance(value, str):
        return value
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value).hex()
    if is_dataclass(value) and not isinstance(value, type):
        return {name: plain(getattr(value, name)) for name in _names(type(value))}
    if isinstance(value, Mapping):
        return {str(key): plain(part) for key, part in value.items()}
    if isinstance(value, date):  # and datetime, which is one
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, PurePath):
        return str(value)
    if isinstance(value, Iterable):
        return [plain(part) for part in value]
    raise TypeError(f"no JSON for {type(value).__name__}")


@cache
def _names(kind: type) -> tuple[str, ...]:
    """Fields in their order, then properties."""
    own = [field.name for field in fields(kind)]
    derived = [name for name in dir(kind) if isinstance(getattr(kind, name), property) and name[0] != "_"]
    return (*own, *derived)


def _escape(match: Any) -> str:
    return "".join(f"\\u{unit:04x}" for unit in _utf16(ord(match[0])))


def _utf16(point: int) -> tuple[int, ...]:
    if point < 0x10000:
        return (point,)
    return (0xD800 + ((point - 0x10000) >> 10), 0xDC00 + ((point - 0x10000) & 0x3FF))
