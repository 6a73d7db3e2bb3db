"""``impact`` as text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mmreg.cli.render.layout import Cell, Line, Styled, render, table
from mmreg.cli.render.models import metrics
from mmreg.cli.text import clip, plural
from mmreg.schemas.impact import Impact, TouchedVersion

_WAY = 120
_COLUMNS = 40


@render.register(Impact)
def _(value: Impact) -> Iterator[Line]:
    counted = value.samples is not None
    samples = f"  {plural(value.samples, 'sample')}" if value.samples is not None else ""
    yield (Styled(value.about, "bold"), samples)
    if not value.touched:
        yield ("  nothing comes of it",)
        return
    counts = ((value.versions, "version"), (value.models, "model"), (value.evaluations, "evaluation"))
    told = [plural(len(found), noun) for found, noun in counts if found]
    yield (f"  touches {', '.join(told) or 'nothing but names'}",)
    yield from _part(_versions(value.versions, counted))
    yield from _part(_models(value, counted))
    yield from _part(_evaluations(value))
    names = ((Styled(n.name, "bold"), _BY[n.kind], n.means) for n in value.names)
    yield from _part(table(("NAME", "BY", "MEANS"), names))
    if value.todo:
        yield ()
        yield (Styled("next", "bold"),)
    for number, remedy in enumerate(value.todo, 1):
        does = (Styled(remedy.command, "bold"), f"  {remedy.why}") if remedy.command else (remedy.why,)
        yield (f"  {number}. ", *does)


_BY = {"promoted": "promotion", "alias": "alias", "locked": "mmreg.lock"}


def _part(lines: Iterator[Line]) -> Iterator[Line]:
    for number, line in enumerate(lines):
        if not number:
            yield ()
        yield line


def _versions(versions: Sequence[TouchedVersion], counted: bool) -> Iterator[Line]:
    return table(
        ("VERSION", "HOW", "COLUMNS", "ROWS", *(("HAVE IT",) if counted else ()), "", "WAY"),
        (
            (
                Styled(_span(like), "bold"), ", ".join(v.ways), _columns(v), v.rows, *((v.having,) if counted else ()),
                _mark(v), way(_telling(like[0])),
            )
            for like in _alike(versions)
            for v in like[-1:]
        ),
    )  # fmt: skip


def _alike(versions: Sequence[TouchedVersion]) -> Iterator[list[TouchedVersion]]:
    """Versions of one dataset that follow each other and differ in nothing that is shown."""
    groups: dict[str, list[TouchedVersion]] = {}
    for version in versions:
        dataset = version.ref.partition("@")[0]
        last = groups.get(dataset)
        if last is not None and _shown(last[-1]) == _shown(version) and not _marked(version) and not _marked(last[-1]):
            last.append(version)
        else:
            if last is not None:
                yield last
            groups[dataset] = [version]
    yield from groups.values()


def _shown(version: TouchedVersion) -> tuple[object, ...]:
    return tuple(version.ways), version.whole, version.columns, version.rows, version.having, version.removed


def _marked(version: TouchedVersion) -> bool:
    return version.promoted or version.latest


def _span(like: list[TouchedVersion]) -> str:
    first, last = like[0].ref, like[-1].ref
    return first if first == last else f"{first} to {last.partition('@')[2]}"


def _telling(version: TouchedVersion) -> tuple[str, ...]:
    """The way that tells most: what chose its rows, where its values merely came along."""
    ways = version.ways
    return ways["chosen"] if "chosen" in ways and not version.whole else next(iter(ways.values()))


def _models(value: Impact, counted: bool) -> Iterator[Line]:
    return table(
        ("MODEL", "HOW", *(("SAMPLES",) if counted else ()), "ALIASES", "WAY"),
        (
            (
                Styled(m.ref, "cyan"), ", ".join(m.ways), *((m.having,) if counted else ()),
                Styled(", ".join(m.aliases), "green"), way(next(iter(m.ways.values()))),
            )
            for m in value.models
        ),
    )  # fmt: skip


def _evaluations(value: Impact) -> Iterator[Line]:
    return table(
        ("EVALUATION OF", "ON", "METRICS", "WAY"),
        (
            (
                Styled(", ".join(e.models), "cyan"), ", ".join(e.on),
                clip(metrics({name: v for name, v in e.metrics.items() if v is not None}), 48), way(e.way),
            )
            for e in value.evaluations
        ),
    )  # fmt: skip


def _columns(version: TouchedVersion) -> str:
    return "all" if version.whole else clip(", ".join(version.columns), _COLUMNS)


def _mark(version: TouchedVersion) -> Cell:
    if version.removed:
        return Styled("removed", "dim")
    return Styled("promoted", "green") if version.promoted else "latest" if version.latest else ""


def way(steps: tuple[str, ...]) -> Cell:
    """The steps on the way: in the middle as many are left out as it takes."""
    text = " > ".join(steps)
    if len(text) > _WAY and len(steps) > 4:
        text = " > ".join((*steps[:2], f"({len(steps) - 4} steps)", *steps[-2:]))
    return Styled(clip(text, _WAY), "dim")
