"""Layouts: a column's fingerprint moves when its files are written anew, and with nothing else."""

from __future__ import annotations

from pathlib import Path

import lance
import pyarrow as pa
import pytest

from mmreg.registry.snapshot import Snapshot

ROWS = 30


@pytest.fixture
def table(tmp_path: Path) -> lance.LanceDataset:
    """Three fragments of ten rows."""
    rows = pa.table({"sample_id": range(ROWS), "a": range(ROWS), "b": [{"x": n, "y": str(n)} for n in range(ROWS)]})
    return lance.write_dataset(rows, tmp_path / "rows.lance", max_rows_per_file=10, enable_stable_row_ids=True)


def rewrite(table: lance.LanceDataset, number: int, column: str) -> lance.LanceDataset:
    """Write ``column`` of one fragment anew."""
    fragment = table.get_fragment(number)
    assert fragment is not None
    rows = fragment.to_table(columns=[column], with_row_id=True)
    changed, modified = fragment.update_columns(rows, left_on="_rowid", right_on="_rowid")
    operation = lance.LanceOperation.Update(
        updated_fragments=[changed], fields_modified=modified, update_mode="rewrite_columns"
    )
    return lance.LanceDataset.commit(table.uri, operation, read_version=table.version)


def test_it_knows_fragments_and_their_live_rows(table: lance.LanceDataset) -> None:
    table.delete("a in (3, 4, 15)")
    layout = Snapshot(table).layout
    assert layout.fragments.tolist() == [0, 1, 2]
    assert layout.live.tolist() == [8, 9, 10]


@pytest.mark.parametrize("column", ["a", "b"])
def test_a_rewrite_moves_its_column_of_its_fragment_alone(table: lance.LanceDataset, column: str) -> None:
    before, after = Snapshot(table).layout, Snapshot(rewrite(table, 1, column)).layout
    for name in ("sample_id", "a", "b"):
        moved = (before.fingerprints([name]) != after.fingerprints([name])).tolist()
        assert moved == [False, name == column, False], name
    assert before.digest([column]) != after.digest([column])
    assert before.digest(["sample_id"]) == after.digest(["sample_id"])


def test_a_deletion_moves_the_digest_and_no_fingerprint(table: lance.LanceDataset) -> None:
    before = Snapshot(table).layout
    newer = lance.dataset(table.uri)
    newer.delete("a = 3")
    after = Snapshot(newer).layout
    assert (before.fingerprints(["a"]) == after.fingerprints(["a"])).all()
    assert before.digest(["a"]) != after.digest(["a"])


def test_appended_rows_move_the_digest(table: lance.LanceDataset) -> None:
    before = Snapshot(table).layout.digest(["a"])
    row = pa.table({"sample_id": [99], "a": [99], "b": [{"x": 1, "y": ""}]})
    assert Snapshot(lance.write_dataset(row, table.uri, mode="append")).layout.digest(["a"]) != before


def test_a_column_that_there_is_not_moves_nothing(table: lance.LanceDataset) -> None:
    layout = Snapshot(table).layout
    assert (layout.fingerprints(["a", "later"]) == layout.fingerprints(["a"])).all()
    assert len(layout.fingerprints(["later"])) == 3


def test_what_a_change_will_make_of_it_is_what_it_makes(table: lance.LanceDataset) -> None:
    before = Snapshot(table).layout
    newest = rewrite(table, 2, "b")
    changed = [fragment.metadata for fragment in newest.get_fragments() if fragment.fragment_id == 2]
    foreseen, made = before.after(changed, newest.lance_schema), Snapshot(newest).layout
    assert foreseen.digest(["a", "b"]) == made.digest(["a", "b"])


def test_columns_that_are_new_are_foreseen_too(table: lance.LanceDataset) -> None:
    before = Snapshot(table).layout
    fragments, schema = [], None
    for fragment in table.get_fragments():
        new = pa.record_batch({"c": pa.array(range(10))})
        metadata, schema = fragment.merge_columns(pa.RecordBatchReader.from_batches(new.schema, [new]))
        fragments.append(metadata)
    assert schema is not None
    operation = lance.LanceOperation.Merge(fragments, schema)
    newest = lance.LanceDataset.commit(table.uri, operation, read_version=table.version)
    made = Snapshot(newest).layout
    assert before.after(fragments, schema).digest(["a", "c"]) == made.digest(["a", "c"])
    assert before.digest(["a"]) == made.digest(["a"])
