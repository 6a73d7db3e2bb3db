"""What Lance does with commits that meet: each test says what mmreg does about it.

They pass while Lance behaves as it was seen to; one that fails after an upgrade names the guard to look at again.
"""

from __future__ import annotations

from typing import Any

import lance
import pyarrow as pa
import pytest
from lance.fragment import write_fragments
from lance.optimize import Compaction

L = lance.LanceOperation


def written(table: lance.LanceDataset, rows: pa.Table) -> list[Any]:
    return list(write_fragments(rows, table.uri, mode="append", enable_stable_row_ids=True))


def there(table: lance.LanceDataset) -> list[int]:
    found: list[int] = lance.dataset(table.uri).to_table(columns=["number"])["number"].to_pylist()
    return sorted(found)


def column(table: lance.LanceDataset, name: str, value: int) -> tuple[list[Any], Any]:
    """Fragments with a new column, and the schema with it."""
    schema = pa.schema([(name, pa.int64())])
    fragments, changed = [], None
    for fragment in table.get_fragments():
        batch = pa.record_batch([pa.array([value] * fragment.count_rows())], schema=schema)
        metadata, changed = fragment.merge_columns(pa.RecordBatchReader.from_batches(schema, [batch]))
        fragments.append(metadata)
    return fragments, changed


def refill(table: lance.LanceDataset, number: int) -> Any:
    """An Update that writes the texts of one fragment again."""
    fragment = table.get_fragment(number)
    rows = fragment.to_table(columns=["text"], with_row_id=True)
    metadata, modified, offsets = fragment.update_columns(rows, left_on="_rowid", with_offsets=True)
    return L.Update(
        updated_fragments=[metadata],
        fields_modified=modified,
        update_mode="rewrite_columns",
        updated_fragment_offsets={number: offsets},
    )


def rewrite(table: lance.LanceDataset, *numbers: int) -> Any:
    options: Any = {
        "target_rows_per_fragment": 1000,
        "materialize_deletions_threshold": 0.0,
        "excluded_fragment_ids": [n for n in table.fragment_ids() if n not in numbers],
    }
    tasks = Compaction.plan(table, options).tasks
    groups = [L.RewriteGroup(list(task.fragments), task.execute(table).new_fragments) for task in tasks]
    return L.Rewrite(groups, [])


def test_an_append_committed_twice_doubles_its_rows(make: Any, number_table: Any) -> None:
    """mmreg looks for the transaction's uuid, which is from the run's id, before it commits again."""
    table = make()
    transaction = lance.Transaction(table.version, L.Append(written(table, number_table([50]))))
    for _ in range(2):
        lance.LanceDataset.commit(table.uri, transaction)
    assert there(table).count(50) == 2


def test_an_update_committed_twice_is_refused(make: Any) -> None:
    """mmreg's own commits are updates, merges and rewrites, of which each conflicts with itself."""
    table = make()
    transaction = lance.Transaction(table.version, refill(table, 0))
    lance.LanceDataset.commit(table.uri, transaction, max_retries=0)
    with pytest.raises(OSError, match="conflict"):
        lance.LanceDataset.commit(table.uri, transaction, max_retries=0)


def test_an_append_lands_over_whatever_came_between(make: Any, commit: Any, number_table: Any) -> None:
    """Two that append one sample would both land: mmreg names the first fragment as updated in every change of rows."""
    table = make()
    for _ in range(2):
        commit(table, L.Append(written(table, number_table([50]))))
    assert there(table).count(50) == 2


def test_an_update_lands_beside_an_append_and_beside_another_fragment_s(
    make: Any, commit: Any, number_table: Any
) -> None:
    """So two runs could both be version 7: the first fragment is named in every update, changed or not."""
    table = make()
    ready = refill(table, 1)
    commit(table, refill(table, 2))
    commit(table, L.Append(written(table, number_table([50]))))
    after = commit(table, ready)
    assert after.version == table.version + 3


def test_updates_that_name_the_same_fragment_never_both_land(make: Any, commit: Any) -> None:
    """mmreg relies on it."""
    table = make()
    first = table.get_fragment(0).metadata
    one, other = refill(table, 1), refill(table, 2)
    one.updated_fragments.append(first)
    other.updated_fragments.append(first)
    commit(table, one)
    with pytest.raises(OSError, match="conflict"):
        commit(table, other)


@pytest.mark.parametrize("between", ["append", "delete", "rewrite", "merge", "update"])
def test_a_merge_is_refused_beside_anything(between: str, make: Any, commit: Any, number_table: Any) -> None:
    """mmreg relies on it: a new column is joined by row id to what is newest, and is prepared again when it lost."""
    table = make()
    ready = L.Merge(*column(table, "score", 1))
    match between:
        case "append":
            commit(table, L.Append(written(table, number_table([50]))))
        case "delete":
            lance.dataset(table.uri).delete("number = 1")
        case "rewrite":
            commit(table, rewrite(table, 0, 1))
        case "merge":
            commit(table, L.Merge(*column(table, "other", 2)))
        case "update":
            commit(table, refill(table, 1))
    with pytest.raises(OSError, match="conflict"):
        commit(table, ready)


