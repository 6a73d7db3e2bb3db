"""Values as JSON: what ``--json`` prints."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from datetime import date, timedelta
from enum import Enum
from functools import cache
from pathlib import PurePath
from typing import Any

from mmreg.cli.text import HOSTILE


def to_json(value: object, indent: int | None = 2) -> str:
    """Any value of `mmreg.schemas` as JSON: readable UTF-8, but no character that could steer a terminal."""
    text = json.dumps(plain(value), indent=indent, ensure_ascii=False)
    return HOSTILE.sub(_escape, text)


def plain(value: object) -> Any:
    """``value`` in terms of dict, list, str, int, float, bool and None.

    A dataclass gives its fields and its properties (`ok`, `pending`); bytes are hexadecimal; what is not a
    number in JSON (NaN, infinity) is null.
    """
    if value is None or isinstance(value, (bool, int)):
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
    # Control characters inside strings are escaped by `json` already; a newline here is our own indentation.
    if match[0] == "\n":
        return "\n"
    return "".join(f"\\u{unit:04x}" for unit in _utf16(ord(match[0])))


def _utf16(point: int) -> tuple[int, ...]:
    if point < 0x10000:
        return (point,)
    return (0xD800 + ((point - 0x10000) >> 10), 0xDC00 + ((point - 0x10000) & 0x3FF))
