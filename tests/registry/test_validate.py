"""Write, audit, publish: checks find, results are recorded, and only what passes is what a bare name means."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from mmreg.errors import NotFound

MORE_CHECKS = """
    - {check: image_decodes, column: image}
    - {check: row_count, min_value: 1}
    - {check: lineage.single_generation, column: n_words}
"""


@pytest.fixture
def checked(project: Callable[..., Any]) -> Any:
    small = project()
    with (small.folder / "mmreg.yaml").open("a") as file:
        file.write(MORE_CHECKS.lstrip("\n"))
    return small


def test_a_good_version_passes_is_recorded_and_promoted(checked: Any) -> None:
    checked.apply()
    registry = checked.open()
    (report,) = registry.validate()
    assert report.ok
    assert [r.check for r in report.results] == ["not_null", "image_decodes", "row_count", "lineage.single_generation"]
    assert report.run is not None
    assert registry.catalog.run(report.run).facets["validation"]["ok"] is True
    assert registry.promote("train").ok
    assert registry.show("train").promoted
    checked.draw("more", "two words")
    checked.apply()
    assert checked.open().show("train").ref == report.version, "the bare name means what was promoted"
    assert checked.open().show("train@latest").ref != report.version


def test_a_bad_version_is_not_promoted(checked: Any) -> None:
    whole = (checked.folder / "images" / "001.png").read_bytes()
    (checked.folder / "images" / "cut.png").write_bytes(whole[: len(whole) // 2])
    (checked.folder / "images" / "cut.txt").write_text("half a picture")
    checked.apply()
    registry = checked.open()
    report = registry.promote("train")
    assert not report.ok
    (failed,) = [r for r in report.results if r.status == "failed"]
    assert (failed.check, failed.failed, failed.examined) == ("image_decodes", 1, 5)
    assert len(failed.examples[0]["sample_id"]) == 32
    assert not registry.show("train@latest").promoted


def test_checks_on_what_was_never_made_say_so(checked: Any) -> None:
    checked.apply("pairs")
    with pytest.raises(NotFound, match="train has checks, but no version yet") as failed:
        checked.open().validate()
    assert failed.value.hint == "mmreg apply"
