"""Clean-up does what it says, and nothing besides."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from mmreg.errors import NotFound, UsageError
from mmreg.registry.clean import remove_versions
from mmreg.registry.gc import gc
from mmreg.registry.gc.apply import _record
from mmreg.registry.gc.leftovers import STAGED
from mmreg.registry.leases import lease
from mmreg.registry.objects import get_object, put_object
from mmreg.registry.runs import iter_runs
from mmreg.schemas.progress import Quiet

DAY_S = 86_400


def on_disk(small: Any, part: str = "") -> dict[str, int]:
    """The sizes of all files of the lake, or of a part of it."""
    lake = small.folder / "lake"
    return {str(file.relative_to(lake)): file.stat().st_size for file in (lake / part).rglob("*") if file.is_file()}


def tables(small: Any) -> dict[str, int]:
    return {name: size for name, size in on_disk(small).items() if not name.startswith("_mmreg")}


def aged(file: Path, data: bytes = b"left", days: float = 8) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data)
    os.utime(file, (time.time() - days * DAY_S,) * 2)
    return file


def test_it_does_exactly_what_it_planned(notes: Any, rows: Callable[..., Any]) -> None:
    kept = {ref: rows(notes.open(), ref) for ref in ("notes@v4", "kept@v2")}
    plan, before = notes.open().gc(), tables(notes)
    done = notes.open().gc(apply=True)
    assert replace(done, applied=False, runs=()) == plan
    gone = {name: size for name, size in before.items() if name not in tables(notes) and "/_refs/" not in name}
    assert sum(gone.values()) == plan.frees_bytes > 0
    assert len(notes.open().lake.versions_on_disk("notes")) == len(notes.open().lake.versions_on_disk("kept")) == 1
    for ref, there in kept.items():
        assert rows(notes.open(), ref) == there
    assert notes.open().doctor().findings == ()
    again = notes.open().gc(apply=True)
    assert (again.removed, again.frees_bytes, again.runs) == (0, 0, ())


def test_shared_bytes_are_told_apart_and_freed_when_the_last_holder_goes(notes: Any, say: Callable[..., None]) -> None:
    say(notes, ["other"])
    notes.apply()
    report = notes.open().gc()
    own = sum(version.own_bytes for version in report.versions if not version.keep)
    assert own < report.frees_bytes < own + sum(v.shared_bytes for v in report.versions if not v.keep)
    first = next(version for version in report.versions if version.ref == "notes@v1")
    assert first.own_bytes > 0 and first.shared_bytes > 0


def test_what_was_removed_says_by_whom_and_lineage_knows_it_still(notes: Any) -> None:
    registry = notes.open()
    lineage = {ref: registry.lineage(ref, "up") for ref in ("kept@v1", "notes@v2")}
    sample = str(registry.head("kept@v1")[0]["sample_id"])
    why = registry.why("kept@v2", sample)
    runs = {run.id: run.to_json() for run in registry.runs()}
    done = notes.open().gc(apply=True)
    for again in range(2):
        registry = notes.open()
        removed = {entry.ref: entry.removed_by for name in ("kept", "notes") for entry in registry.log(name)}
        assert {ref for ref, by in removed.items() if by} == {"kept@v1", "notes@v1", "notes@v2", "notes@v3"}
        assert set(removed.values()) == {"", *done.runs}
        for look in (registry.show, registry.head, registry.open_version, partial(registry.diff, "notes")):
            with pytest.raises(NotFound, match="notes@v1 was removed from the lake by run") as failed:
                look("notes@v1")
            assert failed.value.hint == "mmreg log notes"
        with pytest.raises(NotFound, match="was removed"):
            registry.promote("kept@v1")
        assert {ref: registry.lineage(ref, "up") for ref in lineage} == lineage
        told = registry.why("kept@v1", sample)
        assert told.kept and told.decisions[0].version == "kept@v1"
        assert registry.why("kept@v2", sample).decisions == why.decisions
        assert {run.id: run.to_json() for run in registry.runs()}.items() >= runs.items()
        assert {run.id for run in iter_runs(registry.lake.store)} == {run.id for run in registry.runs()}
        if not again:
            shutil.rmtree(notes.folder / ".mmreg")
            assert notes.open().rebuild() == len(runs) + len(done.runs)


def test_one_dataset_is_cleaned_for_itself(notes: Any, fates: Callable[..., Any]) -> None:
    """What versions of other datasets refer to stays, also where those could go."""
    assert fates(notes.open().gc("notes")) == {
        "notes@v4": ["newest", "pinned"], "notes@v3": [], "notes@v2": ["pinned"], "notes@v1": [],
    }  # fmt: skip
    notes.open().gc("notes", apply=True)
    assert len(notes.open().open_version("kept@v1").to_arrow()) == 1
    notes.open().gc("kept", apply=True)
    assert fates(notes.open().gc("notes"))["notes@v2"] == []
    with pytest.raises(NotFound, match="did you mean 'notes'"):
        notes.open().gc("note")


def test_runs_are_archived_before_anything_goes(notes: Any) -> None:
    assert list((notes.folder / "lake" / "_mmreg" / "runs").rglob("*.json"))
    done = notes.open().gc(apply=True)
    left = {file.stem for file in (notes.folder / "lake" / "_mmreg" / "runs").rglob("*.json")}
    assert left == set(done.runs)


def test_a_removal_that_was_killed_is_finished_by_the_next(notes: Any) -> None:
    """After the record, before the first file; and half-way through the files."""
    registry = notes.open()
    doomed = [row for row in registry.catalog.versions("notes") if row.ordinal in (1, 2)]
    _record(registry, "notes", doomed)
    with pytest.raises(NotFound, match="was removed"):
        notes.open().head("notes@v1")
    for path in registry.lake.table("notes", 1).tracked_files().read_all().to_pylist():
        if path["version"] == 1 and path["type"] == "transaction file":
            os.unlink(notes.folder / "lake" / "notes.lance" / path["path"])
    plan = notes.open().gc()
    assert {v.ref for v in plan.versions if not v.keep} == {"notes@v1", "notes@v2", "notes@v3", "kept@v1"}
    notes.open().gc(apply=True)
    assert notes.open().lake.versions_on_disk("notes") == [4]
    entries = {entry.ref: entry.removed_by for entry in notes.open().log("notes")}
    assert entries["notes@v1"] == entries["notes@v2"] != entries["notes@v3"]
    assert notes.open().doctor().findings == ()


def test_a_reader_that_comes_while_clean_up_is_at_it_waits_or_is_told(notes: Any) -> None:
    registry = notes.open()
    reader = registry.open_version("notes@v1")
    with lease(registry.lake.store, "upkeep.notes"):
        remove_versions(registry.lake, "notes", [1])
    with pytest.raises(NotFound, match="notes@v1: Lance version 1 of notes is not in the lake any more"), reader.held():
        raise AssertionError("held what is gone")
    assert not list(registry.lake.store.list("_mmreg/leases"))


def test_who_comes_between_plan_and_removal_is_seen(notes: Any) -> None:
    reader = notes.open().open_version("notes@v1")
    with ExitStack() as holds:

        class Comes(Quiet):
            """Somebody begins to read when clean-up says that it begins."""

            def start(self, label: str, total: int | None) -> None:
                holds.enter_context(reader.held())

        registry = notes.open()
        registry.gc(apply=True, progress=Comes())
        assert registry.lake.versions_on_disk("notes") == [1, 4]
        assert len(reader.to_arrow()) == 2
    assert "notes@v1" not in {entry.ref for entry in registry.log("notes") if entry.removed_by}


def test_two_clean_ups_at_once_take_turns(notes: Any) -> None:
    with ThreadPoolExecutor(2) as pool:
        reports = list(pool.map(lambda _: notes.open().gc(apply=True), range(2)))
    assert sorted(report.removed for report in reports) == [0, 4]
    assert len(notes.open().runs("maintenance")) == 2


def test_a_pin_is_released_however_often(notes: Any) -> None:
    registry = notes.open()
    (row, *_) = registry.catalog.versions("notes")
    registry.pin("notes", row.uuid, row.lance_version)
    assert f"mmreg-{row.uuid}" in registry.lake.table("notes").tags.list()
    for _ in range(2):
        registry.unpin("notes", row.uuid, "never there")
        assert f"mmreg-{row.uuid}" not in registry.lake.table("notes").tags.list()


def test_a_writer_beside_clean_up_loses_nothing(notes: Any, say: Callable[..., None]) -> None:
    writer = notes.python(
        """
        import json, pathlib, sys
        from mmreg.curation.apply import apply
        from mmreg.registry.api import Registry
        for number in range(3):
            lines = [json.dumps({"name": f"n{n}", "text": "x" * (n + number)}) + "\\n" for n in range(4)]
            pathlib.Path("notes.jsonl").write_text("".join(lines))
            apply(Registry.open("."))
        """
    )
    removed = 0
    while writer.poll() is None:
        removed += notes.open().gc(apply=True).removed
    _, errors = writer.communicate()
    assert writer.returncode == 0, errors
    removed += notes.open().gc(apply=True).removed
    assert removed > 3
    assert [row["text"] for row in notes.open().query("notes@latest")] == ["x" * (n + 2) for n in range(4)]
    assert notes.open().doctor().findings == ()
    for name in ("notes", "kept"):
        there = [entry.ref for entry in notes.open().log(name) if not entry.removed_by]
        assert len(there) == len(notes.open().lake.versions_on_disk(name)) == 1
        assert notes.open().open_version(there[0]).to_arrow().num_rows


LEFT = {
    "notes.lance/data/0101.lance": "files that no version names",
    "notes.lance/_deletions/0-1-2.arrow": "files that no version names",
    "notes.lance/_transactions/9-9.txn": "files that no version names",
    "notes.lance/_versions/18446744073709551612.manifest#1": "temporary files",
    "notes.lance/_transactions/.tmp_9-9.txn_x": "temporary files",
    "notes.lance/_refs/tags/.tmp_x": "temporary files",
    "notes.lance/_refs/tags/x.json.tmp.1": "temporary files",
    "_mmreg/runs/2026-01-01/.tmp-12-ab": "temporary files",
    "_mmreg/runs.lance/_transactions/.tmp_1.txn": "temporary files",
    "_mmreg/probe/ab-plain": "probes of the store",
    f"_mmreg/objects/ab/{'ab' * 32}": "objects that no run names",
    "_mmreg/decisions/kept/20260101T000000.000000Z-00.parquet": "decisions that no run names",
    "_mmreg/stage/notes/gone/00000000000000ab/1-0-1-ab.arrow": STAGED,
    "never.lance/data/0101.lance": "a table without a version",
}  # fmt: skip


def test_each_known_leftover_goes_after_a_week_and_waits_until_then(notes: Any) -> None:
    notes.open().gc(apply=True)
    before = on_disk(notes)
    for number, name in enumerate(LEFT):
        aged(notes.folder / "lake" / name, b"x" * (number + 1), days=6.9)
    waiting = notes.open().gc()
    assert {left.what for left in waiting.leftovers} == set(LEFT.values())
    assert all(left.waiting and left.why == "younger than a week" for left in waiting.leftovers)
    assert (sum(left.bytes for left in waiting.leftovers), waiting.frees_bytes) == (sum(range(1, len(LEFT) + 1)), 0)
    assert notes.open().gc(apply=True).runs == ()
    assert on_disk(notes).keys() == before.keys() | LEFT.keys()
    for number, name in enumerate(LEFT):
        aged(notes.folder / "lake" / name, b"x" * (number + 1), days=7.1)
    with lease(notes.open().lake.store, "other.stats"):
        beside = notes.open().gc(apply=True)
        assert all(left.waiting and left.why.endswith("is at work on other.stats") for left in beside.leftovers)
        assert on_disk(notes).keys() >= LEFT.keys()
    done = notes.open().gc(apply=True)
    assert done.frees_bytes == sum(range(1, len(LEFT) + 1))
    assert not on_disk(notes).keys() & LEFT.keys()
    (run,) = [notes.open().catalog.run(id) for id in done.runs]
    assert (run.job.kind, run.job.name) == ("maintenance", "lake")
    assert sum(left["bytes"] for left in run.facets["gc"]["leftovers"]) == done.frees_bytes
    assert notes.open().doctor().findings == ()


def test_what_runs_name_and_what_a_pass_goes_on_from_is_no_leftover(notes: Any) -> None:
    store = notes.open().lake.store
    named = {name for name in on_disk(notes) if name.startswith(("_mmreg/objects", "_mmreg/decisions"))}
    assert any("objects" in name for name in named) and any("decisions" in name for name in named)
    digest = put_object(store, b"what an erasure put in the place of something")
    store.put("_mmreg/erasures/e.json", json.dumps({"replaced": {"x": digest}}).encode())
    staged = "_mmreg/stage/notes/stats/00000000000000ab/1-0-1-ab.arrow"
    for name in [*named, f"_mmreg/objects/{digest[:2]}/{digest}"]:
        os.utime(notes.folder / "lake" / name, (1, 1))
    aged(notes.folder / "lake" / staged)
    assert not [left for left in notes.open().gc(apply=True).leftovers if left.place == "lake"]
    assert get_object(store, digest) and on_disk(notes).keys() >= {staged, *named}


def test_what_a_pass_staged_and_published_is_a_leftover(notes: Any) -> None:
    (run, *_) = notes.open().runs("pass")
    name = f"_mmreg/stage/notes/stats/{int(run.facets['pass']['generation'], 16):016x}/1-0-1-ab.arrow"
    aged(notes.folder / "lake" / name)
    (left,) = notes.open().gc(apply=True).leftovers
    assert (left.what, left.waiting) == (STAGED, False)
    assert name not in on_disk(notes)


def test_beside_work_a_table_with_old_stray_files_is_left_as_it_is(notes: Any) -> None:
    """Lance's own clean-up takes them with any version, and they may belong to who is at work."""
    stray = aged(notes.folder / "lake" / "notes.lance" / "data" / "0101.lance")
    file = notes.folder / "lake" / "_mmreg" / "leases" / "other.json"
    with lease(notes.open().lake.store, "other"):
        facts = json.loads(file.read_text())
        file.write_text(json.dumps({**facts, "since": time.time() + 7200}))  # which keeps no version by itself
        report = notes.open().gc(apply=True)
        assert {v.ref for v in report.versions if not v.keep} == {"kept@v1"}
        assert all(v.reasons for v in report.versions if v.keep)
        assert stray.exists()
    assert notes.open().gc(apply=True).removed == 3
    assert not stray.exists()


