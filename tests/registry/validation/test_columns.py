"""Checks of columns and texts as a project declares them: against its promoted version, and reused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

CHECKS = """
{check: present, column: text, type: text, nullable: false}
{check: row_count_change, max_drop: 0.1}
{check: drift, column: text, severity: warning}
{check: drift, column: n, measure: ks}
{check: quantiles, column: n, at_least: {5%: 1, "0.5": 20}, at_most: {100%: 1000}}
{check: boilerplate, column: text, max_share: 0.6}
{check: language, column: text, languages: [en]}
"""
OTHER = "the others"


def test_against_the_promoted_version(notes: Callable[..., Any]) -> None:
    made = notes()
    made.rows = {"notes": {f"r{i}": (("red one", "blue one")[i % 2], i) for i in range(100)}, "others": {}}
    made.declare({"notes": CHECKS})
    made.apply()
    registry = made.open()
    first = registry.promote("notes@latest")
    assert {result.key for result in first.results if result.status == "failed"} == set()
    unpromoted = [result.status for result in first.results if result.check in ("row_count_change", "drift")]
    assert unpromoted == ["insufficient"] * 3
    assert registry.validate("notes@latest")[0].results[1].message == "100 rows, as many as notes@v1 with 100"

    texts = made.rows["notes"]
    made.rows = {**made.rows, "notes": {f"r{i}": (("red one", OTHER)[i % 2], i + 60) for i in range(len(texts) - 20)}}
    made.apply()
    report = registry.validate("notes@latest")[0]
    found = {result.check + (result.column or ""): result for result in report.results}
    assert found["row_count_change"].message.startswith("80 rows, 20% fewer than notes@v1 with 100: at most 10% may go")
    assert (found["drifttext"].status, found["drifttext"].severity) == ("failed", "warning")
    assert found["drifttext"].histograms[0].labels[:2] == ("blue one", "red one")
    assert (found["driftn"].status, found["driftn"].numbers["ks"]) == ("failed", 0.6)
    assert found["quantilesn"].status == "passed"

    again = registry.validate("notes@latest")[0]
    reused = {result.check: result.reused for result in again.results}
    assert {check for check in reused if reused[check] == 80} == {"present", "quantiles", "language"}
    recorded = registry.catalog.run(again.run).to_json()
    assert "one" not in recorded and "others" not in recorded
