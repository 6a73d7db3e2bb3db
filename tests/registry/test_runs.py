"""Run objects and their archive: every run once, whatever was written twice, raced or killed."""

from __future__ import annotations

import json
import random
import re
import shutil
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmreg.errors import IntegrityError, StorageError
from mmreg.registry.runs import (
    archive,
    iter_runs,
    list_objects,
    merge,
    new_run_id,
    newest_archive,
    open_archive,
    transaction_uuid,
    write_run,
)
from mmreg.registry.store import Store, open_store
from mmreg.schemas.run import Job, Run, RunInput, RunState, VersionOutput


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(str(tmp_path / "lake"), {})


def a_run(*outputs: VersionOutput, **changes: object) -> Run:
    run = Run(
        id=new_run_id(),
        job=Job("pass", "stats"),
        state=RunState.COMPLETE,
        started_at="2026-01-01T00:00:00.000000Z",
        ended_at="2026-01-01T00:00:01.000000Z",
        inputs=(RunInput("version", "aaaa", "pairs@v1"),),
        outputs=outputs,
        facets={"parameters": {"größe": 3, "names": ["a", "b"]}},
    )
    return replace(run, **changes)


def an_output(dataset: str = "pairs", lance_version: int | None = None) -> VersionOutput:
    return VersionOutput(dataset, f"uuid-of-{dataset}", 2, "root", 10, lance_version=lance_version)


def recorded(store: Store) -> dict[str, Run]:
    runs = list(iter_runs(store))
    assert len({run.id for run in runs}) == len(runs)
    return {run.id: run for run in runs}


def test_ids_sort_by_the_time_they_were_made() -> None:
    ids = [new_run_id() for _ in range(1000)]
    assert [id[:23] for id in ids] == sorted(id[:23] for id in ids)
    assert len(set(ids)) == 1000
    assert all(re.fullmatch(r"\d{8}T\d{6}\.\d{6}Z-[0-9a-f]{10}", id) for id in ids)


def test_a_run_has_one_transaction_for_each_dataset_and_it_never_changes() -> None:
    assert transaction_uuid("20260101T000000.000000Z-0123456789", "pairs") == ("cc5eb5b2-2979-5ad6-9dda-b539c608cef1")
    assert transaction_uuid("a", "pairs") != transaction_uuid("a", "train")
    assert transaction_uuid("a", "pairs") != transaction_uuid("b", "pairs")


def test_a_run_is_one_readable_object_under_the_day_of_its_writing(store: Store) -> None:
    run = a_run(an_output())
    write_run(store, run)
    (key,) = list_objects(store)
    assert re.fullmatch(rf"_mmreg/runs/\d{{4}}-\d\d-\d\d/{re.escape(run.id)}\.json", key)
    assert json.loads(store.get(key) or b"")["facets"] == run.facets
    assert list(iter_runs(store)) == [run]


def test_recording_a_run_again_changes_nothing(store: Store) -> None:
    run = a_run(an_output(lance_version=7))
    write_run(store, run)
    before = list(list_objects(store))
    write_run(store, run)
    write_run(store, replace(run, outputs=(an_output(),)))
    assert list(list_objects(store)) == before
    assert recorded(store) == {run.id: run}


def test_a_richer_copy_stands_beside_the_first_and_replaces_the_last(store: Store) -> None:
    poor = a_run(an_output())
    rich = replace(poor, outputs=(an_output(lance_version=7),))
    richest = replace(poor, outputs=(an_output(lance_version=7), an_output("train", lance_version=1)))
    listings = []
    for run in (poor, rich, richest):
        write_run(store, run)
        listings.append(set(list_objects(store)))
        assert recorded(store) == {run.id: run}
    assert listings[0] < listings[1]
    assert listings[0] == listings[1] & listings[2]
    assert [len(keys) for keys in listings] == [1, 2, 2]


def test_copies_that_add_different_things_are_joined(store: Store) -> None:
    run = a_run()
    write_run(store, run)
    names = [f"d{n}" for n in range(8)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda name: write_run(store, replace(run, outputs=(an_output(name),))), names))
    assert [output.dataset for output in recorded(store)[run.id].outputs] == names


