"""Operations on real tables: the right rows go, come and get their columns, whatever was deleted before."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import lance
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lance.fragment import write_fragments

from mmreg.registry.operations.columns import ColumnPublisher
from mmreg.registry.operations.rows import change_rows
from mmreg.schemas.arrow import DONE, STATE
from mmreg.schemas.fingerprint import output_prints

NUMBERS = pa.schema([("number", pa.int64()), ("text", pa.string())])
COLUMNS = pa.schema(
    [("score", pa.float32()), ("label", pa.string()), ("vector", pa.list_(pa.float32(), 2)), ("_mmreg_p", STATE)]
)


def numbers(values: Sequence[int]) -> pa.Table:
    return pa.table([pa.array(values, pa.int64()), pa.array(map(str, values), pa.string())], schema=NUMBERS)


def write(uri: str, values: Sequence[int]) -> list[Any]:
    """Fragments of at most three rows that no version names yet."""
    written = write_fragments(
        numbers(values), uri, schema=NUMBERS, mode="append", enable_stable_row_ids=True, max_rows_per_file=3
    )
    return list(written)


def commit(table: lance.LanceDataset, operation: Any) -> lance.LanceDataset:
    return lance.LanceDataset.commit(table.uri, lance.Transaction(table.version, operation), max_retries=0)


def row_ids(table: lance.LanceDataset, values: Sequence[int]) -> np.ndarray:
    """The row ids of the numbers, in that order."""
    rows = table.to_table(columns=["number"], with_row_id=True)
    known = dict(zip(rows["number"].to_pylist(), rows["_rowid"].to_pylist(), strict=True))
    return np.array([known[value] for value in values], np.uint64)


def there(table: lance.LanceDataset) -> list[int]:
    found: list[int] = table.to_table(columns=["number"])["number"].to_pylist()
    return found


def answers(values: np.ndarray, salt: int) -> tuple[list[Any], ...]:
    return (
        (values * 2 + salt).astype(np.float32).tolist(),
        [None if value % 4 == 0 else f"label {value} {salt}" for value in values.tolist()],
        [[value, salt] for value in values.tolist()],
    )


def staged(ids: np.ndarray, values: np.ndarray, salt: int) -> pa.Table:
    columns = [pa.array(column, field.type) for column, field in zip(answers(values, salt), COLUMNS, strict=False)]
    names = COLUMNS.names[:-1]
    prints = output_prints(pa.table(columns, names=names), names).tolist()
    state = [
        {"generation": salt, "inputs": int(value), "state": DONE, "error": None, "outputs": written}
        for value, written in zip(values, prints, strict=True)
    ]
    return pa.table([pa.array(ids, pa.uint64()), *columns, pa.array(state, STATE)], names=["_rowid", *COLUMNS.names])


def publisher(table: lance.LanceDataset, wanted: Sequence[int], salt: int = 1) -> ColumnPublisher:
    """A publisher of what is staged for the ``wanted`` numbers of ``table``."""
    ids, values = row_ids(table, wanted), np.array(wanted, np.int64)

    def results(asked: np.ndarray) -> pa.Table | None:
        here = np.isin(ids, asked)
        return staged(ids[here], values[here], salt) if here.any() else None

    return ColumnPublisher(COLUMNS, "_mmreg_p", results)


def publish(table: lance.LanceDataset, wanted: Sequence[int], salt: int = 1) -> lance.LanceDataset:
    prepared = publisher(table, wanted, salt).operation(table)
    return commit(table, prepared.operation) if prepared is not None else table


def assert_columns(table: lance.LanceDataset, salts: dict[int, int]) -> None:
    """Each number has what was last published for it, or nulls."""
    for row in table.to_table().to_pylist():
        made = tuple(row.get(name) for name in COLUMNS.names[:3])
        salt = salts.get(row["number"])
        if salt is None:
            assert made == (None, None, None) and row.get("_mmreg_p") is None
        else:
            assert made == tuple(column[0] for column in answers(np.array([row["number"]]), salt))
            assert row["_mmreg_p"]["generation"] == salt


@pytest.fixture
def table(tmp_path: Path) -> lance.LanceDataset:
    return made(tmp_path)


def made(folder: Path) -> lance.LanceDataset:
    """Nine numbers in three fragments."""
    return lance.write_dataset(
        numbers(range(9)), str(folder / "t.lance"), enable_stable_row_ids=True, max_rows_per_file=3
    )


def test_rows_are_added_and_removed_in_one_version(table: lance.LanceDataset) -> None:
    after = commit(table, change_rows(table, write(table.uri, [20, 21]), row_ids(table, [1, 5])))
    assert after.version == table.version + 1
    assert there(after) == [0, 2, 3, 4, 6, 7, 8, 20, 21]
    assert row_ids(after, [20, 21]).tolist() == [9, 10]


def test_an_emptied_fragment_goes(table: lance.LanceDataset) -> None:
    after = commit(table, change_rows(table, [], row_ids(table, [0, 1, 2, 4])))
    assert [fragment.fragment_id for fragment in after.get_fragments()] == [1, 2]
    after = commit(after, change_rows(after, write(table.uri, [30]), row_ids(after, [3, 5])))
    assert [fragment.fragment_id for fragment in after.get_fragments()] == [2, 3]
    assert there(after) == [6, 7, 8, 30]


def test_an_emptied_table_can_be_filled_again(table: lance.LanceDataset) -> None:
    table = publish(table, [2, 3])
    empty = commit(table, change_rows(table, [], row_ids(table, range(9))))
    assert (there(empty), empty.schema.names) == ([], table.schema.names)
    filled = commit(empty, change_rows(empty, write(table.uri, [40, 41]), np.empty(0, np.uint64)))
    assert there(filled) == [40, 41]
    assert row_ids(filled, [40, 41]).tolist() == [9, 10], "row ids are never used twice"
    assert_columns(publish(filled, [41]), {41: 1})


def test_a_row_that_is_gone_cannot_be_removed_again(table: lance.LanceDataset) -> None:
    gone = row_ids(table, [1])
    after = commit(table, change_rows(table, [], gone))
    with pytest.raises(LookupError, match="1 rows are no longer there"):
        change_rows(after, [], gone)


@pytest.mark.parametrize("removed", [[], [0], [0, 1, 2], [8]])
@pytest.mark.parametrize("other", [[], [0], [0, 1, 2], [7]])
def test_two_changes_of_one_version_never_both_land(
    table: lance.LanceDataset, removed: list[int], other: list[int]
) -> None:
    first = change_rows(table, write(table.uri, [50]), row_ids(table, removed))
    second = change_rows(table, write(table.uri, [51]), row_ids(table, other))
    commit(table, first)
    with pytest.raises(OSError, match="conflict"):
        commit(table, second)


@pytest.mark.parametrize("refill", [False, True], ids=["first", "refill"])
@pytest.mark.parametrize("columns_first", [False, True])
@pytest.mark.parametrize("removed", [[], [4], [0, 1, 2], [6, 7, 8]])
def test_columns_and_rows_of_one_version_never_both_land(
    table: lance.LanceDataset, refill: bool, columns_first: bool, removed: list[int]
) -> None:
    if refill:
        table = publish(table, [0])
    prepared = publisher(table, [8]).operation(table)
    assert prepared is not None
    rows = change_rows(table, write(table.uri, [50]), row_ids(table, removed))
    one, other = (prepared.operation, rows) if columns_first else (rows, prepared.operation)
    commit(table, one)
    with pytest.raises(OSError, match="conflict"):
        commit(table, other)


def test_two_passes_that_start_from_one_version_never_both_land(table: lance.LanceDataset) -> None:
    others = pa.schema([("other", pa.int64()), ("_mmreg_o", STATE)])

    def results(ids: np.ndarray) -> pa.Table:
        state = pa.array([{"generation": 1, "inputs": 1, "state": DONE, "error": None}] * len(ids), STATE)
        return pa.table([ids, ids.astype(np.int64), state], names=["_rowid", *others.names])

    one, other = publisher(table, [1]).operation(table), ColumnPublisher(others, "_mmreg_o", results).operation(table)
    assert one is not None and other is not None
    after = commit(table, one.operation)
    with pytest.raises(OSError, match="conflict"):
        commit(table, other.operation)
    # With both columns there: refills of different fragments.
    again = ColumnPublisher(others, "_mmreg_o", lambda ids: results(ids) if 0 in ids else None)
    second = again.operation(after)
    assert second is not None
    after = commit(after, second.operation)
    one = publisher(after, [4]).operation(after)
    other = ColumnPublisher(others, "_mmreg_o", lambda ids: results(ids) if 8 in ids else None).operation(after)
    assert one is not None and other is not None
    commit(after, one.operation)
    with pytest.raises(OSError, match="conflict"):
        commit(after, other.operation)


def test_a_refill_of_nothing_new_is_nothing(table: lance.LanceDataset) -> None:
    table = publish(table, [1, 4])
    assert publisher(table, [1, 4]).operation(table) is None
    assert publisher(table, []).operation(table) is None


def test_a_refill_bumps_the_version_of_the_rows_that_it_filled(table: lance.LanceDataset) -> None:
    table = publish(table, range(9))
    before = table.version
    table = publish(table, [4, 8], salt=2)
    rows = table.to_table(columns=["number", "_row_last_updated_at_version"]).to_pylist()
    bumped = {row["number"] for row in rows if row["_row_last_updated_at_version"] > before}
    assert bumped == {4, 8}


def test_an_overtaken_publisher_takes_over_what_was_deleted(table: lance.LanceDataset) -> None:
    for salt, lost in ((1, 1), (2, 4)):  # first by Merge, then by Update
        wanted = [value for value in (0, 1, 4, 7) if value in there(table)]
        pending = publisher(table, wanted, salt)
        assert pending.operation(table) is not None
        table = commit(table, change_rows(table, write(table.uri, [60 + salt]), row_ids(table, [lost])))
        prepared = pending.operation(table)
        assert prepared is not None
        table = commit(table, prepared.operation)
        assert_columns(table, dict.fromkeys(wanted, salt))
    assert there(table) == [0, 2, 3, 5, 6, 7, 8, 61, 62]


Steps = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.integers(1, 5)),
        st.tuples(st.just("remove"), st.sets(st.integers(0, 30), max_size=6)),
        st.tuples(st.just("delete"), st.integers(0, 30)),
        st.tuples(st.just("fill"), st.sets(st.integers(0, 30), max_size=8)),
        st.tuples(st.just("overtaken fill"), st.sets(st.integers(0, 30), max_size=8)),
        st.tuples(st.just("compact"), st.none()),
    ),
    max_size=10,
)


@settings(max_examples=40, deadline=None)
@given(Steps)
def test_any_sequence_leaves_every_row_with_its_own_answers(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, Any]]
) -> None:
    table = made(tmp_path_factory.mktemp("any"))
    alive, salts, following = list(range(9)), dict[int, int](), 9
    for turn, (step, what) in enumerate(steps, start=1):
        match step:
            case "add":
                values = list(range(following, following + what))
                table = commit(table, change_rows(table, write(table.uri, values), np.empty(0, np.uint64)))
                alive, following = alive + values, following + what
            case "remove":
                values = sorted(what & set(alive))
                table = commit(table, change_rows(table, [], row_ids(table, values))) if values else table
                alive = [value for value in alive if value not in what]
            case "delete":  # by plain Lance
                table.delete(f"number = {what}")
                alive = [value for value in alive if value != what]
            case "compact":  # by plain Lance
                table.optimize.compact_files(target_rows_per_fragment=7)
            case "fill":
                values = sorted(what & set(alive), reverse=True)
                table = publish(table, values, turn)
                salts |= dict.fromkeys(values, turn)
            case "overtaken fill":
                values = sorted(what & set(alive))
                pending = publisher(table, values, turn)
                pending.operation(table)
                lost = values[:1]
                if lost:
                    table.delete(f"number = {lost[0]}")
                alive = [value for value in alive if value not in lost]
                table = commit(table, change_rows(table, write(table.uri, [following]), np.empty(0, np.uint64)))
                alive, following = [*alive, following], following + 1
                prepared = pending.operation(table)
                table = commit(table, prepared.operation) if prepared is not None else table
                salts |= dict.fromkeys(values, turn)
        table = lance.dataset(table.uri)
        assert sorted(there(table)) == sorted(alive)
        assert_columns(table, {value: salt for value, salt in salts.items() if value in alive})
