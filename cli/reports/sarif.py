"""The answer as SARIF 2.1.0: what code scanning shows beside the lines of ``mmreg.yaml``."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import mmreg
from mmreg.cli.plain import plain
from mmreg.cli.reports.verdicts import notes, subject, title, told, verdict
from mmreg.cli.text import clean
from mmreg.errors import MmregError
from mmreg.schemas.check import CheckResult, ValidationReport
from mmreg.schemas.gate import GateReport, known
from mmreg.validators.plugins import check_class, demand

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


def sarif(answer: GateReport) -> str:
    """One run of one tool; its results are the checks that did not pass."""
    found = [(report, result) for report in answer.reports for result in report.results]
    shown = [pair for pair in found if verdict(pair[1]) != "passed"]
    rules = sorted({result.check for _, result in shown})
    run = {
        "tool": {
            "driver": {
                "name": "mmreg",
                "semanticVersion": mmreg.__version__,
                "rules": [_rule(name) for name in rules],
            }
        },
        "invocations": [{"executionSuccessful": True, "exitCode": 0 if answer.ok else 1}],
        "columnKind": "unicodeCodePoints",
        "results": [_result(answer, report, result, rules) for report, result in shown],
    }
    document = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(document, indent=2, ensure_ascii=False)


def _rule(name: str) -> dict[str, Any]:
    try:
        said = demand(check_class(name))
    except MmregError:  # a plug-in that cannot be found from here, or what stands for a run that broke off
        said = ""
    said = _plain(clean(said or f"The check {name}."))
    return {
        "id": clean(name),
        "shortDescription": {"text": said},
        "fullDescription": {"text": said},
        "help": {"text": "All checks, with what each demands: mmreg checks"},
    }


def _result(answer: GateReport, report: ValidationReport, result: CheckResult, rules: list[str]) -> dict[str, Any]:
    failed = result.status == "failed"
    level = "error" if answer.stops(result) else "warning"
    about = clean(f"{subject(report)}: {title(result)}")
    entry: dict[str, Any] = {
        "ruleId": clean(result.check),
        "ruleIndex": rules.index(result.check),
        "kind": "fail" if failed or answer.stops(result) else "open",
        "level": level if failed or answer.stops(result) else "none",
        "message": {"text": _plain("\n".join([about, *told(report, result)]))},
        "locations": [_location(report, result)],
        "partialFingerprints": _fingerprints(report, result),
        "properties": _properties(report, result),
    }
    if known(result):
        entry["suppressions"] = [{"kind": "external", "justification": "; ".join(notes(result))}]
    return entry


def _location(report: ValidationReport, result: CheckResult) -> dict[str, Any]:
    name = clean(f"{report.dataset}/{result.key or result.check}")
    location: dict[str, Any] = {"logicalLocations": [{"fullyQualifiedName": name, "kind": "member"}]}
    if place := result.declared_at:
        location["physicalLocation"] = {
            "artifactLocation": {"uri": quote(clean(place.file)), "uriBaseId": "%SRCROOT%"},
            "region": {"startLine": place.line, "startColumn": place.column},
        }
    return location


def _fingerprints(report: ValidationReport, result: CheckResult) -> Mapping[str, str]:
    """The same for the same check, wherever it is declared and whatever it finds.

    GitHub reads the second name alone, and would else take what is written on the line.
    """
    about = "\0".join((report.dataset, result.key or title(result)))
    digest = hashlib.sha256(about.encode(errors="surrogatepass")).hexdigest()[:16]
    return {"mmregCheck/v1": digest, "primaryLocationLineHash": f"{digest}:1"}


def _properties(report: ValidationReport, result: CheckResult) -> Any:
    return plain(
        {
            "dataset": clean(report.dataset),
            "version": clean(report.version),
            "verdict": verdict(result),
            "examined": result.examined,
            "failed": result.failed,
            "numbers": {clean(name): value for name, value in result.numbers.items()},
        }
    )


def _plain(text: str) -> str:
    """Text that is no link and has no placeholder, in the words of SARIF's messages."""
    return re.sub(r"[\[\]]", r"\\\g<0>", text).replace("{", "{{").replace("}", "}}")