def test_a_copy_that_ended_later_speaks_for_the_run(store: Store) -> None:
    first = a_run(an_output(lance_version=3))
    later = replace(
        first,
        state=RunState.FAILED,
        ended_at="2026-01-01T00:00:09.000000Z",
        outputs=(),
        facets={"error": "x"},
    )
    write_run(store, first)
    write_run(store, later)
    assert recorded(store) == {first.id: replace(later, outputs=first.outputs)}


@pytest.mark.parametrize(
    "changes",
    [
        {"state": RunState.FAILED},
        {"facets": {}},
        {"job": Job("ingest", "stats")},
        {"started_at": "2026-01-01T00:00:00.500000Z"},
        {"outputs": (an_output(lance_version=8),)},
        {"outputs": (replace(an_output(), rows=11),)},
    ],
)
def test_a_record_that_says_something_else_is_refused(store: Store, changes: dict[str, object]) -> None:
    run = a_run(an_output(lance_version=7))
    write_run(store, run)
    with pytest.raises(IntegrityError, match=f"{run.id}: two records") as caught:
        write_run(store, replace(run, **changes))
    assert caught.value.hint == "mmreg doctor"
    assert recorded(store) == {run.id: run}


def test_an_object_that_holds_no_run_is_named(store: Store) -> None:
    store.put("_mmreg/runs/2026-01-01/torn.json", b'{"id": "torn"')
    with pytest.raises(IntegrityError, match=r"_mmreg/runs/2026-01-01/torn\.json holds no run record"):
        list(iter_runs(store))


@st.composite
def copies(draw: st.DrawFn) -> list[Run]:
    """Copies of one run as crashes leave them: some of its outputs, some with their Lance versions."""
    run = replace(a_run(), id="20260101T000000.000000Z-0123456789")
    made = [
        tuple(
            an_output(name, draw(st.sampled_from([None, position + 1])))
            for position, name in draw(st.permutations(list(enumerate("abc"))))
            if draw(st.booleans())
        )
        for _ in range(3)
    ]
    ends = [draw(st.integers(0, 2)) for _ in made]
    return [
        replace(run, outputs=some, ended_at=f"2026-01-01T00:00:0{end}.000000Z", facets={"stage": end})
        for some, end in zip(made, ends, strict=True)
    ]


def content(run: Run) -> str:
    return replace(run, outputs=tuple(sorted(run.outputs, key=lambda o: o.uuid))).to_json()


@given(copies())
def test_merging_does_not_depend_on_order_or_repetition(found: list[Run]) -> None:
    a, b, c = found
    assert content(merge(a, a)) == content(a)
    assert merge(a, b).to_json() == merge(b, a).to_json()
    assert content(merge(merge(a, b), c)) == content(merge(a, merge(b, c)))
    assert content(merge(merge(a, b), a)) == content(merge(a, b))
    known = {(o.uuid, o.lance_version) for o in (*a.outputs, *b.outputs) if o.lance_version}
    assert known <= {(o.uuid, o.lance_version) for o in merge(a, b).outputs}


def test_archiving_moves_every_run_and_keeps_the_newest_as_objects(store: Store) -> None:
    runs = [a_run(an_output(f"d{n}")) for n in range(10)]
    for run in runs:
        write_run(store, run)
    assert archive(store, keep=3) == 7
    assert [key.rpartition("/")[2] for key in list_objects(store)] == [f"{run.id}.json" for run in runs[7:]]
    assert list(iter_runs(store)) == runs
    assert archive(store, keep=3) == 0
    assert archive(store) == 3
    assert list(list_objects(store)) == []
    assert list(iter_runs(store)) == runs


def test_every_commit_of_the_archive_says_which_run_made_it(store: Store) -> None:
    for _ in range(3):
        write_run(store, a_run())
        archive(store)
    table = open_archive(store)
    assert table is not None
    assert table.schema.names == ["id", "ended_at", "json"]
    made = [table.read_transaction(version).transaction_properties for version in (1, 2, 3)]
    jobs = [Run.from_json(properties["mmreg.run"]).job for properties in made]
    assert jobs == [Job("maintenance", "archive")] * 3


