"""The answer as commands of GitHub Actions: an annotation on the line of ``mmreg.yaml`` that declares each check.

GitHub shows ten errors, ten warnings and ten notices of a step, so the worst come first.
"""

from __future__ import annotations

from mmreg.cli.reports.verdicts import ID_DIGITS, VERDICTS, headline, subject, title, told, verdict
from mmreg.cli.text import clean
from mmreg.schemas.check import CheckResult, ValidationReport
from mmreg.schemas.gate import GateReport


def github(answer: GateReport) -> str:
    """One command on a line for each check that did not pass, and the answer in one line."""
    found = [(report, result) for report in answer.reports for result in report.results]
    found.sort(key=lambda pair: (not answer.stops(pair[1]), VERDICTS.index(verdict(pair[1]))))
    commands = [_annotation(answer, *pair) for pair in found if verdict(pair[1]) != "passed"]
    return "\n".join([*commands, headline(answer)])


def _annotation(answer: GateReport, report: ValidationReport, result: CheckResult) -> str:
    kind = verdict(result)
    level = "error" if answer.stops(result) else "warning" if kind in ("failed", "warning") else "notice"
    place = result.declared_at
    where = {"file": place.file, "line": str(place.line), "col": str(place.column)} if place else {}
    facts = {**where, "title": clean(f"{subject(report)}: {title(result)}: {kind}")}
    properties = ",".join(f"{name}={_property(value)}" for name, value in facts.items())
    said = "\n".join(told(report, result, ID_DIGITS))
    return f"::{level} {properties}::{_data(said)}"


def _data(text: str) -> str:
    escaped = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return escaped.replace("##[", "#%23[")  # an older form of commands, which is obeyed anywhere in a line


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
