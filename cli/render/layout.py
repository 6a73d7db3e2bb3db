"""What lines of text are made of: styled pieces, tables that line up, blocks of facts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import singledispatch
from typing import Literal, NamedTuple

from mmreg.cli.text import clean, width

Style = Literal["bold", "dim", "red", "green", "yellow", "cyan"]
_CODES: dict[Style, str] = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}


class Styled(NamedTuple):
    """A piece of text in a style that shows on a terminal only."""

    text: str
    style: Style


Piece = str | Styled
Line = Sequence[Piece]
"""One line, in pieces. Pieces are cleaned when they are painted, so no renderer can forget to."""

Cell = str | int | Styled | None


@singledispatch
def render(value: object) -> Iterator[Line]:
    """The lines that show ``value``."""
    raise TypeError(f"no text for {type(value).__name__}")


@singledispatch
def render_list(first: object, values: Sequence[object]) -> Iterator[Line]:
    """The lines that show ``values``, all of the kind of ``first``."""
    for value in values:
        yield from render(value)


@render.register(list)
@render.register(tuple)
def _(values: Sequence[object]) -> Iterator[Line]:
    if values:
        yield from render_list(values[0], values)


def paint(line: Line, *, colour: bool) -> str:
    """The line as it goes to the stream."""
    return "".join(_paint(piece, colour) for piece in line).rstrip()


def table(headers: Sequence[str], rows: Iterable[Sequence[Cell]]) -> Iterator[Line]:
    """Aligned columns under ``headers``; columns of numbers to the right. Nothing where there are no rows."""
    body = list(rows)
    if not body:
        return
    right = [all(isinstance(row[i], int) or row[i] is None for row in body) for i in range(len(headers))]
    lines: list[list[Piece]] = [[Styled(header, "dim") for header in headers]]
    lines += [[_text(cell) for cell in row] for row in body]
    widths = [max(width(clean(_bare(line[i]))) for line in lines) for i in range(len(headers))]
    for line in lines:
        yield _aligned(line, widths, right)


def facts(pairs: Mapping[str, Cell], indent: str = "") -> Iterator[Line]:
    """``name  value`` lines; pairs without a value are left out."""
    present = {name: cell for name, cell in pairs.items() if cell is not None and cell != ""}
    wide = max((width(clean(name)) for name in present), default=0)
    for name, cell in present.items():
        yield (indent, Styled(name, "dim"), " " * (wide - width(clean(name)) + 2), _text(cell))


def _aligned(line: Sequence[Piece], widths: Sequence[int], right: Sequence[bool]) -> Line:
    pieces: list[Piece] = []
    for i, piece in enumerate(line):
        gap = " " * (widths[i] - width(clean(_bare(piece))))
        pieces += [gap, piece] if right[i] else [piece, gap]
        pieces.append("  ")
    return pieces


def _text(cell: Cell) -> Piece:
    return "" if cell is None else f"{cell:,}" if isinstance(cell, int) else cell


def _bare(piece: Piece) -> str:
    return piece.text if isinstance(piece, Styled) else piece


def _paint(piece: Piece, colour: bool) -> str:
    text = clean(_bare(piece))
    if colour and isinstance(piece, Styled) and text:
        return f"\x1b[{_CODES[piece.style]}m{text}\x1b[0m"
    return text
