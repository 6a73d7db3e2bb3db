"""`mmreg validate` as a gate: what it looks at, by which measure it judges, and the exit status."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from mmreg.registry.api import Registry
from mmreg.registry.lock import write_lock

if TYPE_CHECKING:
    from tests.cli.conftest import Place

WARNING = "    - {check: not_null, column: caption, severity: warning, name: captions}\n"


@pytest.fixture
def gated(project: Place) -> Place:
    """Of six pictures one is too narrow (an error) and one has no caption (a warning)."""
    file = project.folder / "mmreg.yaml"
    text = file.read_text("utf-8").replace("width, min_value: 32", "width, min_value: 48")
    file.write_text(text + WARNING, encoding="utf-8")
    return project


def redeclare(place: Place, old: str, new: str) -> None:
    file = place.folder / "mmreg.yaml"
    text = file.read_text("utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")


def verdicts(answer: Any) -> dict[str, str]:
    return {f"{one['dataset']} {r['key']}": r["status"] for one in answer["reports"] for r in one["results"]}


def test_without_arguments_what_is_declared(gated: Place) -> None:
    answer = gated.json("validate", status=1)
    assert verdicts(answer) == {
        "train not_null:caption": "passed", "train row_count": "passed",
        "pairs range:width": "failed", "pairs captions": "failed",
    }  # fmt: skip
    assert (answer["ok"], answer["skipped"], answer["offline"]) == (False, [], False)
    again = json.loads(gated.text("validate", "--format", "json", "--quiet", status=1))
    assert verdicts(again) == verdicts(answer)


def test_several_versions_and_each_once(gated: Place) -> None:
    answer = gated.json("validate", "pairs@v2", "train", "pairs", status=1)
    assert [report["version"] for report in answer["reports"]] == ["pairs@v2", "train@v1"]
    assert gated.json("validate", "train")["ok"] is True


@pytest.mark.parametrize(
    ("only", "run"),
    [
        (["range:width"], ["pairs range:width"]),
        (["captions"], ["pairs captions"]),
        (["not_null"], ["train not_null:caption", "pairs captions"]),
        (["row_*", "range"], ["train row_count", "pairs range:width"]),
    ],
    ids=["key", "name", "check", "patterns"],
)
def test_only_some_checks(gated: Place, only: list[str], run: list[str]) -> None:
    answer = gated.json("validate", "--fail-on", "never", *(word for name in only for word in ("--only", name)))
    assert list(verdicts(answer)) == run


def test_a_check_that_is_not_declared_is_guessed(gated: Place) -> None:
    result = gated.call("validate", "--only", "captoins")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "unknown declared check 'captoins'" in result.stderr and "did you mean 'captions'?" in result.stderr
    assert gated.call("validate", "train", "--only", "captions").exit_code == 2


@pytest.mark.parametrize(
    ("only", "level", "status"),
    [
        ("range", "error", 1), ("range", "never", 0), ("captions", "error", 0), ("captions", "warning", 1),
        ("captions", "insufficient", 1), ("row_count", "insufficient", 0),
    ],
)  # fmt: skip
def test_from_which_severity_it_fails(gated: Place, only: str, level: str, status: int) -> None:
    assert gated.call("validate", "--only", only, "--fail-on", level).exit_code == status


def test_a_baseline_is_a_ratchet(gated: Place, tmp_path: Path) -> None:
    file = tmp_path / "known.json"
    with_it = ("validate", "--quiet", "--baseline", str(file))
    missing = gated.call(*with_it)
    assert missing.exit_code == 3 and f"--baseline {file} --update-baseline" in missing.stderr
    assert gated.json(*with_it, "--update-baseline")["ok"] is True
    assert file.read_text() == (
        '{\n  "failures": {\n    "pairs": {\n      "captions": 1,\n      "range:width": 1\n    }\n  },\n'
        '  "version": 1\n}\n'
    )
    jsonschema.validate(json.loads(file.read_text()), json.loads(gated.text("schema", "baseline")))
    written = file.stat().st_mtime_ns

    known = gated.json(*with_it)
    assert known["ok"] is True and known["baseline"] == str(file) and known["tighten"] == []
    allowed = {r["key"]: r["allowed"] for report in known["reports"] for r in report["results"]}
    assert allowed == {"not_null:caption": None, "row_count": None, "range:width": 1, "captions": 1}
    assert "known" in gated.text(*with_it)

    redeclare(gated, "min_value: 48", "min_value: 64")  # a second picture is too narrow now
    assert gated.call(*with_it).exit_code == 1
    redeclare(gated, "min_value: 64", "min_value: 16")  # and now none
    answer = gated.json(*with_it)
    tighten = {"dataset": "pairs", "key": "range:width", "allowed": 1, "failed": 0}
    assert (answer["ok"], answer["tighten"]) == (True, [tighten])
    assert "--update-baseline" in gated.text(*with_it)
    redeclare(gated, WARNING, "")
    assert gated.json(*with_it)["tighten"][0]["failed"] is None
    assert file.stat().st_mtime_ns == written
    gated.text(*with_it, "--update-baseline")
    assert json.loads(file.read_text()) == {"version": 1, "failures": {}}


def test_an_update_keeps_what_was_not_looked_at(gated: Place, tmp_path: Path) -> None:
    file = tmp_path / "known.json"
    file.write_text('{"version": 1, "failures": {"pairs": {"range:width": 4, "captions": 3}}}')
    gated.text("validate", "--only", "captions", "--baseline", str(file), "--update-baseline")
    assert json.loads(file.read_text())["failures"] == {"pairs": {"captions": 1, "range:width": 4}}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{"version": 1, "failures": {"pairs": {"captions": -1}}}', "known.json:1:51: input should be greater"),
        ('{"version": 1, "failure": {}}', "did you mean 'failures'?"),
        ("[]", "known.json:1:1:"),
        ('{"version": 1,', "known.json:"),
    ],
)
def test_a_baseline_that_makes_no_sense_is_refused_with_its_place(
    gated: Place, tmp_path: Path, text: str, says: str
) -> None:
    (tmp_path / "known.json").write_text(text)
    result = gated.call("validate", "--baseline", str(tmp_path / "known.json"))
    assert result.exit_code == 2 and says in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [["--update-baseline"], ["--baseline", "x.json", "--update-baseline", "--since", "pairs@v1"]],
)
def test_what_cannot_be_updated(gated: Place, arguments: list[str]) -> None:
    result = gated.call("validate", *arguments)
    assert result.exit_code == 2 and "updated from all rows" in result.stderr


def test_since_leaves_out_what_was_checked_and_has_not_changed(gated: Place) -> None:
    first = gated.json("validate", "train@v1")
    answer = gated.json("validate", "--since", "train@v1", status=1)
    assert [one["dataset"] for one in answer["skipped"]] == ["train"]
    assert first["reports"][0]["run"] in answer["skipped"][0]["reason"]
    assert [report["dataset"] for report in answer["reports"]] == ["pairs"]
    assert "train@v1  not checked: unchanged since train@v1" in gated.text("validate", "--since", "train@v1", status=1)

    redeclare(gated, "min_value: 3}", "min_value: 5}")  # the data are as they were, but nobody has checked this
    assert verdicts(gated.json("validate", "--since", "train@v1", status=1))["train row_count"] == "failed"


def test_what_failed_then_is_told(gated: Place) -> None:
    gated.text("validate", "pairs", status=1)
    (skipped,) = gated.json("validate", "pairs", "--since", "pairs@v2")["skipped"]
    assert skipped["reason"].endswith("has checked (checks that failed: 2)")
    redeclare(gated, "min_value: 48", "min_value: 47")  # nobody has looked at all of it with this bound
    gated.text("validate", "pairs", "--only", "captions")
    assert gated.json("validate", "pairs", "--since", "pairs@v2", status=1)["skipped"] == []


def test_since_the_lock(gated: Place) -> None:
    assert gated.call("validate", "--since", "lock").exit_code == 3
    gated.text("promote", "train@v1")
    with Registry.open(gated.folder) as registry:
        write_lock(registry)
    answer = gated.json("validate", "--since", "lock", status=1)
    assert [one["ref"] for one in answer["skipped"]] == ["train@v1"]


def test_since_looks_at_what_changed(gated: Place) -> None:
    redeclare(gated, "min_value: 48", "min_value: 32")
    assert gated.json("validate", "pairs")["ok"] is True
    (gated.folder / "images" / "5.txt").write_text("a caption at last")
    gated.call("apply", "--quiet")
    answer = gated.json("validate", "pairs", "--since", "pairs@v2")
    (report,) = answer["reports"]
    assert report["version"] != "pairs@v2" and answer["skipped"] == []
    assert {result["status"] for result in report["results"]} == {"passed"}


def test_nothing_is_recorded_where_nobody_wants_it(gated: Place) -> None:
    def runs() -> int:
        with Registry.open(gated.folder) as registry:
            return len(registry.runs("validation"))

    before = runs()
    assert gated.json("validate", "train", "--no-record")["reports"][0]["run"] is None
    assert runs() == before
    assert gated.json("validate", "train")["reports"][0]["run"] is not None
    assert runs() == before + 1


def test_reports_in_several_forms_at_once(gated: Place, tmp_path: Path) -> None:
    forms = ("json", "text", "github", "sarif", "junit", "markdown", "html")
    files = {form: tmp_path / "reports" / f"checks.{form}" for form in forms}
    asked = [word for form, file in files.items() for word in ("--report", f"{form}={file}")]
    printed = gated.text("validate", "pairs", *asked, "--format", "github", "--quiet", status=1)
    assert printed == files["github"].read_text()
    assert json.loads(files["json"].read_text())["ok"] is False
    assert json.loads(files["sarif"].read_text())["version"] == "2.1.0"
    assert "<testsuites" in files["junit"].read_text() and "range:width" in files["junit"].read_text()
    assert "data:image/jpeg" in files["html"].read_text()
    assert "Nothing to do" not in files["markdown"].read_text().splitlines()[0]
    refused = gated.call("validate", "--report", f"pdf={tmp_path}/x")
    assert refused.exit_code == 2 and "no report 'pdf'" in refused.stderr


def test_markdown_has_the_plan_and_what_changed(gated: Place) -> None:
    gated.text("promote", "train@v1")
    (gated.folder / "images" / "1.txt").unlink()
    gated.call("apply", "--quiet")
    redeclare(gated, "width >= 48", "width >= 64")
    told = gated.text("validate", "train", "--format", "markdown", "--quiet")
    assert "train@v1" in told and "train@v2" in told and "samples" in told.lower()
    assert "select keep" in told
    shutil.rmtree(gated.folder / "images")  # a checkout in CI need not have the sources
    told = gated.text("validate", "train", "--format", "markdown", "--quiet")
    assert "train@v2" in told and "images" in told


def test_places_are_as_seen_from_the_working_directory(gated: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(gated.folder.parent)
    (report,) = gated.json("validate", "pairs", status=1)["reports"]
    assert {result["declared_at"]["file"] for result in report["results"]} == {"pictures/mmreg.yaml"}
    annotations = gated.text("validate", "pairs", "--format", "github", "--quiet", status=1)
    assert annotations.startswith("::error file=pictures/mmreg.yaml,line=17,")


def test_reports_tell_why_there_is_no_answer(gated: Place, tmp_path: Path) -> None:
    file = tmp_path / "checks.xml"
    asked = ("validate", "--report", f"junit={file}", "--format", "github")
    redeclare(gated, "min_value: 48", "min_valu: 48")
    result = gated.call(*asked)
    assert result.exit_code == 2 and "did you mean 'min_value'?" in result.stderr
    assert result.stdout.startswith("::error ") and "min_valu" in file.read_text()
    redeclare(gated, "version: 1", "version: 2")
    result = gated.call(*asked)
    assert result.exit_code == 2 and "mmreg.yaml,line=1," in result.stdout.splitlines()[0]
    assert "mmreg.yaml" in file.read_text()


def test_a_lake_that_cannot_be_read_gives_6(gated: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MMREG_LAKE", str(gated.folder / "mmreg.yaml"))
    result = gated.call("validate", "--report", f"junit={tmp_path / 'checks.xml'}")
    assert (result.exit_code, result.stdout) == (6, "")
    assert "storage" in (tmp_path / "checks.xml").read_text()


def test_a_dataset_without_a_version_is_not_there(gated: Place) -> None:
    redeclare(gated, "checks:\n", "checks:\n  late: [{check: row_count, min_value: 1}]\n")
    redeclare(gated, "passes:\n", 'passes:\n  more: {from: pairs, into: late, use: filter, where: "width > 1"}\n')
    result = gated.call("validate")
    assert result.exit_code == 3 and "late has checks, but no version yet" in result.stderr
