"""A lake of any history has no finding; and each kind of damage is found, told and, where that is safe, mended."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lance
import pyarrow as pa
import pytest

from mmreg.errors import NotFound
from mmreg.registry.clean import remove_versions, removed_facet
from mmreg.registry.clock import now
from mmreg.registry.runs import archive, new_run_id
from mmreg.schemas.damage import Damage, FsckReport
from mmreg.schemas.progress import Quiet
from mmreg.schemas.run import Job, Run, RunState

HISTORIES = 3


def fsck(made: Any, **options: Any) -> FsckReport:
    report: FsckReport = made.open().fsck(**options)
    return report


def damage(made: Any, **options: Any) -> Damage:
    """The only finding."""
    (found,) = fsck(made, **options).damages
    return found


def assert_mended(made: Any) -> None:
    """One finding, which is mended; after that there is none, and the project goes on."""
    assert damage(made, deep=True, repair=True).repaired
    assert fsck(made, deep=True).damages == ()
    assert made.open().doctor().ok
    made.draw("later", "after it was mended")
    made.apply()
    assert fsck(made, deep=True).damages == ()


def files_of(made: Any, pattern: str) -> list[Path]:
    return sorted((made.folder / "lake").glob(pattern))


def data_files(registry: Any, ref: str) -> set[str]:
    """Names of the data files that a version needs."""
    fragments = registry.open_version(ref).table.get_fragments()
    return {file.path for fragment in fragments for file in fragment.metadata.files}


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_lake_with_a_history_is_whole_and_stays_as_it_is(grown: Any) -> None:
    before = contents(grown.folder / "lake")
    report = fsck(grown, deep=True)
    assert report.damages == ()
    assert (report.ok, report.undigested, report.datasets) == (True, 0, 3)
    assert report.cells == 9 and report.versions >= 8
    assert report.bytes >= sum(path.stat().st_size for path in files_of(grown, "*.lance/data/*"))
    assert contents(grown.folder / "lake") == before


def test_one_dataset_alone(grown: Any) -> None:
    files_of(grown, "pairs.lance/data/*")[0].unlink()
    assert fsck(grown, dataset="splits").damages == ()
    assert {found.dataset for found in fsck(grown, dataset="pairs").damages} == {"pairs"}
    with pytest.raises(NotFound, match="no such dataset"):
        fsck(grown, dataset="nothing")


def test_a_lake_on_an_object_store(project: Callable[..., Any], s3_lake: Callable[[], Any]) -> None:
    made = project(2, lake=s3_lake())
    made.apply("pairs", "words", "keep")
    assert fsck(made, deep=True).damages == ()
    store = made.open().lake.store
    key = next(key for key in store.list("pairs.lance/data"))
    store.put(key, b"".join(store.stream(key))[:-1] + b"!")
    assert damage(made, deep=True).file == key
    assert damage(made, deep=True).kind == "changed"


def test_random_histories_have_no_finding(project: Callable[..., Any]) -> None:
    for seed in range(HISTORIES):
        dice, made = random.Random(seed), project(name=f"history{seed}")
        for _ in range(6):
            match dice.choice(["draw", "draw", "erase", "apply", "one", "promote", "archive", "foreign", "doctor"]):
                case "draw":
                    made.draw(f"{dice.randrange(8):03}", dice.choice(["one", "two words", None]), dice.randrange(4))
                case "erase":
                    made.erase(f"{dice.randrange(8):03}")
                case "apply":
                    made.apply()
                case "one":
                    made.apply(dice.choice(["pairs", "light", "words"]))
                case "archive":
                    archive(made.open().lake.store, keep=dice.randrange(3))
                case "doctor":
                    made.open().doctor()
                case verb if (table := made.folder / "lake" / "pairs.lance").exists():
                    if verb == "promote":
                        made.open().promote("pairs")
                    else:
                        lance.dataset(str(table)).delete(f"caption = '{dice.choice(['one', 'two words'])}'")
            assert fsck(made, deep=True).damages == (), seed
            assert fsck(made).damages == (), seed


def test_a_finding_tells_file_rows_columns_and_the_last_good_version(grown: Any) -> None:
    registry = grown.open()
    table = lance.dataset(registry.show("pairs@latest").uri)
    newest = table.get_fragments()[-1]
    path = newest.metadata.files[0].path
    file = grown.folder / "lake" / "pairs.lance" / "data" / path
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    found = damage(grown, deep=True)
    rows = newest.to_table(columns=[], with_row_id=True)["_rowid"].to_pylist()
    assert (found.kind, found.dataset, found.file) == ("changed", "pairs", f"pairs.lance/data/{path}")
    assert (found.rows, list(found.row_ids)) == (len(rows), rows[:5])
    assert {"sample_id", "image", "caption"} <= set(found.columns)
    using = [entry.ref for entry in registry.log("pairs") if path in data_files(registry, entry.ref)]
    assert found.last_good not in using
    assert found.last_good == next(entry.ref for entry in registry.log("pairs") if entry.ref not in using)


def test_a_commit_without_run_object_gets_one(grown: Any) -> None:
    archive(grown.open().lake.store)
    grown.draw("more", "a last one")
    grown.apply("pairs")
    (object,) = (path for path in files_of(grown, "_mmreg/runs/*/*.json") if '"ingest"' in path.read_text())
    object.unlink()
    found = damage(grown)
    assert (found.kind, found.repaired, found.hint) == ("run_missing", False, "mmreg fsck --repair")
    assert_mended(grown)
    assert object.exists()


@pytest.mark.parametrize("content", [b"", b"{", None])
def test_a_damaged_run_object_is_written_anew_from_its_commit(grown: Any, content: bytes | None) -> None:
    archive(grown.open().lake.store)
    grown.draw("more", "a last one")
    grown.apply("pairs")
    (object,) = (path for path in files_of(grown, "_mmreg/runs/*/*.json") if '"ingest"' in path.read_text())
    whole = object.read_bytes()
    object.write_bytes(whole.replace(b'"added":1', b'"added":7') if content is None else content)
    kinds = [found.kind for found in fsck(grown).damages]
    assert kinds[0] == "run_damaged"
    fsck(grown, repair=True)
    assert object.read_bytes() == whole
    assert fsck(grown, deep=True).damages == ()
    (aside,) = files_of(grown, "_mmreg/quarantine/*/_mmreg/runs/*/*.json")
    assert aside.name == object.name


def test_a_damaged_run_object_of_nothing_else_stays_as_it_is(grown: Any) -> None:
    archive(grown.open().lake.store)
    grown.open().validate("train")
    (object,) = files_of(grown, "_mmreg/runs/*/*.json")
    object.write_bytes(object.read_bytes()[:-20])
    before = object.read_bytes()
    found = damage(grown, repair=True)
    assert (found.kind, found.repaired) == ("run_damaged", False)
    assert object.read_bytes() == before


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        '{"version": 999}',
        '{"version": 1}',
        '{"version": 2, "createdAt": "20 o6"}',
        '{"wersion": 2, "version": 2}',
    ],
)
def test_a_torn_pin_is_made_anew(grown: Any, content: str) -> None:
    pins = files_of(grown, "pairs.lance/_refs/tags/mmreg-*.json")
    torn = next(pin for pin in pins if json.loads(pin.read_text())["version"] != 1)
    version = json.loads(torn.read_text())["version"]
    torn.write_text(content)
    found = damage(grown)
    assert (found.kind, found.dataset) == ("tag", "pairs")
    assert_mended(grown)
    assert json.loads(torn.read_text())["version"] == version


def test_a_lost_pin_is_made_anew(grown: Any) -> None:
    needed = grown.open().latest("train").roots[0]
    tag = grown.folder / "lake" / "pairs.lance" / "_refs" / "tags" / f"mmreg-{needed['uuid']}.json"
    tag.unlink()
    found = damage(grown)
    assert (found.kind, found.dataset) == ("pin", "pairs") and "train@" in found.message
    assert_mended(grown)
    assert tag.exists()


def test_a_torn_tag_of_a_person_is_told_and_left(grown: Any) -> None:
    lance.dataset(grown.open().show("pairs@latest").uri).tags.create("mine", 1)
    file = grown.folder / "lake" / "pairs.lance" / "_refs" / "tags" / "mine.json"
    file.write_text("")
    found = damage(grown, repair=True)
    assert (found.kind, found.repaired) == ("tag", False) and str(file).endswith(found.file or "-")


def test_samples_that_are_there_twice(grown: Any) -> None:
    uri = grown.open().show("pairs@latest").uri
    rows = lance.dataset(uri).to_table(columns=["sample_id", "image", "caption", "_source"])
    lance.write_dataset(rows.slice(0, 2), uri, mode="append")
    found = damage(grown, deep=True)
    assert (found.kind, found.rows) == ("duplicate", 2)
    assert set(found.sample_ids) == {id.hex() for id in rows["sample_id"].to_pylist()[:2]}
    taken = lance.dataset(uri)._take_rows(list(found.row_ids), columns=["sample_id"])["sample_id"].to_pylist()
    assert {id.hex() for id in taken} == set(found.sample_ids)


def test_media_that_are_not_their_digests(grown: Any) -> None:
    table = lance.dataset(grown.open().show("pairs@latest").uri)
    row = table.to_table(columns=["sample_id", "image"]).slice(1, 1)
    cell = row["image"][0].as_py() | {"bytes": b"another picture"}
    changed = row.set_column(1, "image", pa.array([cell], row.schema.field("image").type))
    table.merge_insert("sample_id").when_matched_update_all().execute(changed)
    found = damage(grown, deep=True)
    assert (found.kind, found.rows, found.columns) == ("media", 1, ("image",))
    assert found.sample_ids == (row["sample_id"][0].as_py().hex(),)
    assert fsck(grown).damages == ()


def test_references_to_rows_that_are_not_there(grown: Any) -> None:
    train = lance.dataset(grown.open().show("train@latest").uri)
    lance.write_dataset(
        pa.table({"row_id": pa.array([4711], pa.uint64())}).cast(train.schema), train.uri, mode="append"
    )
    assert grown.open().log("train")[0].kind == "unattributed"
    found = damage(grown)
    assert (found.kind, found.dataset, found.rows, found.row_ids) == ("dangling", "train", 1, (4711,))


def test_a_version_that_is_gone(grown: Any) -> None:
    root = grown.open().latest("train").roots[0]
    manifest = grown.folder / "lake" / "pairs.lance" / "_versions" / f"{2**64 - 1 - root['lance_version']:020}.manifest"
    manifest.unlink()
    kinds = {(found.kind, found.dataset) for found in fsck(grown).damages}
    assert {("version_missing", "pairs"), ("dangling", "train")} <= kinds


def test_a_version_that_was_removed_on_purpose_is_no_damage(grown: Any) -> None:
    registry = grown.open()
    pinned = {tag["version"] for tag in registry.lake.table("pairs").tags.list().values()}
    row = next(r for r in registry.catalog.versions("pairs")[1:] if r.lance_version not in pinned)
    moment = now()
    job = Job("maintenance", "gc")
    registry.record(Run(new_run_id(), job, RunState.COMPLETE, moment, moment, facets=removed_facet([row])))
    assert fsck(grown, deep=True).damages == (), "killed before it was removed"
    remove_versions(registry.lake, "pairs", [row.lance_version])
    assert fsck(grown, deep=True).damages == ()


def test_what_runs_name(grown: Any) -> None:
    summary = grown.open().catalog.last_run("pass", "words").facets["pass"]["summary"]
    (grown.folder / "lake" / "_mmreg" / "objects" / summary[:2] / summary).unlink()
    decisions = files_of(grown, "_mmreg/decisions/train/*")[0]
    decisions.write_bytes(decisions.read_bytes()[:-1])
    rows = grown.open().catalog.last_run("ingest", "pairs").facets["files"]["pairs"]["object"]
    listed = grown.folder / "lake" / "_mmreg" / "objects" / rows[:2] / rows
    listed.write_bytes(listed.read_bytes().replace(b"data", b"date", 1))
    report = fsck(grown)
    assert {found.kind for found in report.damages} == {"object"}
    named = {Path(found.file or "").name for found in report.damages}
    assert named == {summary, decisions.name, rows}
    assert report.undigested > 0


def test_files_of_others_are_digested_when_somebody_says_so(grown: Any) -> None:
    table = lance.dataset(grown.open().show("pairs@latest").uri)
    table.update({"caption": "'overwritten'"}, where="caption = 'one'")
    grown.open().ls()
    file = max(files_of(grown, "pairs.lance/data/*"), key=lambda path: path.stat().st_mtime_ns)
    report = fsck(grown, deep=True)
    assert report.damages == () and report.undigested >= 1
    report = fsck(grown, deep=True, repair=True)
    assert report.recorded >= 1 and report.undigested == 0
    assert fsck(grown, deep=True).undigested == 0
    content = bytearray(file.read_bytes())
    content[len(content) // 3] ^= 8
    file.write_bytes(content)
    assert damage(grown, deep=True).file == str(file.relative_to(grown.folder / "lake"))


def test_a_damaged_archive(grown: Any) -> None:
    file = max(files_of(grown, "_mmreg/runs.lance/data/*"), key=lambda path: path.stat().st_size)
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    kinds = {found.kind for found in fsck(grown, deep=True).damages if found.file and "runs.lance" in found.file}
    assert kinds == {"unreadable", "changed"}


def test_what_is_removed_while_it_looks_is_no_damage(grown: Any) -> None:
    registry = grown.open()
    pinned = {tag["version"] for tag in registry.lake.table("pairs").tags.list().values()}
    row = next(r for r in registry.catalog.versions("pairs")[1:] if r.lance_version not in pinned)

    class CleanedUp(Quiet):
        """Begins to digest files when clean-up has just taken a version."""

        def start(self, label: str, total: int | None) -> None:
            if row.lance_version in registry.lake.versions_on_disk("pairs"):
                job, moment = Job("maintenance", "gc"), now()
                facets = removed_facet([row])
                registry.record(Run(new_run_id(), job, RunState.COMPLETE, moment, moment, facets=facets))
                remove_versions(registry.lake, "pairs", [row.lance_version])

    assert fsck(grown, deep=True, dataset="pairs", progress=CleanedUp()).damages == ()
    assert row.lance_version not in registry.lake.versions_on_disk("pairs")
