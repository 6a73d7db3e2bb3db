"""``compare`` as text."""

from __future__ import annotations

from collections.abc import Iterator

from mmreg.cli.render.layout import Line, Styled, render, table
from mmreg.cli.text import clip
from mmreg.schemas.comparison import Comparison, Score, Shared
from mmreg.schemas.cost import Amount

_VALUE = 60


@render.register(Comparison)
def _(value: Comparison) -> Iterator[Line]:
    yield (Styled(value.a, "bold"), " and ", Styled(value.b, "bold"))
    shared = (
        ("data", value.data), ("columns", value.columns), ("curators", value.curators), ("steps", value.steps),
    )  # fmt: skip
    if value.rows is not None:
        rows = value.rows
        yield ("  rows      ", f"{rows.only_a:,} only in a, {rows.only_b:,} only in b, {rows.both:,} in both")
    for name, found in shared:
        if found != Shared():
            yield (f"  {name:<10}", *_shared(found))
    if value.changed:
        yield ()
        yield from table(
            ("STEP", "WHAT", "A", "B"),
            (
                (Styled(c.step, "bold"), c.what, *(_said(text) for text in (c.a, c.b)))
                for c in value.changed
            ),
        )  # fmt: skip
    if value.cost:
        yield ()
        yield from table(
            ("COST", "A", "B"), ((measure, _amount(a), _amount(b)) for measure, (a, b) in value.cost.items())
        )
    if value.metrics:
        yield ()
        yield from table(
            ("METRIC", "ON", "A", "B", "B - A"),
            (
                (
                    Styled(f"{m.model} {m.metric}".strip(), "bold"), m.on, _score(m.a), _score(m.b),
                    f"{m.difference:+.4g}" if m.difference is not None else "",
                )
                for m in value.metrics
            ),
        )  # fmt: skip


def _shared(found: Shared) -> Iterator[str | Styled]:
    if not found.only_a and not found.only_b:
        yield Styled(f"the same: {', '.join(found.both)}", "dim")
        return
    parts = (("only a: ", found.only_a), ("only b: ", found.only_b), ("both: ", found.both))
    yield "; ".join(said + ", ".join(names) for said, names in parts if names)


def _said(text: str | None) -> str | Styled:
    return Styled("nothing", "dim") if text is None else clip(text, _VALUE)


def _amount(amount: Amount | None) -> str:
    if amount is None:
        return ""
    unknown = f" and {amount.unknown} not counted" if amount.unknown else ""
    return f"{amount.value:,.6g}{unknown}" if amount.known else "not counted"


def _score(score: Score | None) -> str:
    if score is None:
        return "not measured"
    return f"{score.mean:.4g}" + (f" ± {score.sd:.2g} of {len(score.values)}" if score.sd is not None else "")
