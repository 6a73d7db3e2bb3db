"""``find`` and ``orphans`` as text."""

from __future__ import annotations

from collections.abc import Iterator

from mmreg.cli.render.layout import Line, Styled, render, table
from mmreg.cli.text import moment, plural
from mmreg.schemas.find import Found, Hit
from mmreg.schemas.orphans import Orphans, OrphansOf

SHOWN = 10
"""Orphans of a kind that are listed; ``--json`` has all."""


@render.register(Found)
def _(value: Found) -> Iterator[Line]:
    rows = [(hit.kind, hit.digest, hit.ref, _said(hit)) for hit in value.hits]
    yield from table(("WHAT", "DIGEST", "REF", "THERE"), rows)
    if value.looked_in:
        yield (Styled(f"rows looked through: {', '.join(value.looked_in)}", "dim"),)


@render.register(Orphans)
def _(value: Orphans) -> Iterator[Line]:
    for kind in value.kinds:
        if not kind.found:
            continue
        yield (Styled(_name(kind), "bold"), f"  {len(kind.found):,} of {kind.of:,}: {kind.said}")
        rows = [(f"  {one.ref}", one.said, f"{moment(one.at)} UTC" if one.at else "") for one in kind.found[:SHOWN]]
        yield from list(table(("  REF", "WHAT", "SINCE"), rows))[1:]
        if len(kind.found) > SHOWN:
            yield (f"  and {plural(len(kind.found) - SHOWN, 'other')}",)
        yield ("  ", Styled("try", "dim"), f"  {kind.cure}")
        yield ()
    if none := [f"{_name(kind)} (of {kind.of:,})" for kind in value.kinds if not kind.found]:
        yield (Styled(f"none: {', '.join(none)}", "dim"),)


def _name(kind: OrphansOf) -> str:
    return kind.kind.replace("_", " ")


def _said(hit: Hit) -> str:
    return f"{hit.said}, {hit.count:,} times" if hit.count > 1 else hit.said
