"""What Lance does with tags, clones, clean-up and torn files: each test says what mmreg does about it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import lance
import pytest
from lance.fragment import write_fragments

NOW = timedelta(0)


def append(table: lance.LanceDataset, rows: Any) -> lance.LanceDataset:
    return lance.write_dataset(rows, table.uri, mode="append")


def test_a_tag_that_is_not_ascii_makes_all_tags_unreadable(make: Any) -> None:
    """mmreg's names are [A-Za-z0-9][A-Za-z0-9._-]*, its pins are named from uuids."""
    table = make()
    table.tags.create("good", 1)
    table.tags.create("é", 1)
    with pytest.raises((OSError, ValueError)):
        table.tags.list()
    table.tags.delete("é")
    assert list(table.tags.list()) == ["good"]


def test_of_many_that_create_a_tag_one_does(make: Any) -> None:
    """mmreg pins by it: who comes second finds the pin there."""
    table = make()

    def create(_: int) -> bool:
        try:
            lance.dataset(table.uri).tags.create("pin", 1)
        except (OSError, ValueError):
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(create, range(8))) == 1


def test_clean_up_refuses_tagged_versions_or_keeps_them(make: Any, number_table: Any) -> None:
    """mmreg names exact versions without tags, and so is told of a pin that came between."""
    table = append(append(make(), number_table([20])), number_table([30]))
    table.tags.create("pin", 1)
    with pytest.raises((OSError, ValueError)):
        table.cleanup_old_versions(versions=[1, 2])
    table.cleanup_old_versions(older_than=NOW, error_if_tagged_old_versions=False)
    assert {version["version"] for version in lance.dataset(table.uri).versions()} == {1, 3}


def test_the_transaction_of_a_version_that_was_cleaned_up_is_gone(make: Any, number_table: Any) -> None:
    """Every Run is also an object of the lake, and goes into the archive before anything is cleaned up."""
    table = append(make(), number_table([20]))
    table.cleanup_old_versions(versions=[1])
    with pytest.raises((OSError, ValueError)):
        lance.dataset(table.uri).read_transaction(1)


def test_clean_up_does_not_know_of_clones(make: Any, tmp_path: Path) -> None:
    """mmreg makes none, and no branches: selections are row ids, and pin what they refer to."""
    table = make()
    clone = table.shallow_clone(str(tmp_path / "clone.lance"), reference=1)
    assert clone.count_rows() == 9
    table.optimize.compact_files()
    lance.dataset(table.uri).cleanup_old_versions(older_than=NOW)
    with pytest.raises((OSError, ValueError)):
        lance.dataset(str(tmp_path / "clone.lance"), session=lance.Session()).to_table()


def test_clean_up_leaves_young_files_that_no_version_names(make: Any, commit: Any, number_table: Any) -> None:
    """They may be what another process is about to commit: mmreg never asks for ``delete_unverified``."""
    table = make()
    pending = list(write_fragments(number_table([20]), table.uri, mode="append"))
    table = append(table, number_table([30]))
    table.cleanup_old_versions(older_than=NOW)
    assert commit(table, lance.LanceOperation.Append(pending)).to_table().num_rows == 11


def test_deleting_unverified_files_destroys_what_is_being_written(make: Any, commit: Any, number_table: Any) -> None:
    """The commit after it succeeds, and the table cannot be read any more."""
    table = make()
    pending = list(write_fragments(number_table([20]), table.uri, mode="append"))
    table = append(table, number_table([30]))
    table.cleanup_old_versions(older_than=NOW, delete_unverified=True)
    commit(table, lance.LanceOperation.Append(pending))
    with pytest.raises((OSError, ValueError)):
        lance.dataset(table.uri, session=lance.Session()).to_table()


def test_leftovers_of_killed_writers_are_never_cleaned_up(make: Any, number_table: Any) -> None:
    """mmreg gc knows these names, and removes what is older than a week."""
    table = append(make(), number_table([20]))
    left = [
        Path(table.uri, "_versions", "18446744073709551000.manifest#1"),
        Path(table.uri, "_transactions", ".tmp-1"),
    ]
    for file in left:
        file.write_bytes(b"")
    table.cleanup_old_versions(older_than=NOW, delete_unverified=True)
    assert all(file.exists() for file in left)


def test_a_reader_of_a_version_that_is_cleaned_up_breaks(make: Any) -> None:
    """mmreg holds what it reads for long by a lease, and what a training reads by a tag."""
    table = make()
    reader = lance.dataset(table.uri, version=1, session=lance.Session())
    table.optimize.compact_files()
    lance.dataset(table.uri).cleanup_old_versions(older_than=NOW)
    with pytest.raises((OSError, ValueError)):
        reader.to_table()


def test_a_torn_manifest_stops_reading_and_writing_but_not_the_version_before(make: Any, number_table: Any) -> None:
    """mmreg fsck offers to go back to the one before."""
    table = append(make(), number_table([20]))
    [newest] = sorted(Path(table.uri, "_versions").glob("*.manifest"))[:1]
    newest.write_bytes(newest.read_bytes()[:40])
    with pytest.raises((OSError, ValueError)):
        lance.dataset(table.uri, session=lance.Session())
    with pytest.raises((OSError, ValueError)):
        append(table, number_table([30]))
    assert lance.dataset(table.uri, version=1, session=lance.Session()).count_rows() == 9


def test_a_wrong_hint_of_the_latest_version_is_ignored(make: Any, number_table: Any) -> None:
    """mmreg does not look after it."""
    table = append(make(), number_table([20]))
    for hint in Path(table.uri, "_versions").glob("*hint*"):
        hint.write_text('{"version": 1}')
    assert lance.dataset(table.uri, session=lance.Session()).version == 2