def dropped(notes: Any) -> None:
    file = notes.folder / "mmreg.yaml"
    text = file.read_text()
    file.write_text(text[: text.index("  keep:")])
    from mmreg.curation.drop import drop

    drop(notes.open(), "kept")


def test_a_dropped_dataset_goes_after_a_week(notes: Any, fates: Callable[..., Any]) -> None:
    declared = (notes.folder / "mmreg.yaml").read_text()
    dropped(notes)
    assert fates(notes.open().gc())["kept@v2"] == ["newest"]
    runs = {run.id for run in notes.open().runs()}
    later = time.time() + 8 * DAY_S
    plan = gc(notes.open(), at=later)
    assert [ref for ref, why in fates(plan).items() if why] == ["notes@v4"]
    before = tables(notes)
    done = gc(notes.open(), apply=True, at=later)
    assert replace(done, applied=False, runs=()) == plan
    gone = {name: size for name, size in before.items() if name not in tables(notes)}
    released = sum(size for name, size in gone.items() if name.startswith("notes.lance/_refs"))
    assert sum(gone.values()) - released == plan.frees_bytes
    assert not (notes.folder / "lake" / "kept.lance").exists()
    assert {run.id for run in notes.open().runs()} == runs | set(done.runs)
    assert [node.ref for node in notes.open().lineage("kept@v2", "up").nodes if node.kind == "version"]
    with pytest.raises(NotFound, match="kept@v2 was removed"):
        notes.open().head("kept@v2")
    assert notes.open().doctor().findings == ()
    (notes.folder / "mmreg.yaml").write_text(declared)
    with pytest.raises(UsageError, match=f"kept was dropped, and run {done.runs[-1]} has removed it"):
        notes.apply()
    assert notes.open().ls()[0].name == "notes"


