"""``why`` as text."""

from __future__ import annotations

from collections.abc import Iterator

from mmreg.cli.render.layout import Line, Styled, facts, render
from mmreg.cli.render.rows import cell
from mmreg.cli.text import clip, moment
from mmreg.schemas.why import Cell, CellMaker, CellModel, CellSource, Decision, Readmission, Seen, Why

PROMPT = 300
"""Characters of a prompt that are shown; ``--json`` has all."""


@render.register(Why)
def _(value: Why) -> Iterator[Line]:
    verdict = Styled("in it", "green") if value.kept else Styled("not in it", "red")
    yield (Styled(value.sample_id, "bold"), "  ", value.ref, "  ", verdict)
    yield (value.answer,)
    if value.cell is not None:
        yield ()
        yield from _cell(value.cell, "", set())
    for decision in value.decisions:
        yield ()
        yield from _decision(decision)
    if value.history:
        yield ()
        yield (Styled("before that", "dim"),)
        for decision in value.history:
            yield ("  ", *_verdict(decision), f"  {decision.because}")


# A value


def _cell(value: Cell, indent: str, told: set[CellSource]) -> Iterator[Line]:
    yield (indent, Styled(value.ref, "bold"), f"  {_shown(value)}")
    inner = indent + "  "
    known: dict[str, str | None] = {}
    if value.source is not None and value.source in told:
        known |= {"read from": f"{value.source.address}, as above"}
    elif value.source is not None:
        known |= _source(value, value.source)
        told.add(value.source)
    if value.maker is not None:
        known |= _maker(value.maker)
    known |= {"failed" if value.state == "failed" else "empty": value.error}
    known |= {} if indent else {"way": " -> ".join(value.way)}
    model = value.maker.model if value.maker is not None else None
    known |= {"model": _model(model)} if model is not None else {}
    yield from facts(known, inner)
    if model is not None:
        yield from ((inner, "  ", *line) for line in _trained_on(model))
    if value.inputs:
        yield (inner, Styled("made from", "dim"))
        for part in value.inputs:
            yield from _cell(part, inner + "  ", told)


def _shown(value: Cell) -> str:
    return str(cell(value.value)) if value.value is not None else "null"


def _source(value: Cell, source: CellSource) -> dict[str, str | None]:
    media = value.value.get("sha256") if isinstance(value.value, dict) else None
    return {
        "sha256": media,
        "read from": source.address or source.path,
        "source": f"{source.node}, listing {source.digest}",
        "licence": source.license,
        "run": f"{source.run}, {source.version}",
    }


def _maker(maker: CellMaker) -> dict[str, str | None]:
    params = ", ".join(f"{name}: {value}" for name, value in maker.params.items())
    prompt = f"{clip(maker.prompt.strip(), PROMPT)} ({(maker.prompt_digest or '')[:12]})" if maker.prompt else None
    return {
        "made by": f"pass {maker.name} ({maker.use} {maker.version}), {maker.kind}, generation {maker.generation}",
        "run": f"{maker.run}, {moment(maker.at)} UTC",
        "params": params,
        "prompt": prompt,
        "annotator": maker.annotator,
        "file": maker.file,
    }


def _model(model: CellModel) -> str:
    weights = ", opaque: nobody here knows its weights" if model.opaque else ""
    terms = f", licence {model.license}" if model.license else ""
    return f"{model.ref}{weights}{terms}"


def _trained_on(model: CellModel) -> Iterator[Line]:
    if not model.trained_on:
        yield ("no recorded training made it: nobody knows whether it has seen this sample",)
    yield from (_seen(data, model.ref) for data in model.trained_on)


def _seen(data: Seen, model: str) -> Line:
    split = f", split {data.split!r}" if data.split else ""
    which = f" ({data.model})" if data.model != model else ""
    part = f", for {data.component}" if data.component else ""
    said = f"trained on {data.ref}{split}{part}{which}: "
    how = {"rows": "by the rows that it saw", "version": "by the rows of that version"}.get(data.by, "")
    if data.saw is None:
        return (said, "whether it saw this sample is not known")
    return (said, Styled("it saw this sample" if data.saw else "it did not see this sample", "bold"), f", {how}")


# A decision


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
    if decision.readmit:
        yield ("  ", Styled("what would let it in again", "dim"))
        for one in decision.readmit:
            yield from _readmission(one)


def _readmission(one: Readmission) -> Iterator[Line]:
    now = {True: "; with the newest cells it holds", False: "; the newest cells are no better", None: ""}[one.now]
    yield ("    ", Styled(one.condition, "bold"), f"  {one.said}{now}")


def _verdict(decision: Decision) -> Line:
    verdict = Styled("kept", "green") if decision.kept else Styled("dropped", "red")
    return (Styled(decision.version, "bold"), "  ", verdict)
