"""A run of checks: what is read for them, what is said of each, and what stays of it."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any

import pytest

from mmreg.errors import NotFound
from mmreg.registry.objects import get_object
from mmreg.registry.validation import run_checks
from mmreg.schemas.check import Place
from mmreg.schemas.check_spec import CheckSpec

PICTURES = """
version: 1
project: pictures
lake: {lake}
datasets:
  pairs:
    source: {{type: imagefolder, path: images}}
    columns: {{image: {{type: image, storage: reference}}, caption: {{type: text, nullable: true}}}}
checks:
  pairs:
    - {{check: image_decodes, column: image}}
    - {{check: not_null, column: caption}}
"""


class Noted:
    """A progress that remembers all it was told."""

    def __init__(self) -> None:
        self.told: list[tuple[Any, ...]] = []

    def start(self, label: str, total: int | None) -> None:
        self.told.append((label.partition(": ")[2], total))

    def advance(self, n: int, errors: int = 0) -> None:
        self.told.append((n,))

    def message(self, text: str) -> None:
        self.told.append((text,))

    def done(self) -> None:
        self.told.append(("done",))


def test_every_result_has_its_key_and_its_place(notes: Callable[..., Any]) -> None:
    made = notes()
    made.declare({"notes": "{check: not_null, column: text}\n{check: not_null, column: text, name: again}"})
    (made.folder / "more").mkdir()
    (made.folder / "more" / "checks.yaml").write_text(
        "checks:\n  kept:\n    - {check: row_count, min_value: 1}\n"
        "    - {check: not_null, column: n}\n    - {check: not_null, column: n, severity: warning}\n"
    )
    text = (made.folder / "mmreg.yaml").read_text()
    (made.folder / "mmreg.yaml").write_text(f"include: [more/checks.yaml]\n{text.lstrip()}")
    made.apply()
    results = {one.key: one for report in made.open().validate() for one in report.results}
    line = (made.folder / "mmreg.yaml").read_text().splitlines().index("  notes:", 10) + 2
    assert {key: one.declared_at for key, one in results.items()} == {
        "not_null:text": Place("mmreg.yaml", line, 7),
        "again": Place("mmreg.yaml", line + 1, 7),
        "row_count": Place("more/checks.yaml", 3, 7),
        "not_null:n": Place("more/checks.yaml", 4, 7),
        "not_null:n#2": Place("more/checks.yaml", 5, 7),
    }


def test_only_some_checks(notes: Callable[..., Any]) -> None:
    made = notes()
    lines = "{check: not_null, column: text}\n{check: range, column: n, max_value: 9}\n{check: row_count, min_value: 1}"
    made.declare({"notes": lines, "kept": "{check: row_count, min_value: 1}"})
    made.apply()
    asked = {
        ("not_null:text",): [["not_null:text"]],
        ("not_null",): [["not_null:text"]],
        ("r*",): [["range:n", "row_count"], ["row_count"]],
        ("range:*", "not_null"): [["not_null:text", "range:n"]],
    }
    for only, keys in asked.items():
        reports = made.open().validate(only=only)
        assert [[one.key for one in report.results] for report in reports] == keys
        facet = made.open().catalog.run(reports[0].run).facets["validation"]
        assert (facet["only"], facet["checks"]) == (list(only), 3)
    with pytest.raises(NotFound, match="no check is called nothing or nobody") as refused:
        made.open().validate(only=("nothing", "nobody"))
    assert refused.value.hint == "mmreg checks"


def test_progress_counts_what_is_read_and_checks_without_columns_read_nothing(
    project: Callable[..., Any], unchecked: Callable[..., None]
) -> None:
    small = project(declaration=PICTURES)
    unchecked(small.folder)
    first, second, third = Noted(), Noted(), Noted()
    small.open().validate("pairs", progress=first)
    assert first.told == [("cells", 6), (6,), ("done",), ("media", 6), (6,), ("done",)]
    small.draw("more")
    unchecked(small.folder)
    small.open().validate("pairs@latest", progress=second)
    assert second.told == [("cells", 1), (1,), ("done",), ("media", 1), (1,), ("done",)]
    row = small.open().latest("pairs")
    specs = [CheckSpec.model_validate({"check": "row_count", "min_value": 8})]
    report = run_checks(small.open(), row, specs, progress=third)
    assert third.told == []
    assert (report.results[0].status, report.results[0].declared_at) == ("failed", None)


def test_media_that_cannot_be_read_today_are_looked_at_again(
    project: Callable[..., Any], unchecked: Callable[..., None]
) -> None:
    small = project(declaration=PICTURES)
    unchecked(small.folder)
    (small.folder / "images" / "003.png").rename(small.folder / "away")
    (report,) = small.open().validate("pairs")
    decodes = report.results[0]
    assert (decodes.failed, [one["reason"] for one in decodes.examples]) == (1, ["its bytes are missing"])
    (small.folder / "away").rename(small.folder / "images" / "003.png")
    (report,) = small.open().validate("pairs")
    assert (report.ok, report.results[0].reused, report.results[1].reused) == (True, 0, 6)
    (report,) = small.open().validate("pairs")
    assert report.results[0].reused == 6
    picture = small.folder / "images" / "002.png"
    whole = picture.read_bytes()
    picture.write_bytes(whole[:40])
    (report,) = small.open().validate("pairs")
    assert (report.results[0].failed, report.results[0].reused) == (1, 0), "it is shorter than it was"
    picture.unlink()
    (report,) = small.open().validate("pairs")
    assert (report.results[0].failed, report.results[0].reused, report.results[1].reused) == (1, 0, 6)
    picture.write_bytes(whole)
    assert small.open().validate("pairs")[0].results[0].reused == 6


def test_without_a_record_nothing_is_written(notes: Callable[..., Any]) -> None:
    made = notes()
    made.declare({"notes": "{check: not_null, column: text}"})
    made.apply()
    before = sorted(path for path in (made.folder / "lake").rglob("*"))
    (report,) = made.open().validate("notes@latest", record=False)
    assert report.run is None and report.results[0].failed
    assert sorted(path for path in (made.folder / "lake").rglob("*")) == before


def test_nothing_that_is_kept_has_a_cell(notes: Callable[..., Any]) -> None:
    words = "planted words, write to planted@example.org, IMG_4711 Ã©"
    made = notes(notes={name: (words, 4710 + number) for number, name in enumerate("abcdefgh")})
    checks = """
    {check: unique, column: text}
    {check: range, column: n, max_value: 1}
    {check: one_of, column: text, values: [others]}
    {check: one_of, column: n, values: [1]}
    {check: matches, column: text, pattern: nothing}
    {check: length, column: text, max_value: 3}
    {check: utf8, column: text}
    {check: boilerplate, column: text, max_share: 0.01}
    {check: pii, column: text}
    {check: quantiles, column: n, at_most: {"0.5": 1}}
    {check: gx.expect_column_values_to_be_in_set, column: text, value_set: [others]}
    {check: gx.expect_column_distinct_values_to_be_in_set, column: text, value_set: [others]}
    {check: gx.expect_column_max_to_be_between, column: n, max_value: 1}
    """
    made.declare({"notes": "\n".join(line.strip() for line in checks.strip().splitlines())})
    made.apply()
    (report,) = made.open().validate("notes@latest")
    assert {result.status for result in report.results} == {"failed"}
    registry = made.open()
    run = registry.catalog.run(report.run)
    kept = [zlib.decompress(get_object(registry.lake.store, one)) for one in run.facets["validation"]["seen"].values()]
    assert len(kept) > 6
    for text in (run.to_json(), *(one.decode() for one in kept)):
        assert "planted" not in text and "4711" not in text and "Ã©" not in text, text


def test_a_mixture_is_read_root_by_root(notes: Callable[..., Any]) -> None:
    made = notes()
    made.declare({"both": "{check: range, column: n, max_value: 5, examples: 9}"})
    made.apply()
    (report,) = made.open().validate("both@latest")
    result = report.results[0]
    assert (result.examined, result.failed) == (16, 4)
    assert sorted(one["value"] for one in result.examples) == ["6", "6", "7", "7"]
    made.rows["others"]["more"] = ("more", 8)
    made.apply()
    (report,) = made.open().validate("both@latest")
    assert report.results[0].reused >= 8, "the rows of the root in which nothing changed"
