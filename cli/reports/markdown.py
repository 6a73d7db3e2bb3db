"""The answer as Markdown for a pull request: checks, what changed, what applying would cost.

GitHub refuses a comment of more than 65,536 characters. Where there is more to say, whole parts are left out from
the end, and a note tells so.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence

from mmreg.cli.render import render
from mmreg.cli.render.layout import paint
from mmreg.cli.render.markdown import cell, code
from mmreg.cli.render.markdown import markdown as plan_markdown
from mmreg.cli.reports.verdicts import (
    EXAMPLES,
    ID_DIGITS,
    Verdict,
    headline,
    next_command,
    notes,
    reuse,
    subject,
    title,
    told_of,
    verdict,
    worst_first,
)
from mmreg.cli.text import clip, plural
from mmreg.schemas.check import CheckResult, ValidationReport
from mmreg.schemas.detail import Diff
from mmreg.schemas.gate import GateReport

LIMIT = 65_536
"""Bytes, of which there are at least as many as characters."""
_ROWS = 50
_TEXT = 300
_SIGNS: dict[Verdict, str] = {
    "failed": "❌ failed",
    "warning": "⚠️ warning",
    "insufficient": "❔ insufficient",
    "known": "➖ known",
    "passed": "✅ passed",
}


def markdown(answer: GateReport) -> str:
    """The comment. Markup, tables and names in data are text and nothing else."""
    parts = list(_parts(answer))
    note = "\n> Left out, as a comment may not be longer: {}. All of it: `mmreg validate --report html=report.html`\n"
    left = LIMIT - len(note) - 20
    kept: list[str] = []
    for number, part in enumerate(parts):
        left -= len(part.encode()) + 1
        if left < 0:
            return "\n".join([*kept, note.format(plural(len(parts) - number, "part"))])
        kept.append(part)
    return "\n".join(kept)


def _parts(answer: GateReport) -> Iterator[str]:
    """Blocks that stand by themselves, the important ones first."""
    yield f"## {'✅' if answer.ok else '❌'} {cell(headline(answer))}\n"
    if answer.reports:
        yield _overview(answer)
    for report in answer.reports:
        shown = [result for result in worst_first(report.results) if verdict(result) != "passed"]
        if shown:
            yield f"### {code(subject(report))}\n"
            if said := reuse(report):
                yield f"{said}\n"
            yield _table(("", "check", "found", "declared at"), map(_row, shown))
            yield from (_details(report, result) for result in shown[:_ROWS] if result.examples or result.groups)
    for skipped in answer.skipped:
        yield f"- {code(skipped.ref or skipped.dataset)} was not checked: {cell(skipped.reason)}"
    for tighten in answer.tighten:
        found = "it is declared no longer" if tighten.failed is None else f"there are {tighten.failed:,}"
        about = f"{tighten.allowed:,} of {code(f'{tighten.dataset} {tighten.key}')}"
        yield f"- {code(answer.baseline or 'the baseline')} allows {about}, and {found}"
    if answer.diffs:
        yield "\n### What changed\n"
        yield from map(_diff, answer.diffs)
    if answer.plan is not None or answer.no_plan:
        yield "\n### What `mmreg apply` would do\n"
        yield "\n".join(plan_markdown(answer.plan) if answer.plan else [cell(answer.no_plan)]) + "\n"
    for report in answer.reports:
        passed = [result for result in report.results if verdict(result) == "passed"]
        if passed:
            yield _folded(
                f"{plural(len(passed), 'check')} of {code(subject(report))} passed",
                _table(("check", "found"), ((cell(title(r)), _said(r)) for r in passed)),
            )


def _overview(answer: GateReport) -> str:
    rows = []
    for report in answer.reports:
        found = [verdict(result) for result in report.results]
        counted = (f"{found.count(kind):,}" if found.count(kind) else "" for kind in _SIGNS)
        rows.append((code(subject(report)), f"{report.rows:,}", *counted))
    return _table(("version", "rows", *_SIGNS.values()), rows, right=range(1, 7))


def _row(result: CheckResult) -> tuple[str, ...]:
    place = result.declared_at
    declared = code(f"{place.file}:{place.line}") if place else ""
    return _SIGNS[verdict(result)], f"**{cell(clip(title(result), _TEXT))}**", _said(result), declared


def _said(result: CheckResult) -> str:
    return "<br>".join(cell(clip(text, _TEXT)) for text in (result.message, *notes(result)))


def _details(report: ValidationReport, result: CheckResult) -> str:
    blocks = []
    if result.examples:
        rows = (
            (code(example.get("sample_id", "")[:ID_DIGITS]), code(clip(value, _TEXT)), cell(clip(reason, _TEXT)))
            for example in result.examples[:EXAMPLES]
            for value, reason in [told_of(example)]
        )
        blocks.append(_table(("sample", "value", "why"), rows))
    if result.groups:
        found = ((code(g.name), f"{g.rows:,}", f"{g.rate:.1%}", _SIGNS[g.status]) for g in result.groups)
        blocks.append(_table(("group", "rows", "share", ""), found, right=(1, 2)))
    blocks.append(f"More: {code(next_command(report, result))}\n")
    shown = min(len(result.examples), EXAMPLES)
    of = f": {shown} of {result.failed:,}" if shown else ""
    return _folded(f"{cell(clip(title(result), _TEXT))}{of}", "\n".join(blocks))


def _diff(diff: Diff) -> str:
    _, *lines = (paint(line, colour=False).removeprefix("  ") for line in render(diff))
    return "\n".join(
        [f"{code(diff.a)} → {code(diff.b)}", "", "```diff", *(clip(line, _TEXT) for line in lines), "```", ""]
    )


def _folded(summary: str, body: str) -> str:
    return f"<details><summary>{summary}</summary>\n\n{body}\n</details>\n"


def _table(headers: Sequence[str], rows: Iterable[Sequence[str]], right: Collection[int] = ()) -> str:
    body = list(rows)
    lines = [f"| {' | '.join(headers)} |"]
    lines.append("|" + "|".join("--:" if i in right else "---" for i in range(len(headers))) + "|")
    lines += [f"| {' | '.join(row)} |" for row in body[:_ROWS]]
    if len(body) > _ROWS:
        lines.append(f"| … and {len(body) - _ROWS:,} more |{' |' * (len(headers) - 1)}")
    return "\n".join([*lines, ""])