def test_an_overwrite_without_retries_is_the_very_next_version_or_refused(
    make: Any, commit: Any, number_table: Any
) -> None:
    """mmreg publishes selections so: with retries, which are Lance's default, another's rows would be hidden."""
    table = make()
    rows = number_table([70])
    overwrite = L.Overwrite(rows.schema, written(table, rows))
    commit(table, L.Append(written(table, number_table([50]))))
    with pytest.raises(OSError, match="conflict"):
        commit(table, overwrite)
    commit(table, overwrite, max_retries=20)
    assert there(table) == [70]


def test_metadata_of_an_older_version_brings_deleted_rows_back(make: Any, commit: Any) -> None:
    """mmreg never carries a fragment's metadata over: its deletion file is taken from the newest version."""
    table = make()
    stale = table.get_fragment(0).metadata
    table.delete("number = 1")
    newest = lance.dataset(table.uri)
    commit(newest, L.Update(updated_fragments=[stale], fields_modified=[], update_mode="rewrite_columns"))
    assert 1 in there(table)


def test_two_columns_made_of_one_version_get_one_field_id(make: Any, commit: Any) -> None:
    """The second with a newer read version would replace the first's column: mmreg prepares columns anew instead."""
    table = make()
    one, other = column(table, "one", 1), column(table, "other", 2)
    newest = commit(table, L.Merge(*one))
    after = commit(newest, L.Merge(*other))
    assert "one" not in after.schema.names


def test_a_rewrite_lands_beside_an_update_of_other_fragments(make: Any, commit: Any) -> None:
    """mmreg's compaction rewrites or names the first fragment, too."""
    table = make()
    ready = rewrite(table, 1, 2)
    commit(table, refill(table, 0))
    assert sorted(commit(table, ready).fragment_ids()) == [0, 3]


def test_fragment_0_named_in_a_rewrite_gets_another_number(make: Any, commit: Any) -> None:
    """0 means "no number yet". mmreg counts on it only where there is no deletion file, see below."""
    table = make()
    first = table.get_fragment(0).metadata
    after = commit(table, L.Rewrite([L.RewriteGroup([first], [first])], []))
    assert sorted(after.fragment_ids()) == [1, 2, 3]
    assert there(after) == list(range(9))
    again = after.get_fragment(1).metadata
    assert sorted(commit(after, L.Rewrite([L.RewriteGroup([again], [again])], [])).fragment_ids()) == [1, 2, 3]


def test_fragment_0_with_a_deletion_file_named_in_a_rewrite_cannot_be_read(make: Any, commit: Any) -> None:
    """A deletion file is found by the fragment's number: mmreg writes such a fragment 0 anew."""
    table = make()
    table.delete("number = 1")
    table = lance.dataset(table.uri)
    first = table.get_fragment(0).metadata
    commit(table, L.Rewrite([L.RewriteGroup([first], [first])], []))
    with pytest.raises((OSError, ValueError), match="_deletions"):
        there(table)


def test_a_rewrite_beside_a_plain_append_gives_no_number_twice(make: Any, commit: Any, number_table: Any) -> None:
    """Numbers are given at the commit: mmreg never foretells them."""
    table = make()
    ready = rewrite(table, 0, 1, 2)
    commit(table, L.Append(written(table, number_table([50]))))
    after = commit(table, ready)
    assert sorted(after.fragment_ids()) == [3, 4]
    assert there(after) == [*range(9), 50]


def test_properties_survive_a_commit_and_are_read_back(make: Any) -> None:
    """mmreg keeps each Run there: data and provenance are one act."""
    table = make()
    said = {"mmreg.run": '{"name": "größer"}' + "x" * 100_000}
    transaction = lance.Transaction(
        table.version, refill(table, 0), uuid="11111111-1111-5111-8111-111111111111", transaction_properties=said
    )
    after = lance.LanceDataset.commit(table.uri, transaction, max_retries=0)
    found = after.read_transaction(after.version)
    assert found.transaction_properties == said
    assert found.uuid == transaction.uuid


@pytest.mark.parametrize("how", ["delete", "update", "add_columns", "compact", "index"])
def test_lance_s_own_writers_leave_no_properties(how: str, make: Any) -> None:
    """mmreg uses none of them on a registered table, and shows commits of others as unattributed or maintenance."""
    table = make()
    match how:
        case "delete":
            table.delete("number = 1")
        case "update":
            table.update({"text": "'new'"}, where="number = 1")
        case "add_columns":
            table.add_columns({"twice": "number * 2"})
        case "compact":
            table.optimize.compact_files()
        case "index":
            table.create_scalar_index("number", "BTREE")
    table = lance.dataset(table.uri)
    assert not table.read_transaction(table.version).transaction_properties


def test_an_upsert_with_a_stale_handle_makes_a_key_twice(make: Any, number_table: Any) -> None:
    """mmreg does not use it: it checks ids at every publish."""
    make()
    uri = make(name="u").uri
    handles = [lance.dataset(uri), lance.dataset(uri)]
    for handle in handles:
        handle.merge_insert("number").when_not_matched_insert_all().execute(number_table([40]))
    assert there(handles[0]).count(40) in (1, 2), "1: Lance has mended it (lance#4585)"


def test_what_stood_in_a_conflict_is_told_by_these_words(make: Any, commit: Any) -> None:
    """Types differ by call, so mmreg's `is_conflict` goes by the words."""
    table = make()
    commit(table, refill(table, 0))
    with pytest.raises(OSError) as refused:
        commit(table, refill(table, 0))
    text = str(refused.value)
    assert any(words in text for words in ("commit conflict", "Commit conflict", "preempted by concurrent"))
