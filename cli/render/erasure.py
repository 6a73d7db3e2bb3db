"""``erase`` as text."""

from __future__ import annotations

from collections.abc import Iterator

from mmreg.cli.render.layout import Cell, Line, Styled, render, table
from mmreg.cli.text import plural, size
from mmreg.schemas.erasure import ErasedDataset, ErasurePlan, ErasureReport

SHOWN = 20
"""Samples and versions of each that a person is shown; ``--json`` has them all."""


@render.register(ErasurePlan)
def _(value: ErasurePlan) -> Iterator[Line]:
    if not value.samples:
        yield (f"Nothing is left of it: it was erased by run {value.erased_by}.",)
        return
    yield from table(
        ("SAMPLE", "IN", "BECAUSE"),
        ((Styled(s.sample_id, "bold"), s.dataset, s.because) for s in value.samples[:SHOWN]),
    )
    yield from _more(len(value.samples), "sample")
    yield ()
    yield from table(("DATASET", "", "ROWS", "AFTER", ""), (_dataset(there) for there in value.datasets))
    yield ()
    yield from table(
        ("VERSION THAT GOES", "HELD BY"),
        ((Styled(v.ref, "bold"), "; ".join(v.needed_by) or "nothing") for v in value.versions[:SHOWN]),
    )
    yield from _more(len(value.versions), "version")
    for model in value.models:
        yield ()
        yield (Styled("tainted  ", "yellow"), Styled(f"model {model.ref}", "bold"), f"  {'; '.join(model.trained_on)}")
        if model.made:
            yield (f"         it made {', '.join(model.made)}",)
    for place in value.beside:
        yield (f"cleaned  {place.place}  ({place.what})",)
    yield ()
    yield from ((Styled("not reached  ", "yellow"), where) for where in value.out_of_reach)
    yield (f"Plan {value.digest}.",)


@render.register(ErasureReport)
def _(value: ErasureReport) -> Iterator[Line]:
    yield (Styled(plural(value.samples, "sample"), "bold"), f" erased by run {value.run}")
    yield (f"  now {', '.join(value.datasets)}",)
    yield (
        f"  {plural(len(value.removed), 'version')} removed, {plural(value.compared, 'row')} written anew and compared",
    )
    if value.models:
        yield (Styled(f"  tainted: {', '.join(value.models)}", "yellow"),)
    searched = value.searched
    yield (
        f"  searched {plural(searched.files, 'file')} ({size(searched.bytes)}) for {searched.media:,} media and "
        f"{plural(searched.texts, 'text')}",
    )
    yield from ((f"  not searched for: {what}",) for what in searched.skipped)
    for left in value.left:
        yield (Styled("  left  ", "red"), Styled(left.place, "bold"), f"  {left.what}")
        yield ("        Try: ", left.hint)
    yield from ((Styled("  not reached  ", "yellow"), where) for where in value.out_of_reach)
    if value.ok:
        yield (Styled("Nothing of it is left.", "green"),)
    else:
        yield (Styled("Something of it is left.", "red"),)


def _dataset(there: ErasedDataset) -> tuple[Cell, ...]:
    again = f"{plural(there.fragments, 'fragment')} written anew" if there.fragments else ""
    return Styled(there.dataset, "bold"), there.kind, there.before, there.after, again


def _more(count: int, noun: str) -> Iterator[Line]:
    if count > SHOWN:
        yield (f"  and {plural(count - SHOWN, noun)} more",)
