"""A plan as Markdown, for a pull request."""

from __future__ import annotations

import re
from collections.abc import Iterator

from mmreg.cli.render.plans import cost, sign, summary
from mmreg.cli.text import clean
from mmreg.schemas.plan import Plan, PlanStep

_MARKUP = frozenset("\\|`*_[]~")
_HEADERS = ("", "step", "dataset", "rows", "calls", "time", "money", "why", "cost")


def markdown(plan: Plan) -> Iterator[str]:
    """Its lines. What comes from data cannot end a cell, nor add a tag."""
    yield f"**{summary(plan)}**"
    steps = [step for step in plan.steps if step.action != "nothing"]
    if steps:
        yield ""
        yield f"| {' | '.join(_HEADERS)} |"
        yield "|---|---|---|--:|--:|--:|--:|---|---|"
        yield from map(_row, steps)
    notes = [f"{step.kind} {step.name}: {note}" for step in steps for note in step.notes]
    if notes:
        yield ""
        yield from (f"- {cell(note)}" for note in notes)
    if plan.pending:
        yield ""
        yield f"Plan `{plan.digest}`"
    for said in plan.over:
        yield ""
        yield f"**Above the budget**: {cell(said)}. To do it all the same: `mmreg apply --approve {plan.digest}`"


def _row(step: PlanStep) -> str:
    calls, seconds, money, source = cost(step)
    rows = "" if step.rows is None else f"{step.rows:,}"
    cells = (sign(step).text, f"{step.kind} {step.name}", step.dataset or "", rows, calls, seconds, money)
    return f"| {' | '.join(map(cell, (*cells, step.reason, source)))} |"


def cell(text: str) -> str:
    """Text from data, for a cell of a table or a line: no markup of it is obeyed, it ends no cell and calls nobody."""
    return re.sub(r"(?<!\w)@|#(?=\d)", r"<code>\g<0></code>", _escaped(text))


def code(text: str) -> str:
    """The same as code. Nothing for an empty text."""
    return f"<code>{_escaped(text)}</code>" if text else ""


def _escaped(text: str) -> str:
    safe = clean(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    safe = "".join(f"\\{letter}" if letter in _MARKUP else letter for letter in safe)
    return re.sub(r"(?<=:)/(?=/)|(?i:(?<=www)\.)", r"\\\g<0>", safe)  # addresses would be made links
