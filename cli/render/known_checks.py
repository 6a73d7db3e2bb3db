"""``mmreg checks`` as text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mmreg.cli.render.folding import fold
from mmreg.cli.render.layout import Line, Styled, render, render_list
from mmreg.cli.text import clean, width
from mmreg.schemas.summary import KnownCheck

_COLUMNS = 80
_WIDEST = 28


@render_list.register(KnownCheck)
def _(first: KnownCheck, values: Sequence[KnownCheck]) -> Iterator[Line]:
    wide = max(min(width(clean(value.name)), _WIDEST) for value in values) + 2
    for value in values:
        yield from _lines(value, wide)


@render.register(KnownCheck)
def _(value: KnownCheck) -> Iterator[Line]:
    return _lines(value, width(clean(value.name)) + 2)


def _lines(value: KnownCheck, wide: int) -> Iterator[Line]:
    indent, name = " " * wide, clean(value.name)
    if width(name) >= wide:
        yield (Styled(name, "bold"),)
    said = value.demands if value.fault is None else f"cannot be used: {value.fault}"
    for number, text in enumerate(fold(said, _COLUMNS - wide)):
        begins = number == 0 and width(name) < wide
        start = Styled(name + " " * (wide - width(name)), "bold") if begins else indent
        yield (start, Styled(text, "red") if value.fault is not None else text)
    facts = "; ".join(_facts(value))
    for text in fold(facts, _COLUMNS - wide) if facts else ():
        yield (indent, Styled(text, "dim"))


def _facts(value: KnownCheck) -> Iterator[str]:
    if value.scope is not None:
        yield f"judges {_SCOPES[value.scope]}"
    if value.media:
        yield "reads media"
    if value.extra:
        yield f"needs mmreg[{value.extra}]"
    if value.source != "mmreg":
        yield f"from {value.source}"


_SCOPES = {"row": "each row", "table": "all rows together", "version": "the version"}
