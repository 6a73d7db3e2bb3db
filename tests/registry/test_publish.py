"""Publishing under contention: what lands is whole, counted right, and lands once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import lance
import numpy as np
import pyarrow as pa
import pytest

from mmreg.errors import Conflict, StorageError
from mmreg.registry import commit
from mmreg.registry.clock import now
from mmreg.registry.commit import Draft, publish, recorded_run
from mmreg.registry.ingest import write_rows
from mmreg.registry.lake import Lake
from mmreg.registry.operations.columns import ColumnPublisher
from mmreg.registry.operations.rows import change_rows, create
from mmreg.registry.operations.selection import replace_rows
from mmreg.registry.runs import new_run_id
from mmreg.schemas.arrow import DONE, STATE
from mmreg.schemas.fingerprint import output_prints
from mmreg.schemas.run import Job, Run, RunState

ROWS = pa.schema([pa.field("sample_id", pa.binary(16), nullable=False), ("number", pa.int64())])


def identity(number: int) -> bytes:
    return number.to_bytes(16, "big")


def a_run(kind: str = "ingest", name: str = "numbers") -> Run:
    return Run(new_run_id(), Job(kind, name), RunState.COMPLETE, now(), "")  # type: ignore[arg-type]


def change(lake: Lake, numbers: Iterable[int], gone: Iterable[int] = (), run: Run | None = None) -> Run | None:
    """Add the numbers that are not there yet, and remove those in ``gone`` that are."""
    wanted, unwanted = sorted(numbers), set(gone)

    def build(table: lance.LanceDataset | None) -> Draft | None:
        there: dict[int, int] = {}
        if table is not None:
            rows = table.to_table(columns=["number"], with_row_id=True)
            there = dict(zip(rows["number"].to_pylist(), rows["_rowid"].to_pylist(), strict=True))
        new = [number for number in wanted if number not in there]
        removed = np.array(sorted(there[n] for n in unwanted & there.keys()), np.uint64)
        if not new and not len(removed):
            return None
        written = write_numbers(lake, new, first=table is None) if new else []
        count = len(there) + len(new) - len(removed)
        operation = create(ROWS, written) if table is None else change_rows(table, written, removed)
        return Draft(operation, "root", count)

    return publish(lake, "numbers", run or a_run(), build)


def write_numbers(lake: Lake, numbers: list[int], *, first: bool) -> Any:
    batch = pa.record_batch([pa.array(map(identity, numbers), pa.binary(16)), pa.array(numbers)], schema=ROWS)
    reader = pa.RecordBatchReader.from_batches(ROWS, iter([batch]))
    return write_rows(lake, "numbers", reader, ROWS, new=first)


def score(lake: Lake, name: str, factor: int, generation: int, wanted: Callable[[int], bool]) -> Run | None:
    """Publish ``number * factor`` as the column ``name`` for the wanted numbers, as a pass would."""
    columns = pa.schema([(name, pa.int64()), (f"_mmreg_{name}", STATE)])
    table = lake.table("numbers")
    rows = table.to_table(columns=["number"], with_row_id=True)
    staged = {
        row_id: number
        for row_id, number in zip(rows["_rowid"].to_pylist(), rows["number"].to_pylist(), strict=True)
        if wanted(number)
    }

    def results(row_ids: np.ndarray) -> pa.Table | None:
        here = [row_id for row_id in row_ids.tolist() if row_id in staged]
        if not here:
            return None
        numbers = np.array([staged[row_id] for row_id in here], np.int64)
        parts = [
            pa.array(np.full(len(here), generation, np.uint64)),
            pa.array(numbers.astype(np.uint64)),
            pa.array(np.full(len(here), DONE, np.int8)),
            pa.nulls(len(here), pa.string()),
            pa.array(output_prints(pa.table({name: numbers * factor}), [name])),
        ]
        state = pa.StructArray.from_arrays(parts, fields=list(STATE))
        # In another order than the table's: what joins them is the row id.
        whole = pa.table([pa.array(here, pa.uint64()), numbers * factor, state], names=["_rowid", *columns.names])
        return whole.take(pa.array(range(len(here) - 1, -1, -1)))

    publisher = ColumnPublisher(columns, f"_mmreg_{name}", results)

    def build(table: lance.LanceDataset | None) -> Draft | None:
        assert table is not None
        prepared = publisher.operation(table)
        if prepared is None:
            return None
        return Draft(prepared.operation, "root", table.count_rows(), columns=(name,))

    return publish(lake, "numbers", a_run("pass", name), build)


def numbers_of(lake: Lake, version: int | None = None) -> list[int]:
    found: list[int] = lake.table("numbers", version).to_table(columns=["number"])["number"].to_pylist()
    return sorted(found)


def assert_history(lake: Lake, dataset: str = "numbers") -> list[Run]:
    """Every commit of ours says what it is: ordinals count up by one, uuids are unique, row counts are true."""
    table = lake.table(dataset)
    runs = [run for v in range(1, table.version + 1) if (run := recorded_run(table, v)) is not None]
    outputs = [next(o for o in run.outputs if o.dataset == dataset) for run in runs]
    assert [output.ordinal for output in outputs] == list(range(1, len(outputs) + 1))
    assert len({output.uuid for output in outputs}) == len(outputs)
    for output in outputs:
        assert lake.table(dataset, output.lance_version).count_rows() == output.rows
    return runs


def together(*works: Callable[[], object]) -> list[Any]:
    """Do all at once, each in a thread of its own (Lance lets go of the interpreter)."""
    start = threading.Barrier(len(works))

    def at_once(work: Callable[[], object]) -> object:
        start.wait()
        return work()

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(at_once, works))


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake.create(str(tmp_path / "lake"), {})


def test_a_version_knows_its_run(lake: Lake) -> None:
    landed = change(lake, range(5))
    assert landed is not None
    (output,) = landed.outputs
    assert (output.ordinal, output.rows, output.lance_version) == (1, 5, 1)
    recorded = recorded_run(lake.table("numbers"), 1)
    assert recorded is not None and recorded.outputs == (replace(output, files={}),)
    assert replace(recorded, outputs=landed.outputs) == landed


def test_nothing_to_do_commits_nothing(lake: Lake) -> None:
    change(lake, range(5))
    assert change(lake, range(3)) is None
    assert lake.table("numbers").version == 1


def test_a_run_lands_once_however_often_it_is_published(lake: Lake) -> None:
    run = a_run()
    first = change(lake, [1], run=run)
    change(lake, [2])
    assert change(lake, [3], run=run) == first
    assert numbers_of(lake) == [1, 2]


def test_a_lost_reply_is_no_failure(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    change(lake, [1])
    real = lance.LanceDataset.commit

    def commit_and_lose_the_reply(*arguments: Any, **options: Any) -> None:
        real(*arguments, **options)
        raise OSError("connection reset by peer")

    monkeypatch.setattr(lance.LanceDataset, "commit", commit_and_lose_the_reply)
    landed = change(lake, [2])
    assert landed is not None and landed.outputs[0].lance_version == 2
    assert numbers_of(lake) == [1, 2]


def test_a_failing_store_is_said_to_fail(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: Any, **options: Any) -> None:
        raise OSError("No space left on device (os error 28)")

    monkeypatch.setattr(lance.LanceDataset, "commit", fail)
    with pytest.raises(StorageError, match="numbers: publishing failed: No space left"):
        change(lake, [1])


def test_losing_every_race_ends(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commit, "ATTEMPTS", 3)
    change(lake, [0])
    others = iter(range(100, 200))

    def build(table: lance.LanceDataset | None) -> Draft:
        assert table is not None
        written = write_numbers(lake, [1], first=False)
        change(lake, [next(others)])
        return Draft(change_rows(table, written, np.empty(0, np.uint64)), "root", 0)

    with pytest.raises(Conflict, match="3 other commits came first"):
        publish(lake, "numbers", a_run(), build)
    assert numbers_of(lake) == [0, 100, 101, 102]


def test_many_create_the_same_table(lake: Lake) -> None:
    together(*(partial(change, lake, range(3 * i, 3 * i + 6)) for i in range(6)))
    assert numbers_of(lake) == list(range(21))
    assert_history(lake)


def test_many_add_to_an_emptied_table(lake: Lake) -> None:
    change(lake, range(5))
    change(lake, [], gone=range(5))
    assert numbers_of(lake) == []
    together(*(partial(change, lake, range(i, i + 4)) for i in range(6)))
    assert numbers_of(lake) == list(range(9))
    assert_history(lake)


def test_racing_changes_lose_and_double_nothing(lake: Lake) -> None:
    change(lake, range(100, 130))

    def work(worker: int) -> None:
        for turn in range(8):
            # Everybody adds the same shared numbers, and some of its own; and removes some that others add.
            shared = range(turn * 3, turn * 3 + 5)
            own = 1000 + 100 * worker + turn
            change(lake, [*shared, own], gone=[100 + turn * 3 + worker])

    together(*(partial(work, worker) for worker in range(4)))
    gone = {100 + turn * 3 + worker for worker in range(4) for turn in range(8)}
    expected = {*range(26), *range(100, 130), *(1000 + 100 * w + t for w in range(4) for t in range(8))} - gone
    assert numbers_of(lake) == sorted(expected)
    assert len(assert_history(lake)) == 33


def test_racing_selections_are_each_a_version(lake: Lake) -> None:
    schema = pa.schema([("row_id", pa.uint64())])

    def select(number: int) -> Run | None:
        def build(table: lance.LanceDataset | None) -> Draft:
            from lance.fragment import write_fragments

            rows = pa.table([pa.array(range(number), pa.uint64())], schema=schema)
            mode = "create" if table is None else "overwrite"
            written = write_fragments(rows, lake.table_uri("some"), schema=schema, mode=mode)
            return Draft(replace_rows(schema, list(written)), "derived", number)

        return publish(lake, "some", a_run("select", "some"), build)

    together(*(partial(select, number) for number in range(1, 9)))
    runs = assert_history(lake, "some")
    assert sorted(run.outputs[0].rows for run in runs) == list(range(1, 9))


def test_a_refill_and_an_addition_are_two_versions(lake: Lake) -> None:
    """An addition names no fragment that the refill writes: Lance alone would let both land as one ordinal."""
    change(lake, range(4))
    score(lake, "a", 2, 1, lambda number: True)
    change(lake, range(4, 8))
    overtaken = threading.Event()
    publisher_table = lake.table("numbers")
    rows = publisher_table.to_table(columns=["number"], with_row_id=True)
    assert rows.num_rows == 8

    def add_meanwhile(number: int) -> bool:
        if not overtaken.is_set():
            overtaken.set()
            change(lake, [99])
        return number >= 4

    # `wanted` is asked before the publish begins; a second addition comes in while it is under way.
    score(lake, "a", 2, 1, add_meanwhile)
    assert_history(lake)
    assert numbers_of(lake) == [*range(8), 99]


def test_a_storm_of_columns_additions_and_deletions(lake: Lake) -> None:
    """Two passes publish side by side while rows come, and go through plain Lance: nothing is wrong or doubled."""
    for start in range(0, 60, 10):
        change(lake, range(start, start + 10))
    acknowledged: dict[str, list[Run]] = {"a": [], "b": []}

    def curate(name: str, factor: int) -> None:
        for share in range(5):
            run = score(lake, name, factor, 1, lambda number: number % 5 <= share)  # noqa: B023
            acknowledged[name] += [run] if run is not None else []

    def add() -> None:
        for start in range(60, 140, 10):
            change(lake, range(start, start + 10))

    deleted = [3, 17, 31, 44, 58]

    def delete() -> None:
        for number in deleted:
            while True:
                try:
                    lake.table("numbers").delete(f"number = {number}")
                    break
                except OSError as error:
                    assert "conflict" in str(error)

    together(partial(curate, "a", 3), partial(curate, "b", 7), add, delete)
    assert numbers_of(lake) == sorted(set(range(140)) - set(deleted))
    assert acknowledged["a"] and acknowledged["b"]
    ours = [run.id for run in published(lake)]
    assert len(set(ours)) == len(ours)
    assert {run.id for runs in acknowledged.values() for run in runs} <= set(ours)
    assert_values(lake, acknowledged)
    score(lake, "a", 3, 1, lambda number: True)
    score(lake, "b", 7, 1, lambda number: True)
    for row in lake.table("numbers").to_table().to_pylist():
        assert (row["a"], row["b"]) == (row["number"] * 3, row["number"] * 7)


def published(lake: Lake) -> list[Run]:
    """All runs by their commits; ordinals count up by one, also between commits that are not ours."""
    table = lake.table("numbers")
    runs = [run for v in range(1, table.version + 1) if (run := recorded_run(table, v)) is not None]
    assert [run.outputs[0].ordinal for run in runs] == list(range(1, len(runs) + 1))
    return runs


def assert_values(lake: Lake, acknowledged: dict[str, list[Run]]) -> None:
    """At no version a value is wrong, and what a version had once, no later one has lost."""
    factors = {"a": 3, "b": 7}
    had: dict[str, set[int]] = {"a": set(), "b": set()}
    for version in range(1, lake.table("numbers").version + 1):
        rows = lake.table("numbers", version).to_table().to_pylist()
        there = {row["number"] for row in rows}
        for name in factors.keys() & set(lake.table("numbers", version).schema.names):
            filled = {row["number"] for row in rows if row[name] is not None}
            assert all(row[name] == row["number"] * factors[name] for row in rows if row[name] is not None)
            assert filled == {row["number"] for row in rows if row[f"_mmreg_{name}"] is not None}
            assert had[name] & there <= filled
            had[name] |= filled
    for name, runs in acknowledged.items():
        assert runs == [] or had[name]
