"""What all forms of a report say alike: what became of a check, what it is called, what to type next."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

from mmreg.cli.text import clean, clip, plural
from mmreg.schemas.check import CheckResult, ValidationReport
from mmreg.schemas.gate import GateReport, known

Verdict = Literal["failed", "warning", "insufficient", "known", "passed"]
"""A failure of severity `error` or `warning`; too little to say; a failure that the baseline lets pass; none."""

VERDICTS: tuple[Verdict, ...] = ("failed", "warning", "insufficient", "known", "passed")
"""The worst first."""

EXAMPLES = 5
"""Failing samples in every form but HTML and JSON, whatever more was asked for."""

ID_DIGITS = 12
"""Hexadecimal digits of a sample id where there is little room; the beginning is enough for ``mmreg why``."""

_LONG = 300


def verdict(result: CheckResult) -> Verdict:
    """What became of a check."""
    if result.status != "failed":
        return result.status
    if known(result):
        return "known"
    return "failed" if result.severity == "error" else "warning"


def worst_first(results: Iterable[CheckResult]) -> list[CheckResult]:
    """The results by how bad they are; alike ones as they are declared."""
    return sorted(results, key=lambda result: VERDICTS.index(verdict(result)))


def counts(answer: GateReport) -> Mapping[Verdict, int]:
    """How many checks came to each verdict, the worst first."""
    found = [verdict(result) for report in answer.reports for result in report.results]
    return {kind: found.count(kind) for kind in VERDICTS}


def headline(answer: GateReport) -> str:
    """The answer in one sentence: ``Failed: 2 failed, 1 warning, 38 passed.``"""
    if not any(counts(answer).values()):
        return "Nothing was checked." if answer.skipped else "No checks are declared."
    tally = ", ".join(_counted(kind, count) for kind, count in counts(answer).items() if count)
    measure = f" (fail on: {answer.fail_on})" if answer.fail_on != "error" else ""
    return f"{'Passed' if answer.ok else 'Failed'}: {tally}{measure}."


def title(result: CheckResult) -> str:
    """What a check is called: its key; where that says nothing of what it does, this as well."""
    plainly = f"{result.check} {result.column}" if result.column else result.check
    if not result.key:
        return plainly
    return result.key if result.key.startswith(result.check) else f"{result.key} ({plainly})"


def subject(report: ValidationReport) -> str:
    """What was checked: the version, or where the lake was not looked at the dataset."""
    return report.version or report.dataset


def reuse(report: ValidationReport) -> str:
    """How much was not looked at again, as it is kept what earlier runs saw of it; nothing where there is nothing."""
    reused = [result.reused for result in report.results if result.reused]
    if not reused:
        return ""
    most = f"{'up to ' if min(reused) < max(reused) else ''}{plural(max(reused), 'row')}"
    return f"{most} seen in earlier runs, by {len(reused)} of {plural(len(report.results), 'check')}"


def notes(result: CheckResult) -> list[str]:
    """What its message does not say of how a check came to its answer."""
    said = []
    if result.status == "insufficient":
        said.append("insufficient: neither passed nor failed")
    if known(result):
        said.append(f"the baseline allows {result.allowed:,}")
    elif result.allowed:
        said.append(f"the baseline allows {result.allowed:,} only")
    if result.interval and result.population is None:
        low, high = result.interval
        said.append(f"the true share is {100 * low:.3g}% to {100 * high:.3g}% (95%)")
    if result.how == "great_expectations":
        said.append("answered by Great Expectations itself")
    return said


def told(report: ValidationReport, result: CheckResult, digits: int | None = None) -> list[str]:
    """All of a check that did not pass, in clean lines; sample ids with so many digits."""
    lines = [result.message, *notes(result)]
    for example in result.examples[:EXAMPLES]:
        parts = (example.get("sample_id", "")[:digits], *told_of(example))
        lines.append("  ".join(clip(part, _LONG) for part in parts if part))
    return [clean(clip(line, 3 * _LONG)) for line in lines if line] + [clean(f"Try: {next_command(report, result)}")]


def told_of(example: Mapping[str, str]) -> tuple[str, str]:
    """Value and reason of a failing sample; where the reason only says the value again, nothing for it."""
    value, reason = example.get("value", ""), example.get("reason", "")
    return value, "" if reason == value else reason


def next_command(report: ValidationReport, result: CheckResult) -> str:
    """What to type to learn more of a check that did not pass."""
    ref = subject(report)
    if not report.version:  # the lake was not looked at
        return "mmreg validate --offline"
    if any(example.get("sample_id") for example in result.examples):
        first = next(example["sample_id"] for example in result.examples if example.get("sample_id"))
        return f"mmreg why {ref} {first[:ID_DIGITS]}"
    if result.check == "lineage.fresh":
        return "mmreg status"
    if result.check.startswith("lineage."):
        return f"mmreg lineage up {ref}"
    return f"mmreg show {ref}"


def _counted(kind: Verdict, count: int) -> str:
    return plural(count, kind) if kind == "warning" else f"{count:,} {kind}"
