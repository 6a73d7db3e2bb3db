"""What is staged is found again, by whoever comes next."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmreg.registry.stage import Stage
from mmreg.registry.store_local import LocalStore


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(str(tmp_path))


def opened(store: LocalStore, generation: int = 7) -> Stage:
    return Stage(store, "pairs", "stats", generation)


def results(row_ids: Iterable[int], value: int) -> pa.Table:
    ids = list(row_ids)
    return pa.table({"_rowid": pa.array(ids, pa.uint64()), "score": pa.array([value] * len(ids), pa.int64())})


def found(stage: Stage, row_ids: Iterable[int]) -> dict[int, int]:
    table = stage.read(np.array(list(row_ids), np.uint64))
    if table is None:
        return {}
    return dict(zip(table["_rowid"].to_pylist(), table["score"].to_pylist(), strict=True))


def test_nothing_is_staged_at_first(store: LocalStore) -> None:
    assert opened(store).is_empty()
    assert opened(store).read(np.array([1], np.uint64)) is None
    assert opened(store).read(np.empty(0, np.uint64)) is None


def test_another_process_finds_what_was_staged(store: LocalStore) -> None:
    opened(store).write(results([5, 3, 9], 1))
    again = opened(store)
    assert not again.is_empty()
    assert found(again, range(20)) == {3: 1, 5: 1, 9: 1}
    assert found(again, [5, 6]) == {5: 1}
    assert again.read(np.array([4, 6, 100], np.uint64)) is None


def test_row_ids_use_all_their_bits(store: LocalStore) -> None:
    last = 2**64 - 1
    opened(store).write(results([0, last], 1))
    assert found(opened(store), [last]) == {last: 1}


def test_generations_do_not_mix(store: LocalStore) -> None:
    opened(store, 7).write(results([1], 7))
    assert opened(store, 8).is_empty()
    opened(store, 8).write(results([1], 8))
    assert (found(opened(store, 7), [1]), found(opened(store, 8), [1])) == ({1: 7}, {1: 8})


def test_clearing_forgets_every_generation_of_this_pass_alone(store: LocalStore) -> None:
    other = Stage(store, "pairs", "words", 7)
    other.write(results([1], 1))
    opened(store, 6).write(results([1], 1))
    stage = opened(store, 7)
    stage.write(results([1], 1))
    stage.clear()
    assert stage.is_empty() and stage.read(np.array([1], np.uint64)) is None
    assert opened(store, 6).is_empty() and opened(store, 7).is_empty()
    assert not Stage(store, "pairs", "words", 7).is_empty()


@given(st.lists(st.sets(st.integers(0, 30), min_size=1), min_size=1, max_size=6), st.booleans())
def test_the_last_word_on_a_row_counts(
    tmp_path_factory: pytest.TempPathFactory, writes: list[set[int]], reopened: bool
) -> None:
    store = LocalStore(str(tmp_path_factory.mktemp("stage")))
    stage = opened(store)
    expected: dict[int, int] = {}
    for turn, row_ids in enumerate(writes):
        # Several processes, one after the other: each begins where the one before was killed.
        stage = opened(store) if reopened else stage
        stage.write(results(row_ids, turn))
        expected |= dict.fromkeys(row_ids, turn)
    assert found(opened(store), range(31)) == expected
    assert found(stage, range(31)) == expected
