"""What Great Expectations itself is asked for, and what is written with it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from click.testing import CliRunner
from ruamel.yaml import YAML

from mmreg.cli.main import main
from mmreg.errors import NotFound, UsageError
from mmreg.schemas.check import CheckResult, ValidationReport
from mmreg.schemas.check_spec import CheckSpec
from mmreg.validators import Table, load_check
from mmreg.validators.expand import expand
from mmreg.validators.expectations import collected
from mmreg.validators.expectations.data_docs import write_data_docs
from mmreg.validators.expectations.library import quiet
from mmreg.validators.expectations.load import load_expectation
from mmreg.validators.expectations.names import CORE, NO_CONDITION

Judge = Callable[..., CheckResult]
ROOT = Path(__file__).parents[3]
NASTY = "<script>alert(1)</script><img src=x onerror=alert(2)>"


def test_the_names_and_arguments_are_those_of_the_installed_library() -> None:
    with quiet("test") as gx:
        from great_expectations.expectations import core
        from great_expectations.expectations.expectation import BatchExpectation
        from great_expectations.expectations.registry import get_expectation_impl

        assert gx
        shared = {*BatchExpectation.__fields__, "library_metadata"}
        found = {}
        for name in CORE:
            fields = get_expectation_impl(name).__fields__
            found[name] = {key: field.required is True for key, field in fields.items() if key not in shared}
        known = {
            name: {
                **{argument.rstrip("!"): argument.endswith("!") for argument in arguments.split()},
                **({} if name in NO_CONDITION else {"row_condition": False, "condition_parser": False}),
            }
            for name, arguments in CORE.items()
        }
        assert known == found
        exported = {name for name in vars(core) if name.startswith("Expect") and name != "Expectation"}
        # One is exported, and never registered: nobody can use it.
        assert exported - {get_expectation_impl(name).__name__ for name in CORE} <= {
            "ExpectMulticolumnValuesToBeUnique",
            "ExpectColumnPairCramersPhiValueToBeLessThan",
        }


CELLS = {
    "x": pa.array([1.0, 2.0, 3.0, 100.0, None]),
    "s": pa.array(["a", "b", "a", None, "c"]),
    "l": pa.array([[1], [1, 2], None, [], [3]], pa.list_(pa.int64())),
    "p": pa.array([{"a": 1}, None, {"a": 2}, {"a": 3}, {"a": 4}], pa.struct({"a": pa.int64()})),
    "w": pa.array([1, 2, None, 3, 4], pa.timestamp("us", tz="UTC")),
}


@pytest.mark.parametrize(
    ("declared", "status", "examined", "failed"),
    [
        (
            {"check": "gx.expect_column_value_z_scores_to_be_less_than", "column": "x", "threshold": 1.4,
             "double_sided": True, "mostly": 0.75}, "passed", 4, 1,
        ),
        ({"check": "gx.expect_column_values_to_not_be_outliers", "column": "x", "multiplier": 0.5}, "failed", 4, 1),
        ({"check": "gx.expect_column_values_to_be_of_type", "column": "l", "type_": "list"}, "passed", 4, 0),
        ({"check": "gx.expect_column_values_to_be_in_type_list", "column": "p", "type_list": ["dict"]}, "passed", 4, 0),
        (
            {"check": "gx.expect_column_values_to_be_between", "column": "x", "max_value": 2,
             "row_condition": 's == "a"', "condition_parser": "pandas"}, "failed", 2, 1,
        ),
        ({"check": "gx.expect_column_values_to_be_in_set", "column": "w", "value_set": []}, "failed", 4, 4),
        (
            {"check": "gx.expect_column_values_to_be_in_set", "column": "w", "value_set": [],
             "max_failure_rate": 1.0}, "passed", 4, 4,
        ),
        (
            {"check": "gx.expect_table_row_count_to_equal", "value": 2, "row_condition": "x > 2",
             "condition_parser": "pandas"}, "passed", 1, 0,
        ),
    ],
)  # fmt: skip
def test_what_mmreg_does_not_know_is_asked_there(
    judge: Judge, declared: Any, status: str, examined: int, failed: int
) -> None:
    result = judge(CELLS, **declared, cuts=[2])
    assert (result.status, result.examined, result.failed) == (status, examined, failed)
    assert result.how == "great_expectations"


def test_failing_samples_are_shown(judge: Judge) -> None:
    declared = {"check": "gx.expect_column_values_to_not_be_outliers", "column": "x", "multiplier": 0.5}
    (one,) = judge(CELLS, **declared, cuts=[1, 3]).examples
    assert judge(CELLS, **declared, examples=0).examples == ()
    assert one == {"sample_id": (3).to_bytes(16, "big").hex(), "value": "100.0", "reason": "not as expected"}


def test_only_its_columns_are_collected() -> None:
    spec = CheckSpec(check="gx.expect_column_values_to_be_null", column="x", row_condition='s == "a" and x > 1')
    schema = pa.schema({"sample_id": pa.binary(16), **{name: cells.type for name, cells in CELLS.items()}})
    assert load_check(spec, Table(schema)).columns == ("x", "s")


def test_a_version_without_rows_is_asked_about(judge: Judge) -> None:
    empty = {name: cells[:0] for name, cells in CELLS.items()}
    declared = {"check": "gx.expect_column_values_to_be_in_type_list", "column": "p", "type_list": ["dict"]}
    assert judge(empty, **declared).status == "passed"


def test_what_is_too_large_is_refused_and_a_sample_offered(judge: Judge) -> None:
    rows = collected.MOST_BYTES // (8 + 16) + 1_000_000
    batch = pa.record_batch({"sample_id": pa.array([bytes(16)] * 1000, pa.binary(16)), "x": pa.array([0.0] * 1000)})
    spec = CheckSpec(check="gx.expect_column_values_to_not_be_outliers", column="x")
    check = load_expectation(spec, Table(batch.schema))
    with pytest.raises(UsageError, match="more than 256 MiB") as caught:
        for _ in range(rows // 1000):
            check.update(batch)
    assert caught.value.hint == "sample: 100000"


@pytest.mark.parametrize(
    ("declared", "says"),
    [
        (
            {"check": "gx.expect_column_value_z_scores_to_be_less_than", "column": "x", "threshold": "x",
             "double_sided": True}, "threshold: ",
        ),
        ({"check": "gx.expect_column_values_to_not_be_outliers", "column": "x", "method": "odd"}, "method: "),
        ({"check": "gx.expect_column_values_to_be_between", "column": "x", "min_value": "much"}, "min_value: "),
    ],
)  # fmt: skip
def test_arguments_that_are_refused_there_are_named(judge: Judge, declared: Any, says: str) -> None:
    with pytest.raises(UsageError) as caught:
        judge(CELLS, **declared)
    assert f"{declared['check']}: {says}" in caught.value.message


@pytest.mark.parametrize(
    "condition",
    [
        's.to_csv("{file}") == 1',
        '(s).to_csv("{file}") == 1',
        "x > 1 and s . to_pickle ('{file}') == 1",
        "@pd.io.common.os.mkdir('{file}')",
        "s.__class__ == 1",
        "''' ' '''+s.to_csv('{file}')+''' ' '''",
        "`'`+s.to_csv('{file}')+`'`",
        "x > 1 # '\n + s.to_csv('{file}') # '",
        {"type": "pass_through", "pass_through_filter": 's.to_csv("{file}")'},
        {"type": "and", "conditions": [{"type": "pass_through", "pass_through_filter": 's.to_csv("{file}")'}]},
    ],
)
def test_a_condition_runs_nothing(judge: Judge, tmp_path: Path, condition: Any) -> None:
    file = tmp_path / "written"
    said = json.loads(json.dumps(condition).replace("{file}", str(file)))
    declared = {"column": "x", "row_condition": said, "condition_parser": "pandas"}
    with pytest.raises(UsageError, match="more than to compare"):
        judge(CELLS, check="gx.expect_column_values_to_not_be_null", **declared)
    assert not file.exists()


@pytest.mark.parametrize(
    ("condition", "parser", "rows"),
    [
        ('s == "a(b" or (x > 1 and not (x >= 3))', "pandas", 1),
        ('s in ("a", "b")', "pandas", 3),
        ('col("s").notnull()', "great_expectations", 4),
        ('col("x") >= 3', "great_expectations", 2),
    ],
)
def test_a_condition_compares(judge: Judge, condition: str, parser: str, rows: int) -> None:
    declared = {"column": "l", "row_condition": condition, "condition_parser": parser}
    assert judge(CELLS, check="gx.expect_column_values_to_be_null", **declared).examined == rows


def test_what_cannot_be_told_there_is_an_error_of_the_check(judge: Judge) -> None:
    with pytest.raises(UsageError, match="Great Expectations cannot tell"):
        judge(CELLS, check="gx.expect_column_mean_to_be_between", column="s", min_value=0)


def test_it_is_quiet_and_leaves_nothing(
    judge: Judge, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    before = dict(os.environ)
    judge(CELLS, check="gx.expect_column_values_to_not_be_outliers", column="x")
    assert capfd.readouterr() == ("", "")
    assert list(tmp_path.rglob("*")) == []
    assert dict(os.environ) == before


SUITE = {
    "name": "pairs",
    "expectations": [
        {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "s", "mostly": 0.5}, "meta": {}},
        {"type": "expect_column_values_to_be_unique", "kwargs": {"column": "s"}, "severity": "warning", "notes": "n"},
        {"expectation_type": "expect_column_mean_to_be_between", "kwargs": {"column": "x", "min_value": None}},
    ],
}


def suite(folder: Path, content: Any = SUITE, **declared: Any) -> list[CheckSpec]:
    (folder / "suite.json").write_text(content if isinstance(content, str) else json.dumps(content))
    return expand([CheckSpec.model_validate({"suite": "suite.json", **declared})], folder)


def test_a_suite_is_a_check_for_each_expectation(tmp_path: Path) -> None:
    assert suite(tmp_path) == [
        CheckSpec(check="gx.expect_column_values_to_not_be_null", column="s", mostly=0.5, severity="error"),
        CheckSpec(check="gx.expect_column_values_to_be_unique", column="s", severity="warning"),
        CheckSpec(check="gx.expect_column_mean_to_be_between", column="x", severity="error"),
    ]


def test_what_is_declared_beside_a_suite_holds_for_its_checks(tmp_path: Path) -> None:
    found = suite(tmp_path, severity="warning", sample=100, name="all", examples=1)
    assert [one.severity for one in found] == ["warning"] * 3
    assert [one.sample for one in found] == [100, None, 100]
    assert [one.examples for one in found] == [1, 1, 1]
    assert found[0].name == "all: expect_column_values_to_not_be_null s"


def test_a_suite_that_the_library_wrote(tmp_path: Path) -> None:
    with quiet("test") as gx:
        from great_expectations import expectations

        written = gx.ExpectationSuite(
            name="written",
            expectations=[
                expectations.ExpectColumnValuesToBeBetween(
                    column="x", max_value=2, row_condition='col("s") == "a"', condition_parser="great_expectations"
                ),
                expectations.ExpectTableRowCountToEqual(value=5, severity="info"),
            ],
        ).to_json_dict()
    first, second = suite(tmp_path, written)
    assert (first.check, second.severity) == ("gx.expect_column_values_to_be_between", "warning")
    ids = pa.array([row.to_bytes(16, "big") for row in range(5)], pa.binary(16))
    cells = pa.record_batch({"sample_id": ids, **CELLS})
    check = load_check(first, Table(cells.schema, rows=5))
    check.update(cells)
    assert (check.result().examined, check.result().failed) == (2, 1)
    assert load_check(second, Table(cells.schema, rows=5)).result().status == "passed"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("{", "suite.json is not JSON"),
        ([], "is no suite"),
        ({"expectations": [{"kwargs": {}}]}, "no 'type' or no 'kwargs'"),
        ({"expectations": [{"type": "expect_nothing", "kwargs": {}}]}, "suite.json: unknown expectation"),
        (
            {"expectations": [{"type": "expect_table_row_count_to_equal", "kwargs": {"value": {"$PARAMETER": "n"}}}]},
            "value is a parameter",
        ),
    ],
)
def test_a_suite_that_makes_no_sense(tmp_path: Path, content: Any, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        suite(tmp_path, content)


def test_a_suite_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"nope\.json"):
        expand([CheckSpec(check="gx.suite", suite="nope.json")], tmp_path)
    with pytest.raises(UsageError, match="unknown argument"):
        suite(tmp_path, mostly=0.5)


def test_the_declarations_of_the_page_load() -> None:
    page = (ROOT / "docs" / "great-expectations.md").read_text(encoding="utf-8")
    declared = YAML(typ="safe").load(page.partition("```yaml\n")[2].partition("```")[0])["checks"]["pairs"]
    size = pa.struct({"width": pa.int32(), "height": pa.int32()})
    schema = pa.schema({"sample_id": pa.binary(16), "image": size, "caption": pa.string(), "clip_score": pa.float32()})
    for one in declared:
        spec = CheckSpec.model_validate(one)
        if spec.check != "gx.suite":
            load_check(spec, Table(schema))


def test_data_docs_are_written_without_data_and_without_markup_of_others(judge: Judge, tmp_path: Path) -> None:
    results = (
        judge({NASTY: pa.array([NASTY, "a"])}, check="gx.expect_column_values_to_be_in_set", column=NASTY,
              value_set=["a"]),
        judge({"x": pa.array([1.0])}, check="gx.expect_column_mean_to_be_between", column="x", min_value=0),
        judge({"x": pa.array(["a"])}, check="gx.expect_column_most_common_value_to_be_in_set", column="x",
              value_set=["b"]),
        judge({"x": pa.array(["a"])}, check="not_null", column="x"),
    )  # fmt: skip
    report = ValidationReport("pairs", "pairs@v3", "abc", 2, results, run="run1")
    index = write_data_docs([report, ValidationReport("other", "other@v1", "def", 0, ())], tmp_path)
    page = tmp_path / "validations" / "pairs" / "v3" / "run1" / "index.html"
    suite = tmp_path / "expectations" / "pairs.html"
    assert sorted(tmp_path.rglob("*.html")) == sorted([index, page, suite])
    assert "validations/pairs/v3/run1/index.html" in index.read_text(encoding="utf-8")
    text = page.read_text(encoding="utf-8")
    said = suite.read_text(encoding="utf-8")
    assert "most common" in said and "not_null" not in said
    assert all("<script>alert" not in one and "<img src=x" not in one for one in (text, said))
    assert 'href="../../../../expectations/pairs.html"' in text and 'href="../index.html"' in said
    assert "&lt;script&gt;alert(1)" in text and "50% of 2 total rows" in text
    assert (page.parent / "../../../../index.html").resolve() == index


DECLARATION = """\
version: 1
project: words
datasets:
  pairs:
    source: {type: jsonl, path: words.jsonl}
    columns:
      text: {type: text, nullable: true}
      x: {type: float}
