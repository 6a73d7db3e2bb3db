"""The answer as JUnit XML: a suite for each version, a test case for each check.

What keeps the gate shut is a failure. What does not, and yet is no pass (warnings, known failures, too little to
say), is skipped with a message: nothing else that readers of JUnit know comes nearer.
"""

from __future__ import annotations

import re
from xml.etree import ElementTree

from mmreg.cli.reports.verdicts import subject, title, told, verdict
from mmreg.cli.text import clean
from mmreg.errors import MissingExtra
from mmreg.schemas.check import CheckResult, ValidationReport
from mmreg.schemas.gate import GateReport

try:
    from junitparser import Attr, Failure, IntAttr, JUnitXml, Skipped, TestCase, TestSuite
except ImportError as missing:
    raise MissingExtra("JUnit", extra="validate") from missing


class Case(TestCase):
    """A test case that says where it is declared, as GitLab reads it."""

    file = Attr()
    line = IntAttr()


_NO_XML = re.compile("[\ufffe\uffff]")


def junit(answer: GateReport) -> str:
    """The document. Nothing in it is a character that XML forbids."""
    document = JUnitXml("mmreg validate")
    for report in answer.reports:
        document.add_testsuite(_suite(answer, report))
    for skipped in answer.skipped:
        suite = TestSuite(_legal(skipped.ref or skipped.dataset))
        case = TestCase("checks", classname=_legal(skipped.dataset))
        case.result = [Skipped(_legal(f"not checked: {skipped.reason}"))]
        suite.add_testcase(case)
        document.add_testsuite(suite)
    document.update_statistics()  # type: ignore[no-untyped-call]  # junitparser leaves out the types of these two
    tree = ElementTree.fromstring(document.tostring())  # type: ignore[no-untyped-call]
    ElementTree.indent(tree)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(tree, "unicode")


def _suite(answer: GateReport, report: ValidationReport) -> TestSuite:
    suite = TestSuite(_legal(subject(report)))
    facts = {"rows": str(report.rows), "uuid": report.uuid, "run": report.run or ""}
    for name, value in facts.items():
        if value:
            suite.add_property(name, _legal(value))
    for result in report.results:
        suite.add_testcase(_case(answer, report, result))
    return suite


def _case(answer: GateReport, report: ValidationReport, result: CheckResult) -> Case:
    case = Case(_legal(title(result)), classname=_legal(report.dataset))
    if result.declared_at:
        case.file = _legal(result.declared_at.file)
        case.line = result.declared_at.line
    said = "\n".join(map(_legal, told(report, result)))
    kind, message = verdict(result), _legal(result.message)
    if answer.stops(result):
        failure = Failure(message, kind)
        failure.text = said
        case.result = [failure]
    elif kind != "passed":
        case.result = [Skipped(f"{kind}: {message}")]
        case.system_out = said
    return case


def _legal(text: str) -> str:
    return _NO_XML.sub("\ufffd", clean(text))
