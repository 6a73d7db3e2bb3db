"""Compaction: fewer fragments and files, nothing stale, and whatever was there is there."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lance
import pyarrow as pa
import pytest

from mmreg.curation.plan import plan
from mmreg.errors import UsageError
from mmreg.registry.compact import archive
from mmreg.registry.compact import plan as steps
from mmreg.registry.compact.compact import compact, plan_compaction
from mmreg.registry.compact.indexes import check_indexes
from mmreg.registry.doctor import doctor
from mmreg.registry.operations import rewrite as rewriting
from mmreg.registry.runs import iter_runs, open_archive

Project = Any


def grown(make: Callable[..., Project], turns: int = 2, **options: Any) -> Project:
    """A project whose root has a fragment for every time that pictures came, deleted rows, and files of passes."""
    made = make(images=4, **options)
    made.apply()
    for turn in range(turns):
        made.draw(f"more{turn}", f"another {turn} picture")
        if turn == 1:
            made.erase("001")
        made.apply()
    return made


def contents(registry: Any, rows: Any) -> dict[str, Any]:
    return {summary.name: rows(registry, f"{summary.name}@latest") for summary in registry.ls()}


def planned(made: Project) -> set[str]:
    return {step.action for step in plan(made.open()).steps}


def test_nothing_is_lost_and_nothing_is_stale(project: Callable[..., Project], rows: Any, lake: Any) -> None:
    made = grown(project, turns=2, lake=lake)
    registry = made.open()
    before, calls = contents(registry, rows), made.calls()
    report = compact(registry)
    assert report.ok, report
    [pairs] = report.datasets
    assert (pairs.before.fragments, pairs.after.fragments, pairs.after.files) == (3, 1, 1)
    assert (pairs.before.deleted_rows, pairs.after.deleted_rows) == (1, 0)
    assert contents(made.open(), rows) == before
    assert planned(made) == {"nothing"}
    assert {step.outcome for step in made.apply().steps} == {"unchanged"}
    assert made.calls() == calls
    assert doctor(made.open()).ok


def test_a_plan_afterwards_reads_no_row(project: Callable[..., Project]) -> None:
    made = grown(project)
    compact(made.open())
    made.draw("yet", "yet another picture")
    made.apply()
    compact(made.open())
    data = made.folder / "lake" / "pairs.lance" / "data"
    data.rename(data.with_name("elsewhere"))
    steps = {step.name: step.action for step in plan(made.open(), ["pairs", "light", "words", "keep"]).steps}
    assert set(steps.values()) == {"nothing"}, steps


def test_what_changes_afterwards_is_seen(project: Callable[..., Project]) -> None:
    made = grown(project)
    compact(made.open())
    calls = len(made.calls())
    made.draw("002", "these are other words", seed=5)
    report = made.apply()
    computed = {step.name: step.computed for step in report.steps if step.kind == "pass"}
    assert computed["light"] == computed["words"] == 1
    assert len(made.calls()) > calls
    assert planned(made) == {"nothing"}


def test_a_plan_is_what_is_done_and_a_second_time_nothing(project: Callable[..., Project]) -> None:
    made = grown(project)
    foretold = plan_compaction(made.open(), ["pairs"])
    versions = len(made.open().log("pairs"))
    assert foretold.planned
    assert len(made.open().log("pairs")) == versions
    done = compact(made.open(), ["pairs"])
    assert [each.steps for each in done.datasets] == [each.steps for each in foretold.datasets]
    assert len(made.open().log("pairs")) == versions + len(done.datasets[0].steps)
    newest = made.open().log("pairs")[0]
    run = made.open().catalog.run(newest.run)
    assert (run.job.kind, run.job.name) == ("maintenance", "pairs")
    assert run.facets["compact"]["fragments"] == [3, 1]
    assert compact(made.open(), ["pairs"]).datasets[0].steps == ()
    assert len(made.open().log("pairs")) == versions + len(done.datasets[0].steps)


def test_selections_need_none(project: Callable[..., Project]) -> None:
    made = grown(project, turns=1)
    with pytest.raises(UsageError, match="written whole"):
        compact(made.open(), ["train"])


def test_a_copied_lake_knows_the_same(project: Callable[..., Project], tmp_path: Path, answers: Any) -> None:
    made = grown(project)
    compact(made.open())
    copied = made.copy(tmp_path / "copied")
    shutil.rmtree(copied.folder / ".mmreg")
    assert answers(copied.open()) == answers(made.open())
    assert planned(copied) == {"nothing"}


def test_packing_leaves_media_where_they_are(
    project: Callable[..., Project], monkeypatch: pytest.MonkeyPatch, rows: Any
) -> None:
    made = project(images=4)
    made.apply()
    monkeypatch.setattr(steps, "MOST_FILES", 1)
    before = contents(made.open(), rows)
    [pairs] = compact(made.open()).datasets
    assert [step.kind for step in pairs.steps] == ["pack"]
    assert (pairs.before.files, pairs.after.files) == (4, 2)
    assert contents(made.open(), rows) == before
    data = made.folder / "lake" / "pairs.lance" / "data"
    data.rename(data.with_name("elsewhere"))
    assert {step.action for step in plan(made.open(), ["pairs", "light", "words", "keep"]).steps} == {"nothing"}


def test_damage_publishes_nothing_and_stops_nothing_else(
    project: Callable[..., Project], monkeypatch: pytest.MonkeyPatch, rows: Any
) -> None:
    made = project(images=2)
    for turn in range(7):  # fragments of 3, 1, 1, 1, 1, 1 and 1 rows
        made.draw(f"more{turn}", f"another {turn} picture")
        made.apply("pairs")
    monkeypatch.setattr(rewriting, "FRAGMENT_ROWS", 3)
    monkeypatch.setattr(steps, "STEP_FRAGMENTS", 2)
    table = lance.dataset(str(made.folder / "lake" / "pairs.lance"))
    fragment = table.get_fragment(max(table.fragment_ids()))
    assert fragment is not None
    file = made.folder / "lake" / "pairs.lance" / "data" / fragment.data_files()[0]._path
    data = file.read_bytes()
    place = data.index(b"IDAT") + 20  # within the picture
    file.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
    before, versions = rows(made.open(), "pairs@latest"), len(made.open().log("pairs"))
    report = compact(made.open())
    assert not report.ok
    [pairs] = report.datasets
    [failure] = pairs.failures
    assert "not what their SHA-256 says" in failure
    assert pairs.steps
    assert len(made.open().log("pairs")) == versions + len(pairs.steps)
    assert rows(made.open(), "pairs@latest") == before
    assert doctor(made.open()).ok


def test_an_index_that_lies_is_told(project: Callable[..., Project]) -> None:
    made = grown(project, turns=1)
    table = lance.dataset(str(made.folder / "lake" / "pairs.lance"))
    table.create_scalar_index("n_words", "BTREE")
    table = lance.dataset(table.uri)
    fragment = table.get_fragments()[0]
    rows = fragment.to_table(columns=["n_words"], with_row_id=True)
    others = pa.table({"_rowid": rows["_rowid"], "n_words": pa.array([41 + n for n in range(len(rows))], pa.int32())})
    metadata, _ = fragment.update_columns(others, left_on="_rowid")
    # Without the fields that it modifies, as a buggy writer might: the index is not told.
    operation = lance.LanceOperation.Update(updated_fragments=[metadata], update_mode="rewrite_columns")
    table = lance.LanceDataset.commit(table.uri, lance.Transaction(table.version, operation))
    [index] = check_indexes(table)
    assert not index.ok
    assert index.wrong > 0
    assert "optimize_indices" in index.rebuild


def test_an_index_is_looked_at_afterwards(project: Callable[..., Project]) -> None:
    made = grown(project)
    table = lance.dataset(str(made.folder / "lake" / "pairs.lance"))
    table.create_scalar_index("n_words", "BTREE")
    report = compact(made.open())
    [index] = report.datasets[0].indexes
    assert (index.ok, index.columns, index.wrong) == (True, ("n_words",), 0)
    assert index.asked > 0


def test_writers_have_their_turn_and_lose_nothing(
    project: Callable[..., Project], monkeypatch: pytest.MonkeyPatch, rows: Any
) -> None:
    monkeypatch.setattr(steps, "STEP_FRAGMENTS", 2)
    monkeypatch.setattr(rewriting, "FRAGMENT_ROWS", 3)
    made = grown(project)
    writer = made.python(
        """
        import sys
        from mmreg.registry.api import Registry
        from mmreg.curation.apply import apply
        print("ready", flush=True)
        sys.stdin.readline()
        report = apply(Registry.open("."))
        print(",".join(step.outcome for step in report.steps))
        """
    )
    assert writer.stdout is not None and writer.stdin is not None
    assert writer.stdout.readline() == "ready\n"
    made.draw("beside", "a picture that came beside")
    writer.stdin.write("go\n")
    writer.stdin.flush()
    report = compact(made.open())
    said, wrong = writer.communicate()
    assert writer.returncode == 0, wrong
    assert report.ok, report
    assert said
    made.apply()
    compact(made.open())
    assert planned(made) == {"nothing"}
    assert len(rows(made.open(), "pairs@latest")) == 6
    assert doctor(made.open()).ok


def test_the_archive_becomes_one_fragment_and_no_run_is_lost(
    project: Callable[..., Project], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "MOST_FRAGMENTS", 2)
    made = grown(project, turns=0)
    for turn in range(3):
        made.draw(f"more{turn}", "another picture")
        made.apply("pairs")
        compact(made.open(), ["pairs"])
    registry = made.open()
    store = registry.lake.store
    known = {run.id for run in registry.runs()}
    table = open_archive(store)
    assert table is not None
    assert len(table.fragment_ids()) <= 2
    assert {run.id for run in iter_runs(store)} == known
    (made.folder / ".mmreg" / "catalog.db").unlink()
    assert {run.id for run in made.open().runs()} == known
