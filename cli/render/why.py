"""``why`` as text."""

from __future__ import annotations

from collections.abc import Iterator

from mmreg.cli.render.layout import Line, Styled, facts, render
from mmreg.cli.render.rows import cell
from mmreg.cli.text import moment
from mmreg.schemas.why import Decision, Why


@render.register(Why)
def _(value: Why) -> Iterator[Line]:
    verdict = Styled("in it", "green") if value.kept else Styled("not in it", "red")
    yield (Styled(value.sample_id, "bold"), "  ", value.ref, "  ", verdict)
    yield (value.answer,)
    for decision in value.decisions:
        yield ()
        yield from _decision(decision)
    if value.history:
        yield ()
        yield (Styled("before that", "dim"),)
        for decision in value.history:
            yield ("  ", *_verdict(decision), f"  {decision.because}")


def _decision(decision: Decision) -> Iterator[Line]:
    yield _verdict(decision)
    yield from facts(
        {
            "because": decision.because,
            "condition": decision.reason,
            **{name: cell(value) for name, value in decision.values.items()},
            "split": decision.split,
            "run": decision.run,
            "decided": f"{moment(decision.at)} UTC",
        },
        indent="  ",
    )


def _verdict(decision: Decision) -> Line:
    verdict = Styled("kept", "green") if decision.kept else Styled("dropped", "red")
    return (Styled(decision.version, "bold"), "  ", verdict)