def test_a_listing_tells_that_the_archive_has_grown(store: Store) -> None:
    seen = [newest_archive(store)]
    for _ in range(12):
        write_run(store, a_run())
        archive(store)
        seen.append(newest_archive(store))
    assert seen[0] == ""
    assert len(set(seen)) == 13


def test_nothing_to_archive_makes_no_archive(store: Store) -> None:
    assert archive(store) == 0
    assert open_archive(store) is None
    assert list(iter_runs(store)) == []


def test_a_copy_written_after_archiving_is_joined_with_it(store: Store) -> None:
    poor = a_run(an_output())
    rich = replace(poor, outputs=(an_output(lance_version=7),))
    write_run(store, poor)
    archive(store)
    write_run(store, rich)
    assert recorded(store) == {rich.id: rich}
    archive(store)
    assert recorded(store) == {rich.id: rich}


def test_killed_between_the_commit_and_the_removal(store: Store, tmp_path: Path) -> None:
    runs = {run.id: run for run in (a_run() for _ in range(5))}
    for run in runs.values():
        write_run(store, run)
    objects = tmp_path / "lake/_mmreg/runs"
    shutil.copytree(objects, tmp_path / "as they were")
    archive(store)
    shutil.copytree(tmp_path / "as they were", objects)
    assert recorded(store) == runs
    assert archive(store) == 5
    assert recorded(store) == runs
    assert list(list_objects(store)) == []


def test_archivers_at_once_lose_nothing(store: Store) -> None:
    runs = {run.id: run for run in (a_run() for _ in range(12))}
    for run in runs.values():
        write_run(store, run)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: archive(store), range(4)))
    assert recorded(store) == runs
    assert list(list_objects(store)) == []


def test_runs_and_archive_on_s3(s3_store: Store) -> None:
    store = s3_store
    poor = a_run(an_output())
    rich = replace(poor, outputs=(an_output(lance_version=7),))
    runs = [rich, a_run()]
    write_run(store, poor)
    for run in runs:
        write_run(store, run)
    assert archive(store, keep=1) == 2
    assert list(iter_runs(store)) == runs
    assert archive(store) == 1
    assert list(iter_runs(store)) == runs


def test_a_broken_archive_is_a_storage_error(store: Store, tmp_path: Path) -> None:
    write_run(store, a_run())
    archive(store)
    (data,) = (tmp_path / "lake/_mmreg/runs.lance/data").iterdir()
    data.unlink()
    with pytest.raises(StorageError, match=r"_mmreg/runs\.lance"):
        list(iter_runs(store))


WORK = """
import sys
from mmreg.registry.runs import archive, new_run_id, write_run
from mmreg.registry.store import open_store
from mmreg.schemas.run import Job, Run, RunState
store = open_store(sys.argv[1], {})
print("ready", flush=True)
while True:
    for _ in range(5):
        run = Run(new_run_id(), Job("pass", "p"), RunState.COMPLETE, "2026", "2026")
        write_run(store, run)
        print(run.id, flush=True)
    archive(store, keep=2)
"""


def test_killed_at_any_moment_no_acknowledged_run_is_lost(store: Store) -> None:
    acknowledged: set[str] = set()
    moments = random.Random(7)
    for _ in range(3):
        with subprocess.Popen([sys.executable, "-c", WORK, store.uri], stdout=subprocess.PIPE, text=True) as worker:
            assert worker.stdout is not None
            lines = iter(worker.stdout.readline, "")
            for _ in range(moments.randint(10, 60)):
                acknowledged.add(next(lines).strip())
            worker.send_signal(signal.SIGKILL)
            acknowledged.update(line.strip() for line in lines if line.endswith("\n"))
    acknowledged.discard("ready")
    assert acknowledged <= set(recorded(store))
    archive(store)
    assert acknowledged <= set(recorded(store))
