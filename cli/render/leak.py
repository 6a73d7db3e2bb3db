"""``lineage leak`` as text."""

from __future__ import annotations

from collections.abc import Iterator

from mmreg.cli.render.boost import way
from mmreg.cli.render.layout import Line, Styled, facts, render
from mmreg.cli.text import plural
from mmreg.schemas.leak import How, Leak, Overlap

_SAID: dict[How, str] = {
    "ancestry": "upstream of it",
    "training": "learned by a model upstream",
    "sample_id": "the same samples",
    "parent": "rows were made from them",
    "media": "the same media",
    "text": "the same words",
    "hash": "nearly the same look",
    "embedding": "nearly the same meaning",
}


@render.register(Leak)
def _(answer: Leak) -> Iterator[Line]:
    verdict = Styled("nothing found", "green") if answer.ok else Styled("leaks", "red")
    yield (Styled(answer.evaluation, "bold"), " into ", Styled(answer.train, "bold"), "  ", verdict)
    if answer.evaluation_rows is not None and answer.train_rows is not None:
        yield (f"{plural(answer.evaluation_rows, 'row')} of evaluation, {answer.train_rows:,} of training",)
    for overlap in answer.found:
        yield ()
        yield from _overlap(overlap)
    yield ()
    missing = "; ".join(f"{what}: {why}" for what, why in answer.not_compared.items())
    yield from facts({"compared": ", ".join(["the graph", *answer.compared]), "not compared": missing})


def _overlap(overlap: Overlap) -> Iterator[Line]:
    rows = f"{plural(overlap.count, 'row')} ({100 * (overlap.share or 0):.3g}%), " if overlap.count is not None else ""
    yield (Styled(overlap.how, "red"), f"  {rows}{_SAID[overlap.how]}: {overlap.what}")
    yield from facts({"way": way(overlap.way) or "nothing in the graph joins them"}, indent="  ")
    for example in overlap.examples:
        yield ("  ", Styled(example["sample_id"], "bold"), f"  {example['reason']}")
