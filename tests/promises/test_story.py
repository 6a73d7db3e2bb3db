"""The main path from the first apply to the rebuilt index, with the lake in a folder and on S3."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from typing import Any

import lance


def captions(rows: dict[bytes, dict[str, Any]]) -> list[str | None]:
    return sorted((row["caption"] for row in rows.values()), key=str)


def test_the_story(
    project: Callable[..., Any], rows: Callable[..., Any], answers: Callable[..., Any], lake: str | dict[str, Any]
) -> None:
    made = project(lake=lake)
    told = [step.outcome for step in made.apply().steps]
    assert told == ["published"] * 6 + ["passed"]
    registry = made.open()
    was = registry.show("pairs").ref
    first = rows(registry, was)
    assert captions(first) == ["one", "one", *(f"picture number {number}" for number in (1, 2, 4, 5))]
    assert all(row["brightness"] is not None and row["n_words"] in (1, 3) for row in first.values())
    assert captions(rows(registry, "train")) == [f"picture number {number}" for number in (1, 2, 4, 5)]
    assert sum(registry.show("splits").splits.values()) == 4
    calls = len(made.calls())

    # Nothing moved: nothing is done.
    assert {step.outcome for step in made.apply().steps} == {"unchanged"}
    assert len(made.calls()) == calls

    # One picture added, one changed, one removed: exactly what depends on them.
    made.draw("new", "a new picture")
    made.draw("001", "another picture instead", seed=99)
    made.erase("002")
    made.apply()
    registry = made.open()
    second = rows(registry, "pairs")
    assert captions(second) == sorted(
        ["one", "one", "picture number 4", "picture number 5", "a new picture", "another picture instead"]
    )
    assert len(first.keys() & second.keys()) == 4
    assert len(made.calls()) == calls + 2 * 3  # two pictures: light, words and grade
    diff = registry.diff(was, "pairs@latest")
    assert (diff.samples_added, diff.samples_removed) == (2, 2)

    # Promoted, the bare name stays while the data moves on.
    assert registry.promote("train").ok
    promoted = registry.show("train").ref
    made.draw("newer", "a newer picture yet")
    made.apply()
    registry = made.open()
    assert registry.show("train").ref == promoted != registry.show("train@latest").ref
    assert captions(rows(registry, "train")) == sorted(
        ["picture number 4", "picture number 5", "a new picture", "another picture instead"]
    )
    assert rows(registry, was) == first

    # The index is lost, and everything is known again.
    before = answers(registry)
    shutil.rmtree(made.folder / ".mmreg")
    assert made.open().rebuild() == len(before["runs"])
    assert answers(made.open()) == before
    assert made.open().doctor().findings == ()
    assert {step.outcome for step in made.apply().steps} == {"unchanged"}


def test_a_root_opens_by_plain_lance_wherever_it_lies(project: Callable[..., Any], lake: str | dict[str, Any]) -> None:
    made = project(lake=lake)
    made.apply("pairs", "words")
    registry = made.open()
    for entry in registry.log("pairs"):
        shown = registry.show(entry.ref)
        options = registry.project.lake_options or None
        assert lance.dataset(shown.uri, version=shown.lance_version, storage_options=options).count_rows() == shown.rows


def test_lost_run_objects_are_written_again(project: Callable[..., Any], lake: str | dict[str, Any]) -> None:
    """The run objects are gone, as if the process had died after its commits."""
    made = project(lake=lake)
    made.apply()
    registry = made.open()
    store = registry.lake.store
    checked = {run.id for run in registry.runs("validation")}  # which no commit could tell again
    for key in list(store.list("_mmreg/runs")):
        if not any(id in key for id in checked):
            store.delete(key)
    told = {name: registry.log(name) for name in ("pairs", "train", "splits")}
    shutil.rmtree(made.folder / ".mmreg")
    report = made.open().doctor()
    assert {finding.code for finding in report.findings} == {"run_object_missing", "index_behind"} and report.ok
    assert {name: made.open().log(name) for name in told} == told
    assert made.open().doctor().findings == ()
