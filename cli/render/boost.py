"""``lineage boost`` as text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from mmreg.cli.render.layout import Line, Style, Styled, facts, render, table
from mmreg.cli.text import plural
from mmreg.schemas.boost import Boost, Curation, Mode, Shares

_STYLES: dict[Mode, Style] = {
    "leaky_external": "red", "external": "yellow", "self": "cyan", "human": "green", "none": "dim",
}  # fmt: skip

SHOWN = 20
"""Curations that are told one by one."""
LONG = 14
"""Steps of a way that are told one by one."""


@render.register(Boost)
def _(answer: Boost) -> Iterator[Line]:
    yield (Styled(answer.ref, "bold"), "  ", _mode(answer.mode))
    yield from facts(
        {
            "data": ", ".join(answer.pool) or "none",
            "students": ", ".join(answer.students) or "none known",
            "asked": _list(answer.counts) or "nobody",
        }
    )
    for curation in answer.curations[:SHOWN]:
        yield ()
        yield from _curation(curation)
    if (more := len(answer.curations) - SHOWN) > 0:
        yield ()
        yield (f"and {more:,} more, none of them worse; --json has all",)
    if answer.shares is not None:
        yield ()
        yield from _shares(answer.shares)
    for note in answer.notes:
        yield ()
        yield (Styled("note", "yellow"), f"  {note}")


def _curation(curation: Curation) -> Iterator[Line]:
    wrote = f" wrote {', '.join(curation.columns)}" if curation.columns else ""
    yield (_mode(curation.mode), f"  {curation.job}{wrote}, asked {curation.model or _people(curation)}")
    yield from facts({"because": curation.because, "way": way(curation.way), "run": curation.run}, indent="  ")


def way(steps: Sequence[str]) -> str:
    """How one thing led to another; of a very long way the middle is counted."""
    if len(steps) > LONG:
        steps = (*steps[:6], f"({len(steps) - 10} steps)", *steps[-4:])
    return " > ".join(steps)


def _people(curation: Curation) -> str:
    who = plural(curation.annotators or 0, "annotator")
    return f"{who} for {curation.human_min:g} min" if curation.human_min is not None else who


def _shares(shares: Shares) -> Iterator[Line]:
    yield (Styled("made by", "dim"), f" in {plural(shares.rows, 'row')} of {', '.join(shares.of)}")
    counted = {**shares.made, "any model": shares.models, "of those external": shares.external}
    lines = [(mode, _of(made.rows, shares.rows), _of(made.cells, shares.cells)) for mode, made in counted.items()]
    yield from table(("mode", "rows", "cells"), lines)
    if shares.columns:
        yield ()
        yield from table(("column", "cells", "made"), ((c.column, c.cells, _list(c.made)) for c in shares.columns))
    yield ()
    yield from table(("synthetic depth", "rows"), ((str(depth), rows) for depth, rows in shares.depths.items()))


def _list(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {mode}" for mode, count in counts.items() if count)


def _of(part: int, whole: int) -> str:
    return f"{part:,} ({100 * part / whole if whole else 0:.3g}%)"


def _mode(mode: Mode) -> Styled:
    return Styled(mode, _STYLES[mode])
