"""``plan``, ``apply`` and ``status`` as text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from mmreg.cli.render.layout import Cell, Line, Style, Styled, render, table
from mmreg.cli.text import clip, plural
from mmreg.schemas.plan import ApplyReport, PassStatus, Plan, PlanStep, Status, StepResult

_ACTIONS: Mapping[str, tuple[str, Style]] = {
    "run": ("+", "green"),
    "nothing": ("=", "dim"),
    "blocked": ("!", "red"),
    "stale": ("~", "yellow"),
}
_OUTCOMES: Mapping[str, tuple[str, Style]] = {
    "published": ("+", "green"),
    "trained": ("+", "green"),
    "registered": ("+", "green"),
    "unchanged": ("=", "dim"),
    "blocked": ("!", "red"),
    "stale": ("~", "yellow"),
}


@render.register(Plan)
def _(value: Plan) -> Iterator[Line]:
    yield from _steps(value.steps)
    counts = {action: sum(step.action == action for step in value.steps) for action in _ACTIONS}
    yield (
        "Nothing to do."
        if not value.pending
        else f"{counts['run']} to run, {counts['blocked']} blocked, {counts['stale']} kept although stale.",
    )


@render.register(ApplyReport)
def _(value: ApplyReport) -> Iterator[Line]:
    yield from table(("", "STEP", "VERSION", "ROWS", "SECONDS", ""), (_result(step) for step in value.steps))
    if not value.changed:
        yield ("Nothing changed.",)


@render.register(Status)
def _(value: Status) -> Iterator[Line]:
    yield from table(
        ("COLUMN", "PASS", "DATASET", "DONE", "STALE", "MISSING", "FAILED", "OVERWRITTEN", "GENERATIONS", ""),
        (line for status in value.passes for line in _columns(status)),
    )
    pending = tuple(step for step in value.steps if step.action != "nothing")
    if pending:
        if value.passes:
            yield ()
        yield from _steps(pending)
    else:
        yield ("Everything is up to date.",)
    yield (Styled(f"The index is {_age(value.index_age_s)} old.", "dim"),)


def _steps(steps: tuple[PlanStep, ...]) -> Iterator[Line]:
    return table(
        ("", "STEP", "DATASET", "ROWS", "WHY"),
        (
            (_sign(_ACTIONS, step.action), f"{step.kind} {step.name}", step.dataset, step.rows, step.reason)
            for step in steps
        ),
    )


def _result(step: StepResult) -> tuple[Cell, ...]:
    said = step.message.removeprefix(step.ref or "").strip()
    return (
        _sign(_OUTCOMES, step.outcome),
        f"{step.kind} {step.name}",
        step.ref,
        step.rows if step.outcome == "published" else None,
        f"{step.seconds:.1f}",
        Styled(said, "red") if step.errors else said,
    )


def _columns(status: PassStatus) -> Iterator[tuple[Cell, ...]]:
    """A line for each column that a pass makes; they stand alike, as the pass answers for a row as a whole."""
    counts = (status.done, status.stale, status.missing, status.failed, status.overwritten)
    made = ", ".join(
        f"{name[:8]}{' (now)' if name == status.generation else ''} {rows:,}"
        for name, rows in status.generations.items()
    )
    note = Styled(f"blocked: {status.blocked}", "red") if status.blocked else None
    if status.drift:
        note = Styled("code changed", "yellow")
    for column in status.columns or (None,):
        yield (column and Styled(column, "bold"), status.name, status.dataset, *counts, made, note)


def _sign(signs: Mapping[str, tuple[str, Style]], word: str) -> Styled:
    sign, style = signs[word]
    return Styled(f"{sign} {word}", style)


def _age(seconds: float) -> str:
    if seconds < 90:
        return plural(round(seconds), "second")
    if seconds < 5400:
        return plural(round(seconds / 60), "minute")
    return plural(round(seconds / 3600), "hour")
