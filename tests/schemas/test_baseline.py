"""A baseline is a ratchet, whatever fails: it lets pass what it says, and the same failures give the same text."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from mmreg.schemas.baseline import Baseline, baseline_schema
from mmreg.schemas.check import CheckResult, ValidationReport
from mmreg.schemas.check_keys import check_keys
from mmreg.schemas.check_spec import CheckSpec
from mmreg.schemas.gate import GateReport, known

KEYS = ("not_null:caption", "row_count", "a name: with, signs")
COUNTS = st.dictionaries(st.sampled_from(KEYS), st.integers(0, 5))
FAILURES = st.dictionaries(st.sampled_from(["pairs", "train"]), COUNTS)
ALL = {"pairs": KEYS, "train": KEYS}


def reports(failures: dict[str, dict[str, int]]) -> list[ValidationReport]:
    return [
        ValidationReport(
            *(dataset, f"{dataset}@v1", "uuid", 9),
            tuple(
                CheckResult("c", "failed" if failed else "passed", "error", 9, failed, "", key=key)
                for key, failed in counts.items()
            ),
        )
        for dataset, counts in failures.items()
    ]


def gate(baseline: Baseline, found: list[ValidationReport]) -> bool:
    return GateReport(tuple(baseline.allow(report) for report in found)).ok


@given(FAILURES, FAILURES)
def test_it_lets_pass_as_many_as_there_were_and_no_more(then: Any, now: Any) -> None:
    baseline = Baseline().updated(reports(then), ALL)
    assert gate(baseline, reports(then))
    more = any(
        failed > then.get(dataset, {}).get(key, 0) for dataset, one in now.items() for key, failed in one.items()
    )
    assert gate(baseline, reports(now)) is not more


@given(FAILURES, FAILURES)
def test_it_tells_to_tighten_until_it_is_updated(then: Any, now: Any) -> None:
    baseline = Baseline().updated(reports(then), ALL)
    tighten = {(one.dataset, one.key, one.allowed, one.failed) for one in baseline.tighten(reports(now), ALL)}
    assert tighten == {
        (dataset, key, allowed, now[dataset][key])
        for dataset, one in then.items()
        for key, allowed in one.items()
        if allowed and now.get(dataset, {}).get(key, allowed) < allowed
    }
    updated = baseline.updated(reports(now), ALL)
    assert not list(updated.tighten(reports(now), ALL)) and updated.updated(reports(now), ALL) == updated


@given(FAILURES)
def test_its_text_is_as_its_schema_says_and_in_one_order(then: Any) -> None:
    baseline = Baseline().updated(reports(then), ALL)
    text = baseline.to_text()
    assert Baseline.from_text(text, "known.json") == baseline
    Draft202012Validator(baseline_schema()).validate(json.loads(text))
    turned = {dataset: dict(reversed(one.items())) for dataset, one in reversed(then.items())}
    assert Baseline().updated(reports(turned), ALL).to_text() == text
    assert text.count("\n") == len(text.splitlines()) and not text.startswith(" ")


def test_checks_that_are_declared_no_longer_leave_it() -> None:
    baseline = Baseline(failures={"pairs": {"row_count": 1, "gone": 2}, "dropped": {"x": 3}})
    assert [(one.dataset, one.key, one.failed) for one in baseline.tighten([], ALL)] == [
        ("pairs", "gone", None), ("dropped", "x", None)
    ]  # fmt: skip
    assert baseline.updated([], ALL).failures == {"pairs": {"row_count": 1}}


@given(COUNTS, COUNTS)
def test_of_several_versions_each_passes(one: Any, other: Any) -> None:
    both = reports({"pairs": one}) + reports({"pairs": other})
    baseline = Baseline().updated(both, ALL)
    assert gate(baseline, both) and not list(baseline.tighten(both, ALL))


def test_too_little_to_say_is_neither_known_nor_forgotten() -> None:
    result = CheckResult("c", "insufficient", "error", 3, 3, "", key="row_count")
    report = ValidationReport("pairs", "pairs@v1", "uuid", 9, (result,))
    baseline = Baseline(failures={"pairs": {"row_count": 5}})
    assert baseline.updated([report], ALL) == baseline and not list(baseline.tighten([report], ALL))
    (allowed,) = baseline.allow(report).results
    assert not known(allowed) and not GateReport((baseline.allow(report),), fail_on="insufficient").ok


@given(st.lists(st.sampled_from(["a", "a#2", "b", None]), max_size=6))
def test_keys_are_unique(names: list[str | None]) -> None:
    keys = check_keys([CheckSpec(check="not_null", name=name, **{"column": "x"}) for name in names])
    assert len(set(keys)) == len(keys) == len(names)


def test_keys_say_what_a_check_is_about() -> None:
    specs = [
        CheckSpec(**declared)
        for declared in (
            {"check": "not_null", "column": "caption"}, {"check": "unique", "columns": ["image", "caption"]},
            {"check": "row_count", "min_value": 1}, {"check": "not_null", "column": "caption", "severity": "warning"},
            {"check": "row_count", "name": "enough"}, {"check": "lineage.not_derived_from", "dataset": "held"},
        )
    ]  # fmt: skip
    assert check_keys(specs) == (
        *("not_null:caption", "unique:image+caption", "row_count", "not_null:caption#2", "enough"),
        "lineage.not_derived_from:held",
    )
