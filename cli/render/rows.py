"""Rows of a version as they stream in: `head` and `query`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any

from mmreg.cli.plain import to_json
from mmreg.cli.render.layout import Line, Styled, facts, render, table
from mmreg.cli.text import clip, size

_CELL = 48
_WIDE = 6
_PAGE = 64
"""Rows that are laid out together, so that a long answer appears while it is read."""


@dataclass(frozen=True)
class Rows:
    """Rows as plain values, read once. Media cells hold their facts and no bytes."""

    rows: Iterable[Mapping[str, Any]]

    def __iter__(self) -> Iterator[Mapping[str, Any]]:
        return iter(self.rows)


@render.register(Rows)
def _(value: Rows) -> Iterator[Line]:
    """A table, page by page; a block for each row where there are more than six columns."""
    rows = iter(value)
    first = next(rows, None)
    if first is None:
        return
    rows = chain((first,), rows)
    if len(first) > _WIDE:
        for number, row in enumerate(rows, 1):
            yield (Styled(f"row {number}", "dim"),)
            yield from facts({name: cell(value) for name, value in row.items()}, indent="  ")
    else:
        while page := list(islice(rows, _PAGE)):
            yield from table(tuple(first), ([cell(row[name]) for name in first] for row in page))


def cell(value: Any) -> str | Styled:
    """One cell, short enough for a line."""
    if value is None:
        return Styled("null", "dim")
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, Mapping):
        return _media(value) if _is_media(value) else clip(_compact(value), _CELL)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return _sequence(value)
    return clip(str(value), _CELL)


def _is_media(value: Mapping[str, Any]) -> bool:
    return "sha256" in value and "format" in value


def _media(value: Mapping[str, Any]) -> str:
    across = f"{value['width']}x{value['height']}" if value.get("width") is not None else None
    duration = f"{value['duration_ms'] / 1000:.1f} s" if value.get("duration_ms") is not None else None
    length = size(value["length"]) if value.get("length") is not None else None
    return clip(
        " ".join(part for part in (value["format"], across, duration, length, value.get("uri")) if part),
        _CELL,
    )


def _sequence(value: Sequence[Any]) -> str:
    if len(value) > 4 and all(isinstance(part, (int, float)) for part in value):
        return f"[{', '.join(f'{part:.3g}' for part in value[:3])}, … {len(value)} numbers]"
    if value and isinstance(value[0], Mapping) and _is_media(value[0]):
        return clip("; ".join(_media(part) for part in value), _CELL)
    return clip(_compact(value), _CELL)


def _compact(value: object) -> str:
    return to_json(value, indent=None)
