"""``compact`` as text."""

from __future__ import annotations

from collections.abc import Iterator

from mmreg.cli.render.layout import Line, Styled, facts, render
from mmreg.cli.text import plural, size
from mmreg.schemas.compact import Compacted, CompactReport, CompactStep, Shape


@render.register(CompactReport)
def _(value: CompactReport) -> Iterator[Line]:
    for dataset in value.datasets:
        yield from _dataset(dataset, value.planned)
    if value.archived:
        yield (f"{plural(value.archived, 'run')} went into the archive.",)
    yield from _failures(value.failures)


def _dataset(value: Compacted, planned: bool) -> Iterator[Line]:
    verdict = "" if value.steps or value.failures else Styled("is compact", "green")
    yield (Styled(value.version, "bold"), "  ", verdict)
    if not planned and value.steps:
        yield from facts({"before": _shape(value.before), "after": _shape(value.after)}, "  ")
    else:
        yield from facts({"now": _shape(value.after)}, "  ")
    for step in value.steps if planned else ():
        yield ("  ", Styled(f"{step.kind:8}", "yellow"), _step(step))
    for index in value.indexes:
        said = (
            f"index {index.name} ({index.type}): {index.asked - index.wrong} of {index.asked} values found as by a scan"
        )
        yield ("  ", Styled(said, "green" if index.ok else "red"))
        if not index.ok or index.unindexed_rows:
            yield (f"    {plural(index.unindexed_rows, 'row')} not in it. Make it anew: ", index.rebuild)
    if value.older_versions:
        pinned = f", {value.pinned:,} of them pinned" if value.pinned else ""
        older = f"{plural(value.older_versions, 'older version')}{pinned}"
        yield ("  ", Styled("besides ", "dim"), f"{size(value.held_bytes)} that only {older} may need")
    yield from _failures(value.failures, "  ")


def _shape(shape: Shape) -> str:
    deleted = f", {plural(shape.deleted_rows, 'deleted row')}" if shape.deleted_rows else ""
    return (
        f"{plural(shape.fragments, 'fragment')}, {plural(shape.files, 'file')}, {size(shape.bytes)}; "
        f"{plural(shape.rows, 'row')}{deleted}"
    )


def _step(step: CompactStep) -> str:
    deleted = f" without {plural(step.deleted_rows, 'deleted row')}" if step.deleted_rows else ""
    return f" {plural(len(step.fragments), 'fragment')}, {size(step.bytes)}, {plural(step.rows, 'row')}{deleted}"


def _failures(failures: tuple[str, ...], indent: str = "") -> Iterator[Line]:
    for failure in failures:
        yield (indent, Styled("failed  ", "red"), failure)
