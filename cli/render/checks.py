"""``validate`` and ``doctor`` as text."""

from __future__ import annotations

from collections.abc import Iterator

from mmreg.cli.render.layout import Line, Styled, render
from mmreg.cli.text import clip, plural
from mmreg.schemas.check import CheckResult, ValidationReport
from mmreg.schemas.finding import DoctorReport


@render.register(ValidationReport)
def _(value: ValidationReport) -> Iterator[Line]:
    verdict = Styled("ok", "green") if value.ok else Styled("failed", "red")
    yield (Styled(value.version, "bold"), f"  {plural(value.rows, 'row')}  ", verdict)
    for result in value.results:
        yield from _result(result)
    if not value.results:
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


def _result(result: CheckResult) -> Iterator[Line]:
    subject = f"{result.check} {result.column}" if result.column else result.check
    share = f"  ({result.failed:,} of {result.examined:,})" if result.failed else ""
    yield ("  ", _mark(result), " ", Styled(subject, "bold"), f"  {result.message}{share}")
    if result.status == "failed":
        for example in result.examples:
            value, reason = clip(str(example.get("value", "")), 60), str(example.get("reason", ""))
            yield (Styled(f"      {example.get('sample_id', '')}  {value}  {reason}", "dim"),)


def _mark(result: CheckResult) -> Styled:
    if result.status == "passed":
        return Styled("pass", "green")
    return Styled("FAIL", "red") if result.severity == "error" else Styled("warn", "yellow")
