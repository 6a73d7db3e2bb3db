"""Each reason for which a version is kept, alone."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import lance
import pytest

from mmreg.registry.gc import gc, needed
from mmreg.registry.gc.retention import Retention, retention_of
from mmreg.registry.leases import lease
from mmreg.registry.runs import write_run
from mmreg.schemas.document import parse_project

Fates = Callable[..., dict[str, list[str]]]
DAY_S = 86_400


def test_the_newest_versions_and_what_they_refer_to_stay_and_the_others_go(notes: Any, fates: Fates) -> None:
    report = notes.open().gc()
    assert fates(report) == {
        "kept@v2": ["newest"], "kept@v1": [],
        "notes@v4": ["newest", "pinned"], "notes@v3": [], "notes@v2": [], "notes@v1": [],
    }  # fmt: skip
    assert (report.kept, report.removed, report.applied, report.runs) == (2, 4, False, ())
    assert {place[1] for place in needed(notes.open()) if place[0] == "notes"} == {4}


def test_what_was_promoted_stays_with_what_it_refers_to(notes: Any, fates: Fates) -> None:
    notes.open().promote("kept@v1")
    found = fates(notes.open().gc())
    assert found["kept@v1"] == ["promoted"]
    assert found["notes@v2"] == ["pinned"]
    assert found["notes@v1"] == found["notes@v3"] == []


def test_a_tag_of_a_person_keeps_a_version(notes: Any, fates: Fates) -> None:
    notes.open().lake.table("notes").tags.create("paper", 3)
    assert fates(notes.open().gc())["notes@v3"] == ["tag"]


def test_what_a_model_was_trained_on_stays_and_what_only_a_failure_read_does_not(notes: Any, fates: Fates) -> None:
    weights = notes.folder / "weights.bin"
    weights.write_bytes(b"weights")
    with pytest.raises(RuntimeError), notes.open().training("broken", ["notes@v1"]):
        raise RuntimeError("no memory left")
    notes.open().train_record("made", ["kept@v1"], weights)
    found = fates(notes.open().gc())
    assert (found["kept@v1"], found["notes@v2"], found["notes@v1"]) == (["trained"], ["pinned"], [])
    (told,) = [v.reasons[0].told for v in notes.open().gc().versions if v.ref == "kept@v1"]
    assert told.startswith("model made@") and told.endswith("was trained on it")


def test_what_something_was_measured_on_stays(notes: Any, fates: Fates) -> None:
    weights = notes.folder / "weights.bin"
    weights.write_bytes(b"weights")
    registry = notes.open()
    registry.model_add(weights, "scorer")
    registry.eval_record("scorer", "notes@v1", {"accuracy": 0.5})
    with registry.training("again", ["notes@v4"]) as job:
        assert len(job.evaluate_on("notes@v2")) == 2
        job.save(weights)
    found = fates(notes.open().gc())
    assert (found["notes@v1"], found["notes@v2"]) == (["evaluated"], ["evaluated"])


def test_retention_counts_versions_and_days_since_they_were_the_newest(notes: Any, fates: Fates) -> None:
    file = notes.folder / "mmreg.yaml"
    text = file.read_text()
    file.write_text(text.replace("{keep_days: 0}", "{keep_days: 0, keep_versions: 2}"))
    assert [ref for ref, why in fates(notes.open().gc()).items() if why == ["retention"]] == ["kept@v1", "notes@v3"]
    file.write_text(text.replace("retention: {keep_days: 0}", ""))
    kept = fates(notes.open().gc())
    assert all("retention" in why for why in (kept["notes@v1"], kept["notes@v3"], kept["kept@v1"]))
    later = fates(gc(notes.open(), at=time.time() + 31 * DAY_S))
    assert [ref for ref, why in later.items() if why] == ["kept@v2", "notes@v4"]


def test_retention_is_declared_for_a_root_a_pass_and_the_project() -> None:
    spec = parse_project(
        "version: 1\nproject: p\nretention: {keep_days: 7}\n"
        "datasets: {d: {source: {type: jsonl, path: x}, columns: {a: {type: int}}, retention: {keep_versions: 3}}}\n"
        "passes: {f: {from: d, into: e, use: filter, where: a > 1, retention: {keep_days: 0.5}}}\n",
        "mmreg.yaml",
    )
    asked = [retention_of(spec, name) for name in ("d", "e", "elsewhere")]
    assert asked == [Retention(3, 7), Retention(1, 0.5), Retention(1, 7)]


def test_somebody_at_work_keeps_what_was_the_newest_since_they_began(notes: Any, say: Any, fates: Fates) -> None:
    store = notes.open().lake.store
    with lease(store, "other.stats"):
        assert all(
            "lease" in why for ref, why in fates(notes.open().gc()).items() if ref not in ("notes@v4", "kept@v2")
        )
        file = notes.folder / "lake" / "_mmreg" / "leases" / "other.stats.json"
        facts = json.loads(file.read_text())
        file.write_text(json.dumps({**facts, "since": time.time() + 2 * 3600}))
        say(notes, ["a"])
        notes.apply()
        late = fates(notes.open().gc())
        assert "lease" not in {why for reasons in late.values() for why in reasons}, "it began after all of this"
        file.write_text(json.dumps({key: value for key, value in facts.items() if key != "since"}))
        assert all("lease" in why or "newest" in why for why in fates(notes.open().gc()).values()), (
            "it did not say when"
        )
    assert "lease" not in str(fates(notes.open().gc()))


def test_upkeep_and_archiving_keep_nothing(notes: Any, fates: Fates) -> None:
    before = fates(notes.open().gc())
    with lease(notes.open().lake.store, "upkeep.notes"), lease(notes.open().lake.store, "_runs"):
        assert fates(notes.open().gc()) == before


def test_a_reader_keeps_exactly_what_it_reads(notes: Any, fates: Fates) -> None:
    with notes.open().open_version("kept@v1").held():
        found = fates(notes.open().gc())
        assert (found["kept@v1"], found["notes@v2"]) == (["lease"], ["lease", "pinned"])
        assert found["notes@v1"] == found["notes@v3"] == []


def test_a_training_under_way_keeps_what_it_reads(notes: Any, fates: Fates) -> None:
    weights = notes.folder / "weights.bin"
    weights.write_bytes(b"weights")
    with notes.open().training("long", ["notes@v1"]) as job:
        assert fates(notes.open().gc())["notes@v1"] == ["lease"]
        job.save(weights)
    assert fates(notes.open().gc())["notes@v1"] == ["trained"]


def test_work_that_a_crash_cut_short_keeps_where_it_goes_on_from(project: Callable[..., Any], fates: Fates) -> None:
    """A pass over a derived dataset that published its columns in the root, and not yet the derived dataset."""
    small = project()
    small.apply("pairs", "light", "words", "keep")
    before = small.copy(small.folder.with_name("before"))
    small.apply("grade")
    registry = small.open()
    (run,) = [run for run in registry.runs("pass") if run.job.name == "grade"]
    shutil.rmtree(small.folder / "lake" / "train.lance")
    shutil.copytree(before.folder / "lake" / "train.lance", small.folder / "lake" / "train.lance")
    for file in (small.folder / "lake" / "_mmreg" / "runs").rglob(f"{run.id}*"):
        file.unlink()
    write_run(registry.lake.store, replace(run, outputs=run.outputs[:1]))
    shutil.rmtree(small.folder / ".mmreg")
    lance.dataset(registry.lake.table_uri("pairs")).create_scalar_index("caption", "BTREE")
    assert run.outputs[0].ref == "pairs@v4"
    late = gc(small.open(), at=time.time() + 40 * DAY_S)
    assert fates(late)["pairs@v4"] == ["unfinished"]
    small.open().doctor()
    assert fates(gc(small.open(), at=time.time() + 40 * DAY_S))["pairs@v4"] == ["pinned"]


def test_a_version_that_nobody_recorded_is_not_touched(notes: Any, tmp_path: Path) -> None:
    import pyarrow as pa

    uri = str(notes.folder / "lake" / "theirs.lance")
    for _ in range(2):
        lance.write_dataset(pa.table({"a": [1]}), uri, mode="overwrite")
    kept = [v for v in notes.open().gc("theirs").versions]
    assert [[reason.kind for reason in v.reasons] for v in kept] == [["unrecorded"], ["newest", "unrecorded"]]
    assert notes.open().gc("theirs", apply=True).runs == ()
    assert lance.dataset(uri, version=1).count_rows() == 1
