"""``gc`` as text."""

from __future__ import annotations

from collections.abc import Iterator

from mmreg.cli.render.layout import Cell, Line, Styled, render, table
from mmreg.cli.text import plural, size
from mmreg.schemas.gc import GcReport, Leftover, VersionFate


@render.register(GcReport)
def _(value: GcReport) -> Iterator[Line]:
    yield from table(
        ("VERSION", "", "ITS OWN", "SHARED", "WHY"),
        (
            (Styled(v.ref, "bold"), _mark(v, value.applied), size(v.own_bytes), size(v.shared_bytes), _why(v))
            for v in value.versions
        ),
    )
    if value.leftovers:
        yield ()
        yield from table(
            ("LEFT OVER IN", "", "FILES", "BYTES", "WHAT"),
            (
                (left.place, _mark_left(left, value.applied), left.files, size(left.bytes), _what(left))
                for left in value.leftovers
            ),
        )
    yield ()
    verb = "removed" if value.applied else "to remove"
    yield (f"{plural(value.kept, 'version')} kept, {value.removed:,} {verb}, {size(value.frees_bytes)} in all.",)


def _mark(version: VersionFate, applied: bool) -> Cell:
    if version.keep:
        return Styled("kept", "green")
    return Styled("removed" if applied else "goes", "yellow")


def _why(version: VersionFate) -> str:
    return "; ".join(reason.told for reason in version.reasons) if version.keep else "nothing needs it"


def _mark_left(left: Leftover, applied: bool) -> Cell:
    return "waits" if left.waiting else Styled("removed" if applied else "goes", "yellow")


def _what(left: Leftover) -> str:
    return f"{left.what} ({left.why})" if left.waiting else left.what
