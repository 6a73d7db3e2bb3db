"""``license`` as text."""

from __future__ import annotations

from collections.abc import Iterator

from mmreg.cli.render.impact import way
from mmreg.cli.render.layout import Line, Style, Styled, render, table
from mmreg.schemas.license import Licenses
from mmreg.schemas.terms import UNKNOWN

_STYLES: dict[str, Style] = {UNKNOWN: "red", "non-commercial": "yellow", "use restricted": "yellow"}


@render.register(Licenses)
def _(value: Licenses) -> Iterator[Line]:
    said = f"  {value.license}" if value.license else ""
    yield (Styled(value.ref, "bold"), said)
    if not value.terms and not value.rows:
        yield ("  nothing is known to be upstream of it",)
        return
    most = value.most_restrictive or UNKNOWN
    yield ("  the most restrictive is ", Styled(most, _STYLES.get(value.kind, "green")), f" ({value.kind})")
    if value.unknown:
        yield (Styled(f"  nobody declared a licence of {', '.join(value.unknown)}", "red"),)
    for conflict in value.conflicts:
        yield (Styled(f"  {' and '.join(conflict.licenses)}: {conflict.why}", "yellow"),)
    yield ()
    yield from table(
        ("OF", "LICENSE", "KIND", "FROM", "WAY"),
        (
            (
                Styled(t.ref, "cyan" if t.what == "model" else "bold"), t.license or Styled(UNKNOWN, "red"), t.kind,
                t.told, way(t.way),
            )
            for t in value.terms
        ),
    )  # fmt: skip
    if value.rows:
        yield ()
        yield from table(
            ("ROWS", "LICENSE", "KIND", "IN"),
            (
                (
                    row.rows,
                    row.license or Styled("none of their own", "dim"),
                    row.kind if row.license else "",
                    f"{row.dataset}:{row.column}",
                )
                for row in value.rows
            ),
        )
