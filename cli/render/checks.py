"""``validate`` and ``doctor`` as text: what failed first, in at most 80 columns."""

from __future__ import annotations

from collections.abc import Iterator

from mmreg.cli.render.folding import fit, fold
from mmreg.cli.render.layout import Line, Style, Styled, render
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
from mmreg.cli.text import clean, plural, width
from mmreg.schemas.check import CheckResult, ValidationReport
from mmreg.schemas.finding import DoctorReport
from mmreg.schemas.gate import GateReport, Tighten

_COLUMNS = 80
_INDENT = 9
_ROOM = _COLUMNS - _INDENT
_SIGNS: dict[Verdict, tuple[str, Style]] = {
    "failed": ("FAIL", "red"),
    "warning": ("warn", "yellow"),
    "insufficient": ("????", "cyan"),
    "known": ("known", "yellow"),
    "passed": ("pass", "green"),
}


@render.register(GateReport)
def _(value: GateReport) -> Iterator[Line]:
    for report in value.reports:
        yield from render(report)
        yield ()
    for skipped in value.skipped:
        yield (Styled(fit(f"{skipped.ref or skipped.dataset}  not checked: {skipped.reason}", _COLUMNS), "dim"),)
    for tighten in value.tighten:
        yield (fit(_tighten(tighten, value.baseline or ""), _COLUMNS),)
    yield (Styled(headline(value), "bold"),)
    yield from _next(value)


@render.register(ValidationReport)
def _(value: ValidationReport) -> Iterator[Line]:
    found = Styled("ok", "green") if value.ok else Styled("failed", "red")
    rows = f"  {plural(value.rows, 'row')}" if value.version else ""
    yield (Styled(fit(subject(value), 50), "bold"), f"{rows}  ", found)
    if said := reuse(value):
        yield (Styled(f"  {said}", "dim"),)
    results = worst_first(value.results)
    shown = [result for result in results if verdict(result) != "passed"]
    passed = [result for result in results if verdict(result) == "passed"]
    for result in shown:
        yield from _told(value, result)
    wide = min(max((width(clean(title(result))) for result in passed), default=0), 40)
    for result in passed:
        yield _passed(result, wide)
    if not results:
        yield (Styled("  no checks are declared for it", "dim"),)


@render.register(DoctorReport)
def _(value: DoctorReport) -> Iterator[Line]:
    for finding in value.findings:
        mark = Styled("open    ", "red")
        if finding.fixed or finding.note:
            mark = Styled("mended  ", "yellow") if finding.fixed else Styled("noted   ", "cyan")
        yield (mark, Styled(finding.code, "bold"), f"  {finding.message}")
        if finding.hint and not finding.fixed:
            yield ("        Try: ", finding.hint)
    yield ("Everything agrees.",) if value.ok else (Styled("The lake needs a hand.", "red"),)


def _told(report: ValidationReport, result: CheckResult) -> Iterator[Line]:
    """A check that did not pass: what it found, in how much, a few samples, what to type next."""
    sign, style = _SIGNS[verdict(result)]
    place = fit(f"{result.declared_at.file}:{result.declared_at.line}", _ROOM) if result.declared_at else ""
    name = fit(title(result), _ROOM)
    beside = width(name) + 2 + width(place) <= _ROOM
    gap = " " * (_ROOM - width(name) - width(place)) if beside else ""
    yield ("  ", Styled(f"{sign:5}", style), "  ", Styled(name, "bold"), gap, Styled(place if beside else "", "dim"))
    if not beside:
        yield (" " * _INDENT, Styled(place, "dim"))
    for text in (result.message, *notes(result)):
        yield from ((" " * _INDENT, line) for line in fold(text, _ROOM))
    for group in [group for group in result.groups if group.status != "passed"][:EXAMPLES]:
        said = f"{group.name}: {group.rate:.1%} of {plural(group.rows, 'row')}, {group.status}"
        yield (" " * _INDENT, fit(said, _ROOM))
    for example in filter(None, result.examples[:EXAMPLES]):
        yield from _example(example.get("sample_id", ""), *told_of(example))
    if result.examples and result.failed > len(result.examples[:EXAMPLES]):
        more = result.failed - len(result.examples[:EXAMPLES])
        yield (" " * _INDENT, Styled(f"… and {more:,} more", "dim"))
    yield (" " * _INDENT, Styled(f"Try: {next_command(report, result)}", "cyan"))


def _example(sample: str, value: str, reason: str) -> Iterator[Line]:
    start = " " * _INDENT + (f"{sample[:ID_DIGITS]}  " if sample else "")
    room = _COLUMNS - width(start)
    said = "  ".join(filter(None, (value, reason)))
    if len(said) <= room and width(clean(said)) <= room:
        yield (Styled(f"{start}{fit(said, room)}", "dim"),)
        return
    for number, text in enumerate(filter(None, (value, reason))):
        yield (Styled((start if number == 0 else " " * width(start)) + fit(text, room), "dim"),)


def _passed(result: CheckResult, wide: int) -> Line:
    sign, style = _SIGNS["passed"]
    name = fit(title(result), wide)
    gap = " " * (wide - width(name) + 2)
    return ("  ", Styled(f"{sign:5}", style), "  ", name, gap, Styled(fit(result.message, _ROOM - wide - 2), "dim"))


def _tighten(tighten: Tighten, file: str) -> str:
    found = "it is declared no longer" if tighten.failed is None else f"there are {tighten.failed:,}"
    return f"{file} allows {tighten.allowed:,} of {tighten.dataset} {tighten.key}, and {found}"


def _next(value: GateReport) -> Iterator[Line]:
    """How to look closer at what did not pass, and how to bring a baseline down to what there is."""
    failing = [
        report
        for report in value.reports
        if report.version and any(verdict(result) in ("failed", "warning") for result in report.results)
    ]
    commands = {}
    if failing:
        one = f" {failing[0].version}" if len(failing) == 1 else ""
        commands[f"mmreg validate{one} --report html=report.html"] = "pictures and plots"
        commands |= {f"mmreg doctor {report.dataset}": "what would cure it" for report in failing}
    if value.tighten:
        commands[f"mmreg validate --baseline {value.baseline} --update-baseline"] = "to tighten"
    for command, use in commands.items():
        yield ("Try: ", Styled(command, "cyan"), Styled(f"  {use}", "dim"))