def test_a_dropped_dataset_that_a_model_was_trained_on_stays(notes: Any, fates: Callable[..., Any]) -> None:
    dropped(notes)
    weights = notes.folder / "weights.bin"
    weights.write_bytes(b"weights")
    notes.open().train_record("late", ["kept@v1"], weights)
    later = time.time() + 8 * DAY_S
    found = fates(gc(notes.open(), apply=True, at=later))
    assert (found["kept@v1"], found["kept@v2"]) == (["trained"], ["newest"])
    assert len(notes.open().open_version("kept@v1").to_arrow()) == 1


def test_the_removal_of_a_dropped_dataset_that_was_killed_is_finished_by_the_next(notes: Any) -> None:
    dropped(notes)
    shutil.rmtree(notes.folder / "lake" / "kept.lance" / "_versions")
    for file in (notes.folder / "lake" / "kept.lance").rglob("*.lance"):
        os.utime(file, (1, 1))
    for file in (notes.folder / "lake" / "kept.lance").rglob("*.txn"):
        os.utime(file, (1, 1))
    notes.open().gc(apply=True)
    assert not (notes.folder / "lake" / "kept.lance").exists()


def test_a_lake_on_an_object_store_is_cleaned_as_well(make_notes: Callable[..., Any], s3_lake: Any) -> None:
    notes = make_notes(lake=s3_lake())
    store = notes.open().lake.store
    before = {entry.key: entry.size for entry in store.scan("")}
    done = notes.open().gc(apply=True)
    after = {entry.key for entry in store.scan("")}
    gone = {key: size for key, size in before.items() if key not in after and not key.startswith("_mmreg")}
    assert sum(size for key, size in gone.items() if "/_refs/" not in key) == done.frees_bytes > 0
    assert notes.open().lake.versions_on_disk("notes") == [4]
    assert len(notes.open().open_version("kept").to_arrow()) == 2
