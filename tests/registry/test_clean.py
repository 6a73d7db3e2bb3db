"""Removing exact versions, and nothing that another version or anybody else may need."""

from __future__ import annotations

import os
import random
from pathlib import Path

import lance
import pyarrow as pa
import pytest

from mmreg.errors import UsageError
from mmreg.registry.clean import Cleaned, remove_versions
from mmreg.registry.lake import Lake


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake.create(str(tmp_path / "lake"), {})


def table(lake: Lake, versions: int, mode: str = "overwrite") -> lance.LanceDataset:
    rows = pa.table({"a": range(50)})
    for _ in range(versions):
        made = lance.write_dataset(rows, lake.table_uri("t"), mode=mode if lake.find_table("t") else "create")
    return made


def on_disk(lake: Lake) -> dict[str, int]:
    return {entry.key: entry.size for entry in lake.store.scan("t.lance")}


def test_it_removes_those_versions_and_says_what_went(lake: Lake) -> None:
    table(lake, 4)
    before = on_disk(lake)
    went = remove_versions(lake, "t", [1, 3])
    gone = {key: before[key] for key in before.keys() - on_disk(lake)}
    assert went == Cleaned(len(gone), sum(gone.values())) == Cleaned(6, went.bytes)
    assert lake.versions_on_disk("t") == [2, 4]
    assert remove_versions(lake, "t", [1, 3]) == Cleaned(0, 0), "it can be repeated"
    assert remove_versions(lake, "t", []) == Cleaned(0, 0)


def test_the_newest_and_tagged_versions_are_refused_with_nothing_removed(lake: Lake) -> None:
    table(lake, 3).tags.create("release", 2)
    with pytest.raises(UsageError, match="Lance version 3 is the newest"):
        remove_versions(lake, "t", [1, 3])
    with pytest.raises(UsageError, match="never removed: release on Lance version 2"):
        remove_versions(lake, "t", [1, 2])
    assert lake.versions_on_disk("t") == [1, 2, 3]


def test_files_that_no_version_names_stay_while_they_are_young(lake: Lake) -> None:
    table(lake, 2)
    uncommitted = Path(lake.table_uri("t"), "data", "0000.lance")
    uncommitted.write_bytes(b"being written")
    remove_versions(lake, "t", [1])
    assert uncommitted.read_bytes() == b"being written"


def test_no_order_of_removals_and_tags_leaves_a_file_behind_or_takes_one_too_many(lake: Lake) -> None:
    chance = random.Random(7)
    made = table(lake, 3, "append")
    for number in range(4):
        made.delete(f"a % 11 = {number}")
        made = table(lake, 1, chance.choice(["append", "overwrite"]))
    contents = {v["version"]: lance.dataset(made.uri, version=v["version"]).to_table() for v in made.versions()}
    old = sorted(contents)[:-1]
    chance.shuffle(old)
    tagged = {version for version in old if chance.random() < 0.5}
    for version in tagged:
        made.tags.create(f"t{version}", version)
    while old:
        doomed, old = old[:2], old[2:]
        for version in tagged.intersection(doomed):
            made.tags.delete(f"t{version}")
        before = on_disk(lake)
        went = remove_versions(lake, "t", doomed)
        assert went.bytes == sum(before[key] for key in before.keys() - on_disk(lake))
        for version in lake.versions_on_disk("t"):
            assert lake.table("t", version).to_table() == contents[version]
    tracked = {f"t.lance/{path}" for path in lake.table("t").tracked_files().read_all()["path"].to_pylist()}
    assert on_disk(lake).keys() - tracked == {"t.lance/_versions/latest_version_hint.json"}


def test_a_version_whose_files_went_in_a_removal_that_was_killed_can_be_removed_again(lake: Lake) -> None:
    table(lake, 3)
    for path in lake.table("t", 1).tracked_files().read_all().filter(pa.compute.field("version") == 1).to_pylist():
        if path["type"] != "manifest":
            os.unlink(Path(lake.table_uri("t"), path["path"]))
    remove_versions(lake, "t", [1])
    assert lake.versions_on_disk("t") == [2, 3]
