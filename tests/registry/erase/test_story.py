"""Erasing one picture that three derived datasets and two models have used: all of it goes, and nothing else."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mmreg.errors import Conflict, NotApproved, NotFound
from mmreg.registry.api import Registry
from mmreg.schemas.erasure import Asked, ErasurePlan, ErasureReport

NAME = "aiga_up_arrow_"
Erase = Callable[..., ErasureReport]


def sample_of(registry: Registry, ref: str, name: str) -> str:
    ids = {row["name"]: str(row["sample_id"]) for row in registry.query(ref, columns=["sample_id", "name"])}
    return ids[name]


def test_everything_of_it_goes_and_nothing_else(
    clips: Any, record: Callable[..., Any], rows: Any, files_with: Any, erased: Erase
) -> None:
    source, registry = record(NAME), clips.open()
    sample = sample_of(registry, "clips@latest", NAME)
    before = {name: rows(registry, f"{name}@latest") for name in ("clips", "pool", "bright", "signs")}
    everywhere = [clips.folder / "lake", clips.folder / ".mmreg"]
    wanted = source["bytes"], source["description"].encode(), source["title"].encode()
    assert files_with(everywhere, *wanted), "the search would find it"

    planned = registry.erase_plan(Asked(ids=(sample,)))
    assert [(one.dataset, one.sample_id) for one in planned.samples] == [("clips", sample)]
    assert {d.dataset: (d.before, d.after) for d in planned.datasets} == {
        "clips": (7, 6), "pool": (7, 6), "bright": (6, 5), "signs": (6, 5),
    }  # fmt: skip
    assert {model.ref.partition("@")[0] for model in planned.models} == {"clip", "second"}
    assert {v.ref for v in planned.versions if any("model clip" in why for why in v.needed_by)} == {"bright@v1"}
    assert registry.erase_plan(Asked(ids=(sample,))).digest == planned.digest
    assert files_with(everywhere, *wanted), "planning changes nothing"

    report = erased(clips, ids=sample)
    assert files_with(everywhere, *wanted) == []
    assert (report.samples, report.searched.media) == (1, 1)
    assert {model.partition("@")[0] for model in report.models} == {"clip", "second"}
    assert report.searched.files > 40 and report.compared == 6
    registry = clips.open()
    for name, were in before.items():
        were.pop(bytes.fromhex(sample))
        assert rows(registry, f"{name}@latest") == were, f"all other rows of {name} are as they were"
    assert registry.doctor().ok
    assert registry.fsck(deep=True).ok, "what was removed is missed by nobody"
    text = json.dumps([run.to_json() for run in registry.runs()])
    assert source["title"] not in text and source["description"] not in text
    assert "asked for" in text


def test_the_next_apply_keeps_it_out(clips: Any, record: Any, files_with: Any, erased: Erase) -> None:
    erased(clips, where=f"name = '{NAME}'", dataset="clips")
    calls = len(clips.calls())
    for _ in range(2):
        report = clips.apply()
        assert {step.outcome for step in report.steps} == {"unchanged"}
    assert len(clips.calls()) == calls, "nothing is computed again"
    shown = clips.open().show("clips@latest")
    assert (shown.rows, dict(shown.rejected_reasons)) == (6, {"erased": 1})

    # Under another name, with other words: by its bytes.
    source = record(NAME)
    (clips.folder / "data" / "renamed.png").write_bytes(source["bytes"])
    with (clips.folder / "data" / "records.jsonl").open("a") as lines:
        lines.write(json.dumps({"image": "renamed.png", "name": "another", "title": "Quite another picture"}) + "\n")
    clips.apply()
    shown = clips.open().show("clips@latest")
    assert (shown.rows, dict(shown.rejected_reasons)) == (6, {"erased": 2})
    assert files_with([clips.folder / "lake"], source["bytes"], b"Quite another picture", b"renamed.png") == []


def test_why_says_that_it_was_erased(clips: Any, erased: Erase) -> None:
    sample = sample_of(clips.open(), "clips@latest", NAME)
    report = erased(clips, ids=sample)
    for ref in ("clips", "bright", "bright@v1"):
        answer = clips.open().why(ref, sample[:12])
        assert not answer.kept
        assert f"erased by run {report.run}" in answer.answer and "asked for" in answer.answer
    assert clips.open().why("bright", sample_of(clips.open(), "clips", "chat_section")).kept
    [erasure] = [run for run in clips.open().runs("erasure") if run.id == report.run]
    assert erasure.facets["erasure"]["samples"] == {"clips": 1}
    down = clips.open().lineage(f"run:{report.run}", "up")
    assert "clips" in {node.name for node in down.nodes}, "lineage stays"


def test_erased_twice(clips: Any, erased: Erase) -> None:
    sample = sample_of(clips.open(), "clips@latest", NAME)
    report = erased(clips, ids=sample)
    again = clips.open().erase(Asked(ids=(sample,)))
    assert isinstance(again, ErasurePlan)
    assert (again.samples, again.erased_by) == ((), report.run)
    versions = [entry.ref for entry in clips.open().log("clips")]
    assert clips.open().erase_plan(Asked(ids=(sample,))).erased_by == report.run
    assert [entry.ref for entry in clips.open().log("clips")] == versions
    with pytest.raises(NotFound, match="no such sample"):
        clips.open().erase(Asked(dataset="clips", where=f"name = '{NAME}'"))
    with pytest.raises(NotFound, match="no erasure is unfinished"):
        clips.open().erase_resume()


def test_a_plan_that_is_another_by_now(clips: Any) -> None:
    asked = Asked(dataset="clips", where=f"name = '{NAME}'")
    digest = clips.open().erase_plan(asked).digest
    clips.open().promote("clips@v1")
    clips.open().promote("clips@latest")
    moved = clips.open().erase_plan(asked).digest
    assert moved != digest
    with pytest.raises(NotApproved, match=f"no longer the plan {digest}, but {moved}"):
        clips.open().erase(asked, approve=digest)
    assert clips.open().show("clips@latest").rows == 7
    assert isinstance(clips.open().erase(asked, approve=moved), ErasureReport)


def test_what_its_bare_name_meant_moves_along(clips: Any, erased: Erase) -> None:
    registry = clips.open()
    registry.promote("clips@latest")
    registry.promote("signs@latest")
    erased(clips, where=f"name = '{NAME}'", dataset="clips")
    registry = clips.open()
    for name in ("clips", "signs"):
        assert registry.show(name).ref == registry.log(name)[0].ref
        assert registry.log(name)[0].promoted
        assert len(registry.open_version(name)) == (6 if name == "clips" else 5)


def test_what_was_promoted_before_others_has_no_successor(clips: Any, erased: Erase) -> None:
    clips.open().promote("clips@v1")
    report = erased(clips, where=f"name = '{NAME}'", dataset="clips")
    assert any("what clips means (clips@v1) goes" in told for told in report.out_of_reach)
    with pytest.raises(NotFound, match="was removed from the lake"):
        clips.open().open_version("clips")
    assert clips.open().promote("clips@latest").ok
    assert len(clips.open().open_version("clips")) == 6


def test_a_restored_backup_shows_nothing_of_it(
    clips: Any, files_with: Any, record: Any, rows: Any, erased: Erase
) -> None:
    source, sample = record(NAME), sample_of(clips.open(), "clips@latest", NAME)
    backup = clips.folder.parent / "backup"
    shutil.copytree(clips.folder / "lake", backup)
    before = rows(clips.open(), "clips@latest")
    erased(clips, ids=sample)
    shutil.copytree(clips.folder / "lake" / "_mmreg" / "erasures", backup / "_mmreg" / "erasures")
    shutil.rmtree(clips.folder / "lake")
    backup.rename(clips.folder / "lake")
    assert files_with([clips.folder / "lake"], source["bytes"]), "the files are back"

    (clips.folder / ".mmreg" / "catalog.db").unlink()
    before.pop(bytes.fromhex(sample))
    assert rows(clips.open(), "clips@latest") == before, "nobody is shown it"
    assert len(clips.open().open_version("signs@latest")) == 5
    [finding] = [finding for finding in clips.open().doctor().findings if finding.code == "erasure_unfinished"]
    assert "again" in finding.message and finding.hint == "mmreg erase --resume"
    with pytest.raises(Conflict, match="mmreg erase --resume"):  # passes would read it
        clips.apply()
    [report] = clips.open().erase_resume()
    assert report.ok
    clips.apply()
    assert files_with([clips.folder / "lake", clips.folder / ".mmreg"], source["bytes"]) == []
    assert rows(clips.open(), "clips@latest") == before


def test_it_is_found_by_its_digest_and_by_its_address(clips: Any, record: Any) -> None:
    source, registry = record(NAME), clips.open()
    sample = sample_of(registry, "clips@latest", NAME)
    [row] = registry.query("clips@latest", f"name = '{NAME}'", ["_source"])
    for asked in (
        Asked(digests=(hashlib.sha256(source["bytes"]).hexdigest(),)),
        Asked(sources=(row["_source"]["uri"],)),
        Asked(dataset="signs", ids=(sample[:10],)),
        Asked(dataset="signs", where=f"name = '{NAME}'"),
    ):
        assert [one.sample_id for one in registry.erase_plan(asked).samples] == [sample]


def test_files_elsewhere_are_searched(clips: Any, record: Any) -> None:
    reports = clips.folder / "reports"
    reports.mkdir()
    (reports / "page.html").write_bytes(b"<p>" + record(NAME)["description"].encode() + b"</p>")
    (reports / "thumb.bin").write_bytes(b"x" * 1000 + record(NAME)["bytes"])
    done = clips.open().erase(Asked(dataset="clips", where=f"name = '{NAME}'"), scan=[Path(reports)])
    assert isinstance(done, ErasureReport)
    assert {(Path(left.place).name, left.what) for left in done.left} == {
        ("page.html", "1 text"),
        ("thumb.bin", "1 media and 2 texts"),
    }
    assert all("delete this file" in left.hint for left in done.left)
    assert not done.ok
