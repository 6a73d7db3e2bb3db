"""Making a project, showing and comparing versions, and mending what a crash leaves."""

from __future__ import annotations

import gc
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import lance
import pytest

from mmreg.errors import IntegrityError, NotFound, UsageError
from mmreg.registry.api import Registry
from mmreg.registry.init import init_project
from mmreg.registry.lake import Lake
from mmreg.registry.objects import get_object, put_object
from mmreg.registry.runs import write_run


def test_init_makes_a_project_that_plans(tmp_path: Path) -> None:
    made = init_project(tmp_path / "My first project")
    assert (made.written, made.writers) == (True, "many")
    assert made.lake == str(tmp_path / "My first project" / ".mmreg" / "lake")
    file = Path(made.path)
    registry = Registry.open(file.parent)
    assert registry.spec.project == "My-first-project"
    assert registry.ls() == []
    assert (tmp_path / "My first project" / ".gitignore").read_text() == ".mmreg/\n"
    before = file.read_text()
    assert not init_project(file.parent).written
    assert file.read_text() == before, "what is there is kept"
    with pytest.raises(UsageError, match="is there already"):
        init_project(file.parent, name="other")
    init_project(file.parent, name="other", force=True)
    assert Registry.open(file.parent).spec.project == "other"


def test_a_folder_that_is_no_lake_and_a_lake_of_the_future(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="is no lake") as failed:
        Lake.open(str(tmp_path), {})
    assert failed.value.hint == "mmreg init"
    (tmp_path / "mmreg.json").write_text(json.dumps({"lake": "x", "format": 99}))
    with pytest.raises(IntegrityError, match="has lake format 99; this mmreg knows formats up to 2"):
        Lake.open(str(tmp_path), {})


def test_plain_lance_opens_a_root_as_show_says(project: Callable[..., Any]) -> None:
    small = project()
    small.apply()
    registry = small.open()
    for entry in registry.log("pairs"):
        shown = registry.show(entry.ref)
        table = eval(shown.open_with, {"lance": lance})
        assert table.count_rows() == shown.rows
        assert set(table.schema.names) >= {column.name for column in shown.columns}


def test_show_names_the_producer_of_every_column(project: Callable[..., Any]) -> None:
    small = project()
    small.apply()
    shown = small.open().show("train@latest")
    made = {column.name: column.producer for column in shown.columns}
    assert (made["caption"], made["n_words"], made["grade"]) == ("source", "words", "grade")
    assert shown.roots == ("pairs@v4",)


def test_diff_counts_columns_samples_and_cells(project: Callable[..., Any]) -> None:
    small = project()
    small.apply()
    small.draw("new", "two words")
    small.erase("000")
    small.apply()
    registry = small.open()
    found = registry.diff("pairs@v1", "pairs@latest")
    assert (found.samples_added, found.samples_removed) == (1, 1)
    assert set(found.columns_added) == {"brightness", "n_words", "grade"}
    assert set(found.cells.values()) == {0}
    back = registry.diff("pairs@latest", "pairs@v1")
    assert (back.columns_removed, back.examples_added) == (found.columns_added, found.examples_removed)
    own = registry.diff("train@v1", "train@latest")
    assert (own.samples_added, own.samples_removed) == (1, 0)


def test_query_shows_facts_of_media_and_never_their_bytes(project: Callable[..., Any]) -> None:
    small = project()
    small.apply()
    rows = list(small.open().query("pairs@latest", where="n_words = 3", columns=["image", "caption"], limit=2))
    assert [row["caption"] for row in rows] == ["picture number 1", "picture number 2"]
    assert rows[0]["image"].keys() == {"length", "sha256", "format", "width", "height", "mode"}
    assert len(small.open().head("pairs", 4)) == 4


def test_doctor_writes_what_a_crash_left_out(project: Callable[..., Any]) -> None:
    small = project()
    small.apply()
    lake = small.folder / "lake"
    log = small.open().log("pairs")
    for file in (lake / "_mmreg" / "runs").rglob("*.json"):
        if any(output["dataset"] == "pairs" for output in json.loads(file.read_text())["outputs"]):
            file.unlink()
    for file in (small.folder / ".mmreg").glob("catalog.db*"):
        file.unlink()
    report = small.open().doctor()
    assert report.ok
    assert {finding.code for finding in report.findings} == {"index_behind", "run_object_missing"}
    assert small.open().doctor().findings == ()
    assert small.open().log("pairs") == log


def test_doctor_finishes_the_second_half_of_a_pass_over_a_derived_dataset(project: Callable[..., Any]) -> None:
    small = project()
    small.apply("pairs", "light", "words", "keep")
    before = small.open().show("train@latest")
    # As after a kill between the two commits: the root has the column, the derived dataset is where it was.
    whole = small.copy(small.folder.with_name("whole"))
    whole.apply("grade")
    registry = whole.open()
    run = next(r for r in registry.runs("pass") if r.job.name == "grade")
    shutil.rmtree(whole.folder / "lake" / "train.lance")
    shutil.copytree(small.folder / "lake" / "train.lance", whole.folder / "lake" / "train.lance")
    for file in (whole.folder / "lake" / "_mmreg" / "runs").rglob(f"{run.id}*"):
        file.unlink()
    write_run(registry.lake.store, replace(run, outputs=run.outputs[:1]))
    for file in (whole.folder / ".mmreg").glob("catalog.db*"):
        file.unlink()
    findings = whole.open().doctor().findings
    assert "derived_behind" in {finding.code for finding in findings}
    after = whole.open().show("train@latest")
    assert (after.version, after.rows) == (before.version + 1, before.rows)
    assert whole.open().open_version("train@latest").to_arrow(["grade"])["grade"].null_count == 0
    assert whole.open().doctor().findings == ()


def test_objects_are_known_by_their_bytes(project: Callable[..., Any]) -> None:
    small = project(images=0)
    store = small.open().lake.store
    digest = put_object(store, b"large parameters")
    assert get_object(store, digest) == b"large parameters"
    file = next((small.folder / "lake" / "_mmreg" / "objects").rglob(digest))
    file.write_bytes(b"larger parameters")
    with pytest.raises(IntegrityError, match="has changed in the lake"):
        get_object(store, digest)
    file.unlink()
    with pytest.raises(IntegrityError, match="is missing from the lake"):
        get_object(store, digest)


def test_a_registry_is_closed_and_opens_again_when_it_is_asked(project: Callable[..., Any]) -> None:
    small = project()
    small.apply("pairs")
    with small.open() as registry:
        before = registry.ls()
    assert "catalog" not in vars(registry)
    assert registry.ls() == before
    registry.close()
    registry.close()


def test_a_registry_that_is_forgotten_lets_go_of_its_index(project: Callable[..., Any]) -> None:
    small = project()
    small.apply("pairs")
    gc.collect()

    beside = small.folder / ".mmreg" / "catalog.db-wal"  # there as long as somebody has the index open
    registry = small.open()
    registry.ls()
    assert beside.exists()
    del registry
    gc.collect()
    assert not beside.exists()
