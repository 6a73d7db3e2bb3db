"""Changes of a table's columns: what is in it afterwards, on disk too, and what they conflict with."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import lance
import pyarrow as pa
import pytest
from lance.fragment import write_fragments

from mmreg.errors import UsageError
from mmreg.registry.operations.columns import ColumnPublisher
from mmreg.registry.operations.rows import change_rows
from mmreg.registry.operations.schema import SchemaChange, cast_cells, change_schema
from mmreg.schemas.arrow import STATE, media_type

Uri = str
ROWS = 10


def commit(uri: Uri, operation: lance.LanceOperation.BaseOperation, read_version: int) -> lance.LanceDataset:
    transaction = lance.Transaction(read_version, operation)
    return lance.LanceDataset.commit(uri, transaction, max_retries=0, enable_stable_row_ids=True)


def evolve(uri: Uri, change: SchemaChange) -> lance.LanceDataset:
    table = lance.dataset(uri)
    return commit(uri, change_schema(table, change), table.version)


@pytest.fixture
def uri(tmp_path: Path) -> Uri:
    """Two fragments of five rows, one of them deleted."""
    cells = [{"bytes": bytes([n]), "sha256": bytes([n]) * 32} for n in range(ROWS)]
    rows = pa.table(
        {
            "caption": pa.array([f"caption {n}" if n % 4 else None for n in range(ROWS)], pa.string()),
            "width": pa.array(range(ROWS), pa.int32()),
            "image": pa.array(cells, media_type("image")),
        },
        schema=pa.schema(
            [
                pa.field("caption", pa.string(), metadata={b"mmreg.type": b"text"}),
                pa.field("width", pa.int32()),
                pa.field("image", media_type("image")),
            ],
            metadata={b"mmreg.dataset": b"pairs"},
        ),
    )
    uri = str(tmp_path / "table.lance")
    table = lance.write_dataset(rows, uri, max_rows_per_file=5, enable_stable_row_ids=True)
    table.delete("width = 3")
    return uri


def test_everything_at_once_in_one_version(uri: Uri) -> None:
    before = lance.dataset(uri)
    old = before.to_table(with_row_id=True)
    change = SchemaChange(
        added=(pa.field("licence", pa.string()), pa.field("thumb", pa.list_(pa.float32(), 4))),
        renamed={"caption": "text"},
        retyped={"width": pa.field("pixels", pa.int64())},
        dropped=frozenset({"image"}),
    )
    after = evolve(uri, change)
    assert after.version == before.version + 1
    assert after.schema.names == ["text", "pixels", "licence", "thumb"]
    rows = after.to_table(with_row_id=True)
    assert rows["text"].to_pylist() == old["caption"].to_pylist()
    assert rows["pixels"].type == pa.int64() and rows["pixels"].to_pylist() == old["width"].to_pylist()
    assert rows["licence"].null_count == rows["thumb"].null_count == ROWS - 1
    assert rows["_rowid"].to_pylist() == old["_rowid"].to_pylist()
    assert after.schema.metadata == {b"mmreg.dataset": b"pairs"}
    assert after.schema.field("text").metadata == {b"mmreg.type": b"text"}
    assert lance.dataset(uri, version=before.version).to_table().equals(old.drop_columns(["_rowid"]))


def test_a_new_name_writes_no_data(uri: Uri) -> None:
    before = sorted(Path(uri, "data").iterdir())
    evolve(uri, SchemaChange(renamed={"caption": "text", "image": "picture"}, dropped=frozenset({"width"})))
    evolve(uri, SchemaChange(renamed={"text": "width"}))  # a name that another column had
    assert sorted(Path(uri, "data").iterdir()) == before
    rows = lance.dataset(uri).to_table()
    assert rows.schema.names == ["width", "picture"] and rows["width"].to_pylist()[:2] == [None, "caption 1"]


def test_a_dropped_column_does_not_come_back_under_another_name(uri: Uri) -> None:
    evolve(uri, SchemaChange(dropped=frozenset({"width", "image"})))
    after = evolve(uri, SchemaChange(added=(pa.field("height", pa.int32()), pa.field("width", pa.int32()))))
    assert after.to_table()["height"].null_count == after.to_table()["width"].null_count == ROWS - 1


def test_rows_come_and_go_as_before(uri: Uri) -> None:
    evolve(uri, SchemaChange(added=(pa.field("licence", pa.string()),), renamed={"caption": "text"}))
    table = lance.dataset(uri)
    new = pa.table({"text": ["new"], "width": pa.array([99], pa.int32()), "licence": ["mit"]})
    fragments: Any = write_fragments(new, uri, mode="append", enable_stable_row_ids=True)
    commit(uri, change_rows(table, fragments, table.to_table(columns=[], with_row_id=True)["_rowid"].to_numpy()[:1]),
           table.version)  # fmt: skip
    rows = lance.dataset(uri).to_table().sort_by("width").to_pylist()
    assert len(rows) == ROWS - 1
    assert rows[-1]["text"] == "new" and rows[-1]["licence"] == "mit" and rows[-1]["image"] is None
    assert [row["licence"] for row in rows[:-1]] == [None] * (ROWS - 2)


def test_an_empty_table_changes_too(tmp_path: Path) -> None:
    uri = str(tmp_path / "empty.lance")
    schema = pa.schema([pa.field("a", pa.string()), pa.field("b", pa.int32()), pa.field("c", pa.int32())])
    lance.write_dataset(schema.empty_table(), uri, enable_stable_row_ids=True)
    change = SchemaChange((pa.field("d", pa.bool_()),), {"a": "e"}, {"b": pa.field("b", pa.int64())}, frozenset("c"))
    assert evolve(uri, change).schema == pa.schema(
        [pa.field("e", pa.string()), pa.field("b", pa.int64()), pa.field("d", pa.bool_())]
    )


@pytest.mark.parametrize(
    ("cells", "wanted", "said"),
    [
        (pa.array([1.5, 2.0]), pa.int64(), "1.5"),
        (pa.array([2**53 + 1]), pa.float64(), "9007199254740993"),
        (pa.array([0.1]), pa.float32(), "0.1 would become 0.10"),
        (pa.array(["1", "007"]), pa.int64(), "'007' would become 7"),
        (pa.array(["word"]), pa.int64(), "word"),
        (pa.array([None], media_type("image")), pa.string(), "image|struct|cast"),
    ],
    ids=["fraction", "large", "narrow", "zeros", "word", "media"],
)
def test_a_cell_that_would_not_survive_is_refused(cells: pa.Array[Any], wanted: pa.DataType, said: str) -> None:
    with pytest.raises(UsageError, match=rf"'n' cannot change from .* to .*: .*({said})"):
        cast_cells("n", cells, wanted)


@pytest.mark.parametrize(
    ("cells", "wanted"),
    [
        (pa.array([1, None, -7], pa.int32()), pa.int64()),
        (pa.array([1, None], pa.int64()), pa.string()),
        (pa.array(["1", "20"]), pa.int64()),
        (pa.array([0.5, None, float("nan")], pa.float32()), pa.float64()),
        (pa.array([[0.5, 1.0], None], pa.list_(pa.float16(), 2)), pa.list_(pa.float32(), 2)),
    ],
    ids=["wider", "text", "number", "nan", "embedding"],
)
def test_a_cell_that_survives_is_changed(cells: pa.Array[Any], wanted: pa.DataType) -> None:
    changed = cast_cells("n", cells, wanted)
    assert changed.type == wanted and changed.null_count == cells.null_count


def _fills(table: lance.LanceDataset) -> lance.LanceOperation.BaseOperation:
    made = pa.schema([pa.field("score", pa.int32()), pa.field("_mmreg_grade", STATE)])

    def results(row_ids: Any) -> pa.Table:
        states = pa.array([{"generation": 1, "inputs": 2, "state": 1}] * len(row_ids), STATE)
        return pa.table({"_rowid": row_ids, "score": pa.array(range(len(row_ids)), pa.int32()), "_mmreg_grade": states})

    prepared = ColumnPublisher(made, "_mmreg_grade", results).operation(table)
    assert prepared is not None
    return prepared.operation


def _appends(table: lance.LanceDataset) -> lance.LanceOperation.BaseOperation:
    rows = pa.table({"caption": ["new"], "width": pa.array([99], pa.int32())})
    fragments: Any = write_fragments(rows, table.uri, mode="append", enable_stable_row_ids=True)
    return change_rows(table, fragments, table.to_table(columns=[], with_row_id=True)["_rowid"].to_numpy()[:0])


CHANGES: dict[str, Callable[[lance.LanceDataset], lance.LanceOperation.BaseOperation]] = {
    "rename": lambda table: change_schema(table, SchemaChange(renamed={"caption": "text"})),
    "add": lambda table: change_schema(table, SchemaChange(added=(pa.field("licence", pa.string()),))),
    "drop": lambda table: change_schema(table, SchemaChange(dropped=frozenset({"image"}))),
    "retype": lambda table: change_schema(table, SchemaChange(retyped={"width": pa.field("width", pa.int64())})),
}
OTHERS = CHANGES | {"rows": _appends, "columns": _fills}


PAIRS = [(one, other) for one in OTHERS for other in OTHERS if {one, other} & CHANGES.keys()]


@pytest.mark.parametrize(("first", "second"), PAIRS, ids=" then ".join)
def test_of_two_publishes_on_one_version_one_lands(uri: Uri, first: str, second: str) -> None:
    table = lance.dataset(uri)
    later = OTHERS[second](table)
    commit(uri, OTHERS[first](table), table.version)
    with pytest.raises(OSError, match=r"onflict|preempted"):
        commit(uri, later, table.version)


def test_a_table_with_such_a_cell_stays_as_it_is(uri: Uri) -> None:
    table = lance.dataset(uri)
    with pytest.raises(UsageError, match=r"'caption' cannot change from string to int64: .*caption \d"):
        change_schema(table, SchemaChange(retyped={"caption": pa.field("caption", pa.int64())}))
    assert lance.dataset(uri).version == table.version
