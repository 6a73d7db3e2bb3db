"""``plan``, ``apply`` and ``status`` as text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from mmreg.cli.render.layout import Cell, Line, Style, Styled, render, table
from mmreg.cli.text import clip, duration, plural
from mmreg.schemas.plan import ApplyReport, Dropped, PassStatus, Plan, PlanStep, Status, StepResult, money_text

_ACTIONS: Mapping[str, tuple[str, Style]] = {
    "run": ("+", "green"),
    "nothing": ("=", "dim"),
    "blocked": ("!", "red"),
    "stale": ("~", "yellow"),
    "undeclared": ("-", "yellow"),
    "failed": ("!", "red"),
}
_VERBS: Mapping[str, tuple[str, Style]] = {
    "+": ("+ add", "green"),
    "~": ("~ alter", "yellow"),
    "-": ("- kept", "yellow"),
}
_OUTCOMES: Mapping[str, tuple[str, Style]] = {
    "published": ("+", "green"),
    "trained": ("+", "green"),
    "registered": ("+", "green"),
    "unchanged": ("=", "dim"),
    "blocked": ("!", "red"),
    "stale": ("~", "yellow"),
    "passed": ("+", "green"),
    "failed": ("!", "red"),
    "promoted": ("+", "green"),
}


@render.register(Plan)
def _(value: Plan) -> Iterator[Line]:
    yield from _steps(value.steps)
    yield from _samples(value.steps)
    yield (summary(value),)
    for said in value.over:
        yield (Styled(f"Above the budget: {said}. It needs: mmreg apply --approve {value.digest}", "red"),)


@render.register(Dropped)
def _(value: Dropped) -> Iterator[Line]:
    yield ("Dropped ", Styled(value.what, "bold"), f" by run {value.run}" + (f": {value.ref}" if value.ref else ""))


def summary(value: Plan) -> str:
    """A plan in one sentence, with what it would cost as far as that is known."""
    counts = {action: sum(step.action == action for step in value.steps) for action in _ACTIONS}
    failed = f" {plural(counts['failed'], 'dataset')} failed checks." if counts["failed"] else ""
    if not value.pending:
        return f"Nothing to do.{failed}"
    said = f"{counts['run']} to run, {counts['blocked']} blocked, {counts['stale']} kept although stale.{failed}"
    total = value.total
    parts = [
        f"{total.calls:,} model calls" if total.calls else "",
        f"{money_text(total.money)} of money" if total.money else "",
    ]
    parts += [f"about {duration(total.seconds)}"] if total.seconds else []
    if any(parts):
        said += f" It would cost {', '.join(filter(None, parts))}{f', {total.source}' * bool(total.source)}."
    return said


def cost(step: PlanStep) -> tuple[str, str, str, str]:
    """Calls, time and money of a step, and where these are from; '?' for what nobody knows."""
    known = step.estimate
    if known is None:
        return "", "", "", ""
    return (
        "" if known.calls == 0 else "?" if known.calls is None else f"{known.calls:,}",
        "?" if known.seconds is None else duration(known.seconds),
        "" if known.money == 0 else "?" if known.money is None else money_text(known.money),
        known.source,
    )


def sign(step: PlanStep) -> Styled:
    """What is done in a step, as a sign and a word."""
    if step.verb:
        return Styled(*_VERBS[step.verb])
    return _sign(_ACTIONS, step.action)


@render.register(ApplyReport)
def _(value: ApplyReport) -> Iterator[Line]:
    yield from table(("", "STEP", "VERSION", "ROWS", "SECONDS", ""), (_result(step) for step in value.steps))
    for hint in dict.fromkeys(step.hint for step in value.steps if step.hint):
        yield ("Try: ", hint)
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
    dear = any(step.estimate is not None for step in steps)
    headers = ("", "STEP", "DATASET", "ROWS", *(("CALLS", "TIME", "MONEY") * dear), "WHY")
    yield from table(headers, (_planned(step, dear) for step in steps))
    for step in steps:
        for note in step.notes:
            yield (Styled("  ! ", "yellow"), f"{step.kind} {step.name}: {note}")


def _planned(step: PlanStep, dear: bool) -> tuple[Cell, ...]:
    name = step.name if step.kind == "schema" and step.verb == "-" else f"{step.kind} {step.name}"
    calls, seconds, money, source = cost(step)
    why = f"{step.reason}; cost {source}" if source and source != "unknown" else step.reason
    return (sign(step), name, step.dataset, step.rows, *((calls, seconds, money) if dear else ()), why)


def _samples(steps: tuple[PlanStep, ...]) -> Iterator[Line]:
    """A few of the answers that were computed to measure a pass."""
    for step in steps:
        if step.sample is None:
            continue
        failed = f", {step.sample.errors:,} with an error" if step.sample.errors else ""
        yield (Styled(f"{step.name}: {plural(step.sample.rows, 'row')} computed as a sample{failed}", "bold"),)
        for answer in step.sample.answers:
            cells = {name: cell for name, cell in answer.items() if name != "error" or cell is not None}
            yield ("  ", clip(", ".join(f"{name}: {cell}" for name, cell in cells.items()), 160))


def _result(step: StepResult) -> tuple[Cell, ...]:
    said = step.message.removeprefix(step.ref or "").strip()
    return (
        _sign(_OUTCOMES, step.outcome),
        f"{step.kind} {step.name}",
        step.ref,
        step.rows if step.outcome == "published" else None,
        f"{step.seconds:.1f}",
        Styled(said, "red") if step.errors or step.outcome == "failed" else said,
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