checks:
  pairs:
    - {suite: suite.json}
    - {check: gx.expect_column_values_to_match_regex, column: text, regex: "^[a-z]+$", severity: warning}
"""


def test_the_gate_runs_suites_and_writes_data_docs(tmp_path: Path) -> None:
    words = [{"text": text, "x": x} for text, x in [("one", 1), ("two", 2), ("Three", 3), (None, 100)]]
    (tmp_path / "words.jsonl").write_text("\n".join(map(json.dumps, words)))
    held = [
        {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "text", "mostly": 0.75}},
        {"type": "expect_column_values_to_not_be_outliers", "kwargs": {"column": "x"}},
        {"type": "expect_table_columns_to_match_set", "kwargs": {"column_set": ["sample_id", "text", "x"]}},
    ]
    (tmp_path / "suite.json").write_text(json.dumps({"name": "words", "expectations": held}))
    (tmp_path / "mmreg.yaml").write_text(DECLARATION)

    def mmreg(*words: str) -> Any:
        return CliRunner().invoke(main, ["-C", str(tmp_path), *words], catch_exceptions=False)

    assert mmreg("init").exit_code == 0
    assert mmreg("apply").exit_code in (0, 1)
    docs = tmp_path / "docs"
    done = mmreg("validate", "pairs", "--data-docs", str(docs), "--json")
    (report,) = json.loads(done.stdout)["reports"]
    found = [(one["status"], one["how"], one["failed"], one["declared_at"]["line"]) for one in report["results"]]
    assert found == [
        ("passed", "streamed", 1, 11),
        ("failed", "great_expectations", 1, 11),
        ("passed", "streamed", 0, 11),
        ("failed", "streamed", 1, 12),
    ]
    assert (done.exit_code, len(list(docs.rglob("*.html")))) == (1, 3)
