"""Ingest: exactly what moved becomes a version, what cannot be a row is kept as rejected, and nothing is read twice."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mmreg.curation.plan import open_ingest, plan
from mmreg.errors import UsageError
from mmreg.registry.api import Registry
from mmreg.schemas.plan import StepResult

IDENTIFIED = """
version: 1
project: identified
lake: {lake}
datasets:
  pairs:
    source: {{type: jsonl, path: records.jsonl}}
    identity: [key]
    columns:
      key: {{type: string}}
      caption: {{type: text}}
"""


def ingest(project: Any) -> StepResult:
    return project.apply("pairs").steps[0]


def test_a_second_apply_makes_no_version_and_opens_no_media_file(project: Callable[..., Any]) -> None:
    small = project()
    assert ingest(small).outcome == "published"
    for image in (small.folder / "images").glob("*.png"):
        image.chmod(0)  # nobody but root could read them now; root is told by the access time
    before = {p.name: p.stat().st_atime_ns for p in (small.folder / "images").glob("*.png")}
    assert ingest(small).outcome == "unchanged"
    assert before == {p.name: p.stat().st_atime_ns for p in (small.folder / "images").glob("*.png")}
    assert [entry.ref for entry in small.open().log("pairs")] == ["pairs@v1"]


def test_added_changed_and_vanished_records_move_exactly_their_rows(project: Callable[..., Any], rows: Any) -> None:
    small = project()
    ingest(small)
    before = {row["_source"]["uri"]: row for row in rows(small.open(), "pairs@latest").values()}
    small.draw("new", "a new one")
    small.draw("001", "another text", seed=4711)
    small.erase("002")
    result = ingest(small)
    assert result.message == "pairs@v2  1 added, 1 changed, 1 removed"
    after = {row["_source"]["uri"]: row for row in rows(small.open(), "pairs@latest").values()}
    assert set(after) == (set(before) | {"new.png"}) - {"002.png"}
    assert after["001.png"]["caption"] == "another text"
    assert {k for k in before.keys() & after.keys() if before[k] != after[k]} == {"001.png"}


def test_a_touched_file_with_the_same_bytes_is_no_change(project: Callable[..., Any]) -> None:
    small = project()
    ingest(small)
    os.utime(small.folder / "images" / "001.png")
    assert ingest(small).message == "no row changed"
    assert ingest(small).message == "the source is as it was"
    assert len(small.open().log("pairs")) == 1


def test_a_changed_caption_keeps_what_passes_made_of_the_image(project: Callable[..., Any], rows: Any) -> None:
    small = project()
    small.apply()
    calls = len(small.calls())
    small.draw("001", "three words now")
    report = {step.name: step for step in small.apply().steps}
    new = small.calls()[calls:]
    assert new == ["Words three words now"], "the picture is the same: only the text is read again"
    assert (report["light"].outcome, report["words"].computed) == ("unchanged", 1)
    row = next(r for r in rows(small.open(), "pairs@latest").values() if r["_source"]["uri"] == "001.png")
    assert row["brightness"] is not None
    assert row["n_words"] == 3


def test_rows_and_rejected_records_add_up_and_are_listed(project: Callable[..., Any]) -> None:
    small = project()
    images = small.folder / "images"
    (images / "text.png").write_bytes(b"no image at all")
    (images / "gone.png").symlink_to("nowhere.png")
    result = ingest(small)
    shown = small.open().show("pairs@latest")
    assert (shown.rows, shown.rejected, result.rejected) == (6, 2, 2)
    assert dict(shown.rejected_reasons) == {"missing_file": 1, "not_an_image": 1}
    assert [r["source"] for r in shown.rejected_records] == ["gone.png", "text.png"]
    assert ingest(small).outcome == "unchanged", "a rejected record is not read again either"


def test_a_rejected_record_that_is_mended_becomes_a_row(project: Callable[..., Any]) -> None:
    small = project()
    (small.folder / "images" / "late.png").write_bytes(b"not yet")
    ingest(small)
    assert small.open().show("pairs@latest").rejected == 1
    small.draw("late", "here it is")
    assert ingest(small).message == "pairs@v2  1 added"
    shown = small.open().show("pairs@latest")
    assert (shown.rows, shown.rejected) == (7, 0)


def test_only_rejected_records_changed_makes_a_run_but_no_version(project: Callable[..., Any]) -> None:
    small = project()
    ingest(small)
    (small.folder / "images" / "text.png").write_bytes(b"no image")
    assert ingest(small).outcome == "unchanged"
    assert small.open().show("pairs@latest").rejected == 1
    (small.folder / "images" / "text.png").unlink()
    assert ingest(small).outcome == "unchanged"
    assert small.open().show("pairs@latest").rejected == 0
    assert len(small.open().log("pairs")) == 1


def test_by_declared_identity_the_second_record_is_rejected(project: Callable[..., Any]) -> None:
    small = project(images=0, declaration=IDENTIFIED)
    records = small.folder / "records.jsonl"
    lines = [{"key": "a", "caption": "one"}, {"key": "b", "caption": "two"}, {"key": "a", "caption": "three"}]
    records.write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert ingest(small).message == "pairs@v1  2 added, 1 rejected"
    assert dict(small.open().show("pairs@latest").rejected_reasons) == {"duplicate_identity": 1}


def test_by_declared_identity_a_sample_keeps_its_id_when_its_content_changes(
    project: Callable[..., Any], rows: Any
) -> None:
    small = project(images=0, declaration=IDENTIFIED)
    records = small.folder / "records.jsonl"
    records.write_text('{"key": "a", "caption": "one"}\n{"key": "b", "caption": "two"}\n')
    ingest(small)
    before = set(rows(small.open(), "pairs@latest"))
    records.write_text('{"key": "a", "caption": "other"}\n{"key": "b", "caption": "two"}\n')
    ingest(small)
    assert set(rows(small.open(), "pairs@latest")) == before
    assert small.open().diff("pairs@v1", "pairs@v2").cells["caption"] == 1


def test_a_source_that_empties_leaves_an_empty_version_and_can_fill_again(project: Callable[..., Any]) -> None:
    small = project(images=2)
    ingest(small)
    small.erase("000")
    small.erase("001")
    ingest(small)
    assert small.open().show("pairs@latest").rows == 0
    small.draw("again", "back")
    ingest(small)
    assert small.open().show("pairs@latest").rows == 1
    assert small.open().show("pairs@v1").rows == 2


def test_changing_the_declared_type_of_a_column_is_refused_with_the_way_out(project: Callable[..., Any]) -> None:
    small = project()
    ingest(small)
    file = small.folder / "mmreg.yaml"
    file.write_text(file.read_text().replace("caption: {type: text,", "caption: {type: messages,"))
    with pytest.raises(UsageError, match=r"pairs: 'caption' cannot change from string to list<.*") as failed:
        plan(small.open(), ["pairs"])
    assert failed.value.hint == "keep its type, or give the new column another name than 'caption'"
    with pytest.raises(UsageError, match=r"'caption' is declared as .* but is string in the lake"):
        open_ingest(small.open(), "pairs").execute()


def test_changed_limits_read_everything_again(project: Callable[..., Any]) -> None:
    small = project()
    ingest(small)
    file = small.folder / "mmreg.yaml"
    source = "source: {type: imagefolder, path: images}"
    file.write_text(file.read_text().replace(source, source[:-1] + ", limits: {max_pixels: 10}}"))
    ingest(small)
    shown = small.open().show("pairs@latest")
    assert (shown.rows, shown.rejected) == (0, 6)


def test_nothing_absolute_goes_into_the_lake(project: Callable[..., Any], tmp_path: Path) -> None:
    small = project()
    small.apply()
    registry: Registry = small.open()
    registry.promote("train")
    for file in (small.folder / "lake").rglob("*"):
        if file.is_file():
            assert os.fsencode(tmp_path) not in file.read_bytes(), file
