"""``lineage leak`` as text."""

from __future__ import annotations

from collections.abc import Iterator

from mmreg.cli.render.layout import Line, Styled, facts, render
from mmreg.cli.text import plural
from mmreg.schemas.leak import How, Leak, Overlap

_SAID: dict[How, str] = {
    "ancestry": "is upstream of it",
    "training": "was trained on, by what curated it",
    "sample_id": "are the same samples",
    "parent": "had rows made from them",
    "media": "have the same media",
    "text": "have the same words",
    "hash": "look nearly the same",
    "embedding": "are near in meaning",
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
    rows = f"{plural(overlap.count, 'row')} ({100 * (overlap.share or 0):.3g}%) " if overlap.count is not None else ""
    yield (Styled(overlap.how, "red"), f"  {rows}{_SAID[overlap.how]}: {overlap.what}")
    yield ("  ", Styled("way", "dim"), f"  {' > '.join(overlap.way)}")
    for example in overlap.examples:
        yield ("  ", Styled(example["sample_id"], "bold"), f"  {example['reason']}")
