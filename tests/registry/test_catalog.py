"""The index: what it makes of runs, how it keeps up with the lake, and what it survives."""

from __future__ import annotations

import json
import logging
import math
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex, CreateTable
from sqlmodel import Session, create_engine, select

from mmreg.errors import IntegrityError, NotFound, StorageError, UsageError
from mmreg.registry.catalog import Catalog, database, tables
from mmreg.registry.runs import archive, list_objects, write_run
from mmreg.registry.store import Store, open_store
from mmreg.registry.store_local import LocalStore
from mmreg.schemas.refs import ModelRef, NodeRef, VersionRef
from mmreg.schemas.run import Job, JobKind, Run, RunInput, RunState, VersionOutput

URL = "sqlite:///.mmreg/catalog.db"


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    opened = Catalog.open(URL, tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(str(tmp_path / "lake"), {})


def a_run(number: int, kind: JobKind = "pass", name: str = "stats", **parts: Any) -> Run:
    """Run ``number`` of a history in which each takes a second."""
    run = Run(
        id=f"20260101T0000{number:02}.000000Z-{number:010x}",
        job=Job(kind, name),
        state=RunState.COMPLETE,
        started_at=f"2026-01-01T00:00:{number:02}.000000Z",
        ended_at=f"2026-01-01T00:00:{number:02}.500000Z",
    )
    return replace(run, **parts)


def pairs(ordinal: int, **changes: Any) -> VersionOutput:
    output = VersionOutput("pairs", f"{ordinal:04x}0000-0000", ordinal, "root", 10 * ordinal)
    return replace(output, lance_version=ordinal, **changes)


def a_model(name: str, digest: str, **facts: Any) -> dict[str, Any]:
    return {"name": name, "digest": digest * 32, "framework": "open_clip", **facts}


HISTORY = [
    a_run(1, "ingest", "pairs", outputs=(pairs(1, rejected=2),), inputs=(RunInput("source", "s1", "data/"),)),
    a_run(2, outputs=(pairs(2, columns=("width", "blur")),), inputs=(RunInput("version", "x", "pairs@v1"),)),
    a_run(3, "select", "train", outputs=(VersionOutput("train", "7777aaaa-0", 1, "derived", 4),)),
    a_run(4, "promotion", "pairs", facets={"promotion": {"dataset": "pairs", "uuid": pairs(1).uuid}}),
    a_run(5, outputs=(pairs(3),)),
]


def look(catalog: Catalog) -> dict[str, Any]:
    """All that a person can see of an index."""
    names = [summary.name for summary in catalog.datasets()]
    return {
        "ls": catalog.datasets(),
        "log": {name: catalog.log(name) for name in names},
        "models": catalog.models(),
        "runs": {run.id for run in catalog.runs()},
    }


# Versions


def test_a_history_of_versions(catalog: Catalog) -> None:
    for run in HISTORY:
        assert catalog.absorb(run)
    root, derived = catalog.datasets()
    assert (root.name, root.kind, root.current, root.latest) == ("pairs", "root", "pairs@v1", "pairs@v3")
    assert (root.promoted, root.rows, root.rejected, root.versions) == (True, 10, 2, 3)
    assert root.updated_at == HISTORY[4].ended_at
    assert (derived.name, derived.kind, derived.current, derived.promoted) == (
        "train",
        "derived",
        "train@v1",
        False,
    )
    log = catalog.log("pairs")
    assert [entry.ref for entry in log] == ["pairs@v3", "pairs@v2", "pairs@v1"]
    assert [entry.promoted for entry in log] == [False, False, True]
    assert (log[1].job, log[1].columns, log[1].run) == ("pass stats", ("width", "blur"), HISTORY[1].id)
    assert log[2].job == "ingest pairs"
    assert {entry.kind for entry in log} == {"published"}


def test_a_version_keeps_what_its_run_said(catalog: Catalog) -> None:
    roots = ({"dataset": "pairs", "uuid": "u", "lance_version": 4},)
    catalog.absorb(a_run(1, "select", "keep", outputs=(pairs(1, kind="derived", roots=roots),)))
    (row,) = catalog.versions("pairs")
    assert (row.ref, row.roots, row.kind, row.lance_version) == ("pairs@v1", roots, "derived", 1)
    assert (row.job_kind, row.job_name, row.created_at) == ("select", "keep", "2026-01-01T00:00:01.500000Z")


def test_a_compaction_shows_as_maintenance(catalog: Catalog) -> None:
    catalog.absorb(a_run(1, "maintenance", "compact", outputs=(pairs(1),)))
    assert [entry.kind for entry in catalog.log("pairs")] == ["maintenance"]


@pytest.mark.parametrize(
    ("text", "ordinal"),
    [
        ("pairs", 1),
        ("pairs@latest", 3),
        ("pairs@v2", 2),
        ("pairs@0002", 2),
        ("pairs@00030000-0000", 3),
        ("train", 1),
    ],
)
def test_what_a_ref_means(catalog: Catalog, text: str, ordinal: int) -> None:
    for run in HISTORY:
        catalog.absorb(run)
    assert catalog.resolve(VersionRef.parse(text)).ordinal == ordinal


def test_a_bare_name_is_the_latest_until_something_is_promoted(catalog: Catalog) -> None:
    for run, meant in zip(HISTORY, [1, 2, 2, 1, 1], strict=True):
        catalog.absorb(run)
        assert catalog.resolve(VersionRef("pairs")).ordinal == meant


def test_the_last_promotion_counts_whenever_it_is_met(catalog: Catalog) -> None:
    later = a_run(6, "promotion", "pairs", facets={"promotion": {"dataset": "pairs", "uuid": pairs(2).uuid}})
    failed = replace(
        a_run(7, "promotion", "pairs", facets={"promotion": {"dataset": "pairs", "uuid": pairs(3).uuid}}),
        state=RunState.FAILED,
    )
    for run in [failed, later, *HISTORY]:
        catalog.absorb(run)
    assert catalog.resolve(VersionRef("pairs")).ref == "pairs@v2"


def test_the_last_word_is_by_the_end_of_a_run_then_by_its_id(catalog: Catalog) -> None:
    def decided(number: int, end: int, ordinal: int) -> Run:
        """A run with the id of ``number`` that decides everything for version ``ordinal`` and its model."""
        digest = f"{ordinal}{ordinal}"
        return a_run(
            number,
            ended_at=f"2026-01-01T00:01:{end:02}.000000Z",
            outputs=(pairs(ordinal),),
            checkpoints=(a_model("clip", digest),),
            facets={
                "promotion": {"dataset": "pairs", "uuid": pairs(ordinal).uuid},
                "alias": {"model": "clip", "alias": "champion", "digest": digest * 32},
                "metrics": {"00" * 32: {"loss": float(ordinal)}},
            },
        )

    catalog.absorb(a_run(1, "model", "base", checkpoints=(a_model("base", "00"),)))
    for run, last in [(decided(5, 1, 1), 1), (decided(4, 2, 2), 2), (decided(3, 2, 3), 2), (decided(2, 1, 4), 2)]:
        catalog.absorb(run)
        assert catalog.resolve(VersionRef("pairs")).ordinal == last
        assert catalog.checkpoint(ModelRef("clip")).digest == f"{last}" * 64
        assert catalog.checkpoint(ModelRef("clip", "champion")).digest == f"{last}" * 64
        assert catalog.models()[0].metrics == {"loss": float(last)}
        ended = catalog.last_run("pass", "stats")
        assert ended is not None
        assert ended.outputs == (pairs(last),)


@pytest.mark.parametrize(
    ("text", "error", "words", "hint"),
    [
        ("pair", NotFound, "no dataset 'pair'; did you mean 'pairs'?", "mmreg ls"),
        ("zzzzzzzz@v1", NotFound, "no dataset 'zzzzzzzz'", "mmreg ls"),
        ("pairs@v9", NotFound, "pairs@v9: no such version; the latest is pairs@v3", "mmreg log pairs"),
        ("pairs@champion", NotFound, "the latest is pairs@v3", "mmreg log pairs"),
        ("pairs@ffff", NotFound, "the latest is pairs@v3", "mmreg log pairs"),
        ("pairs@7777", NotFound, "the latest is pairs@v3", "mmreg log pairs"),
        ("pairs@0002", UsageError, "pairs@v9 (00029999), pairs@v2 (00020000-0000)", "pairs@00029999"),
    ],
)
def test_a_ref_that_means_nothing(catalog: Catalog, text: str, error: type[Exception], words: str, hint: str) -> None:
    for run in HISTORY:
        catalog.absorb(run)
    if error is UsageError:
        catalog.absorb(a_run(9, outputs=(pairs(9, uuid="00029999"),)))
    with pytest.raises(error) as caught:
        catalog.resolve(VersionRef.parse(text))
    assert words in str(caught.value)
    assert str(caught.value).endswith(hint)


def test_an_index_of_nothing(catalog: Catalog) -> None:
    assert look(catalog) == {"ls": [], "log": {}, "models": [], "runs": set()}
    assert catalog.versions("pairs") == []
    with pytest.raises(NotFound, match="no dataset 'pairs'; there is none yet"):
        catalog.log("pairs")


def test_two_versions_with_one_number_are_a_contradiction(catalog: Catalog) -> None:
    catalog.absorb(a_run(1, outputs=(pairs(1),)))
    catalog.absorb(a_run(2, outputs=(pairs(1, uuid="ffff"),)))
    with pytest.raises(IntegrityError, match="pairs@v1 names 2 versions"):
        catalog.resolve(VersionRef.parse("pairs@v1"))


# Models


TRAINED = [
    a_run(
        11, "training", "clip",
        inputs=(RunInput("version", pairs(1).uuid, "pairs", "trained_on"), RunInput("version", "other", "pairs@v8")),
        checkpoints=(a_model("clip", "aa", size_bytes=7, license="mit", base="b", path="ckpt"),),
        facets={"metrics": {"loss": 0.5}, "alias": {"model": "clip", "alias": "champion", "digest": "aa" * 32}},
    ),
    a_run(12, "training", "clip", checkpoints=(a_model("clip", "bb"), a_model("aux", "cc")),
          facets={"metrics": {"bb" * 32: {"loss": 0.25}, "cc" * 32: {"loss": math.nan}}}),
    a_run(13, "evaluation", "zero-shot",
          inputs=(RunInput("checkpoint", "aa" * 32, "clip"), RunInput("version", "v", "pairs@v1", "evaluated_on")),
          facets={"metrics": {"recall@1": 0.75, "loss": 0.375}}),
    a_run(14, "alias", "clip", facets={"alias": {"model": "clip", "alias": "champion", "digest": "bb" * 32}}),
    a_run(15, "alias", "clip", facets={"alias": {"model": "clip", "alias": "control", "digest": "aa" * 32}}),
    a_run(16, "ingest", "pairs", outputs=(pairs(1),)),
]  # fmt: skip


def test_models_with_what_is_known_of_them(catalog: Catalog) -> None:
    for run in reversed(TRAINED):
        catalog.absorb(run)
    aux, newer, older = catalog.models()
    assert (older.name, older.digest, older.aliases) == ("clip", "aa" * 32, ("control",))
    assert (older.trained_on, older.run) == (("pairs@v1",), TRAINED[0].id)
    assert older.metrics == {"loss": 0.375, "recall@1": 0.75}
    assert (older.size_bytes, older.license, older.base, older.path) == (7, "mit", "b", "ckpt")
    assert (newer.digest, newer.aliases, newer.metrics) == ("bb" * 32, ("champion",), {"loss": 0.25})
    assert newer.created_at == TRAINED[1].ended_at
    assert (aux.name, aux.trained_on) == ("aux", ())
    assert math.isnan(aux.metrics["loss"])


@pytest.mark.parametrize(
    ("text", "digest"),
    [("clip", "bb"), ("clip@champion", "bb"), ("clip@control", "aa"), ("clip@aaaa", "aa"), ("aux", "cc")],
)
def test_what_a_model_ref_means(catalog: Catalog, text: str, digest: str) -> None:
    for run in TRAINED:
        catalog.absorb(run)
    assert catalog.checkpoint(ModelRef.parse(text)).digest == digest * 32


@pytest.mark.parametrize(
    ("text", "error", "words"),
    [
        ("clap", NotFound, "no model 'clap'; did you mean 'clip'?"),
        ("clip@champoin", NotFound, "did you mean 'champion'?"),
        ("aux@champion", NotFound, "it has no alias yet"),
        ("clip@cccc", NotFound, "no alias or digest of model 'clip' begins like that"),
        ("clip@gone", NotFound, "which is not registered"),
        ("clip@abab", UsageError, f"clip@abab could be {'ab' * 31 + 'cd'}, {'ab' * 32}"),
    ],
)
def test_a_model_ref_that_means_nothing(catalog: Catalog, text: str, error: type[Exception], words: str) -> None:
    for run in TRAINED:
        catalog.absorb(run)
    catalog.absorb(a_run(18, "model", "clip", checkpoints=(a_model("clip", "ab"),)))
    twin = {**a_model("clip", "ab"), "digest": "ab" * 31 + "cd"}
    catalog.absorb(a_run(19, "model", "clip", checkpoints=(twin,)))
    alias = {"model": "clip", "alias": "gone", "digest": "dd" * 32}
    catalog.absorb(a_run(20, "alias", "clip", facets={"alias": alias}))
    with pytest.raises(error) as caught:
        catalog.checkpoint(ModelRef.parse(text))
    assert words in str(caught.value)


def test_a_checkpoint_made_twice_is_one(catalog: Catalog) -> None:
    again = replace(TRAINED[0], id="20260101T000030.000000Z-0", ended_at="2026-01-01T00:00:30.000000Z")
    catalog.absorb(again)
    catalog.absorb(TRAINED[0])
    assert [(model.digest, model.run) for model in catalog.models()] == [("aa" * 32, again.id)]


# Runs


def test_runs_are_found_by_id_prefix_and_job(catalog: Catalog) -> None:
    for run in HISTORY:
        catalog.absorb(run)
    assert catalog.run(HISTORY[1].id) == HISTORY[1]
    assert catalog.run(HISTORY[1].id[:16]) == HISTORY[1]
    assert [run.id for run in catalog.runs("pass")] == [HISTORY[4].id, HISTORY[1].id]
    assert catalog.runs("pass", "embed") == []
    assert len(catalog.runs()) == 5
    with pytest.raises(UsageError, match=r"could be run:20260101T000001.*run:20260101T000005"):
        catalog.run("2026")
    with pytest.raises(NotFound, match="run:2027"):
        catalog.run("2027")


def test_the_last_run_of_a_job_in_a_state(catalog: Catalog) -> None:
    failed = a_run(9, state=RunState.FAILED)
    for run in [failed, *HISTORY]:
        catalog.absorb(run)
    assert catalog.last_run("pass", "stats") == HISTORY[4]
    assert catalog.last_run("pass", "stats", ("complete", "failed")) == failed
    assert catalog.last_run("pass", "stats", ("aborted",)) is None


def test_absorbing_twice_is_absorbing_once(catalog: Catalog) -> None:
    for run in HISTORY + TRAINED:
        catalog.absorb(run)
    before = look(catalog)
    assert [catalog.absorb(run) for run in HISTORY] == [False] * len(HISTORY)
    assert look(catalog) == before


def test_a_richer_copy_replaces_a_poorer_one_and_not_the_other_way(catalog: Catalog) -> None:
    rich = a_run(2, outputs=(pairs(1), VersionOutput("train", "eeee", 1, "derived", 3, lance_version=1)))
    poor = replace(rich, outputs=(replace(pairs(1), lance_version=None),))
    assert catalog.absorb(poor)
    assert catalog.resolve(VersionRef("pairs")).lance_version == 0
    assert catalog.absorb(rich)
    assert not catalog.absorb(poor)
    assert catalog.run(rich.id) == rich
    assert catalog.resolve(VersionRef("pairs")).lance_version == 1
    assert [summary.name for summary in catalog.datasets()] == ["pairs", "train"]
    with pytest.raises(IntegrityError, match="two records of it say different things"):
        catalog.absorb(replace(rich, facets={"a": 1}))
    assert catalog.run(rich.id) == rich


# Keeping up with the lake


def test_catching_up_reads_each_object_once(catalog: Catalog, store: Store) -> None:
    assert catalog.catch_up(store) == 0
    for number, run in enumerate(HISTORY):
        write_run(store, run)
        assert catalog.catch_up(store) == 1
        assert len(catalog.runs()) == number + 1
    assert catalog.catch_up(store) == 0
    assert 0 <= catalog.age_s() < 60


def test_an_index_that_never_looked_is_old(catalog: Catalog) -> None:
    assert catalog.age_s() > 50 * 365 * 86400


def test_own_runs_are_not_new(catalog: Catalog, store: Store) -> None:
    for run in HISTORY:
        write_run(store, run)
        catalog.absorb(run)
    assert catalog.catch_up(store) == 0


def test_catching_up_notices_a_richer_copy(catalog: Catalog, store: Store) -> None:
    rich = a_run(1, outputs=(pairs(1),))
    write_run(store, replace(rich, outputs=()))
    assert catalog.catch_up(store) == 1
    write_run(store, rich)
    assert catalog.catch_up(store) == 1
    assert catalog.run(rich.id) == rich


def test_catching_up_notices_the_archive(tmp_path: Path, catalog: Catalog, store: Store) -> None:
    for run in HISTORY[:3]:
        write_run(store, run)
    assert catalog.catch_up(store) == 3
    archive(store)
    assert catalog.catch_up(store) == 0
    for run in HISTORY[3:]:
        write_run(store, run)
        archive(store)
    assert catalog.catch_up(store) == 2
    fresh = Catalog.open("sqlite:///fresh.db", tmp_path)
    assert fresh.catch_up(store) == len(HISTORY)
    assert look(fresh) == look(catalog)
    fresh.close()


def test_clear_and_catch_up_say_the_same_again(catalog: Catalog, store: Store) -> None:
    runs = {run.id: run for run in (*HISTORY, *TRAINED[:5])}
    for run in runs.values():
        write_run(store, run)
    archive(store, keep=4)
    catalog.catch_up(store)
    before = look(catalog)
    catalog.clear()
    assert look(catalog)["runs"] == set()
    assert catalog.catch_up(store) == len(runs)
    assert look(catalog) == before


def test_a_copied_lake_gives_the_same_answers(catalog: Catalog, store: Store, tmp_path: Path) -> None:
    for run in HISTORY:
        write_run(store, run)
    archive(store, keep=2)
    catalog.catch_up(store)
    shutil.move(tmp_path / "lake", tmp_path / "moved")
    elsewhere = Catalog.open("sqlite:///elsewhere.db", tmp_path)
    assert elsewhere.catch_up(open_store(str(tmp_path / "moved"), {})) == len(HISTORY)
    assert look(elsewhere) == look(catalog)
    elsewhere.close()


def test_an_index_of_another_lake_starts_again(catalog: Catalog, tmp_path: Path) -> None:
    lakes = [open_store(str(tmp_path / name), {}) for name in ("one", "other")]
    for name, lake, runs in zip("ab", lakes, (HISTORY, HISTORY[2:]), strict=True):
        lake.put("mmreg.json", json.dumps({"lake": name}).encode())
        for run in runs:
            write_run(lake, run)
            archive(lake)
    assert catalog.catch_up(lakes[0]) == 5
    assert catalog.catch_up(lakes[1]) == 3
    assert look(catalog)["runs"] == {run.id for run in HISTORY[2:]}


def test_an_index_of_a_lake_set_back_starts_again(catalog: Catalog, store: Store, tmp_path: Path) -> None:
    for run in HISTORY[:2]:
        write_run(store, run)
    archive(store)
    shutil.copytree(tmp_path / "lake", tmp_path / "backup")
    for run in HISTORY[2:]:
        write_run(store, run)
    archive(store)
    assert catalog.catch_up(store) == 5
    shutil.rmtree(tmp_path / "lake")
    shutil.copytree(tmp_path / "backup", tmp_path / "lake")
    assert catalog.catch_up(store) == 2
    write_run(store, HISTORY[2])
    assert catalog.catch_up(store) == 1
    store.delete(next(list_objects(store)))
    assert catalog.catch_up(store) == 2
    assert look(catalog)["runs"] == {run.id for run in HISTORY[:2]}


class Interrupted(LocalStore):
    """A lake whose reader lets somebody else go first, once."""

    def __init__(self, path: str, before_reading: Callable[[], object]) -> None:
        super().__init__(path)
        self.before_reading = [before_reading]

    def get(self, key: str) -> bytes | None:
        if key.startswith("_mmreg/runs/") and self.before_reading:
            self.before_reading.pop()()
        return super().get(key)


def test_an_index_emptied_while_it_catches_up_misses_nothing(catalog: Catalog, store: Store, tmp_path: Path) -> None:
    for run in HISTORY[:3]:
        write_run(store, run)
    archive(store, keep=1)
    assert catalog.catch_up(store) == 3
    for run in HISTORY[3:]:
        write_run(store, run)
    other = Catalog.open(URL, tmp_path)
    assert catalog.catch_up(Interrupted(store.uri, other.clear)) == 5
    assert look(catalog)["runs"] == {run.id for run in HISTORY}
    other.close()


def test_another_process_that_knows_more_is_no_lost_run(catalog: Catalog, store: Store, tmp_path: Path) -> None:
    write_run(store, HISTORY[0])
    other = Catalog.open(URL, tmp_path)

    def more() -> None:
        for run in HISTORY[1:]:
            write_run(store, run)
            other.absorb(run)
            other.touch("pairs", "a.png", 1)
        other.catch_up(store)

    catalog.catch_up(Interrupted(store.uri, more))
    assert look(catalog)["runs"] == {run.id for run in HISTORY}
    assert catalog.touched("pairs") == {"a.png": 1}
    other.close()


def test_runs_archived_while_it_catches_up_are_found_there(catalog: Catalog, store: Store) -> None:
    for run in HISTORY:
        write_run(store, run)
    catalog.catch_up(Interrupted(store.uri, lambda: archive(store)))
    catalog.catch_up(store)
    assert look(catalog)["runs"] == {run.id for run in HISTORY}


@pytest.mark.parametrize("text", [b"{}", b"\xff\xfe", b'{"id": "a"'])
def test_an_object_that_is_no_run_stops_it_with_its_name(catalog: Catalog, store: Store, text: bytes) -> None:
    store.put("_mmreg/runs/2026-01-01/torn.json", text)
    with pytest.raises(IntegrityError, match=r"torn\.json holds no run record"):
        catalog.catch_up(store)


# This machine's own


def test_watermarks_and_stamps(catalog: Catalog, tmp_path: Path) -> None:
    assert catalog.watermark("pairs") is None
    catalog.set_watermark("pairs", 3)
    catalog.set_watermark("pairs", 4)
    assert catalog.watermark("pairs") == 4
    assert catalog.touched("pairs") == {}
    catalog.touch("pairs", "a.png", 1)
    catalog.touch("pairs", "a.png", 2)
    catalog.touch_all("pairs", [("b.png", 2**64 - 1), ("ü.png", 2**63)])
    again = Catalog.open(URL, tmp_path)
    assert again.touched("pairs") == {"a.png": 2, "b.png": 2**64 - 1, "ü.png": 2**63}
    assert again.touched("train") == {}
    again.close()


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 2**64 - 1))
def test_any_stamp_comes_back(tmp_path_factory: pytest.TempPathFactory, stamp: int) -> None:
    catalog = Catalog.open("sqlite:///stamps.db", tmp_path_factory.getbasetemp())
    catalog.touch("pairs", "a", stamp)
    assert catalog.touched("pairs") == {"a": stamp}
    catalog.close()


# The file


def test_a_relative_path_is_relative_to_the_project(tmp_path: Path) -> None:
    Catalog.open(URL, tmp_path).close()
    Catalog.open(f"sqlite:///{tmp_path}/else/where.db", Path("/nowhere")).close()
    assert {path.name for path in tmp_path.rglob("*.db")} == {"catalog.db", "where.db"}


@pytest.mark.parametrize("url", ["postgresql://host/db", "sqlite:///", "catalog.db"])
def test_only_sqlite_files_are_opened(tmp_path: Path, url: str) -> None:
    with pytest.raises(UsageError, match="this index is SQLite"):
        Catalog.open(url, tmp_path)


def test_a_place_that_cannot_hold_an_index(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match=r"the index .*file/catalog\.db"):
        Catalog.open("sqlite:///file/catalog.db", tmp_path)


def broken(path: Path, how: str) -> None:
    if how == "format":
        with sqlite3.connect(path) as connection:
            connection.execute(f"PRAGMA user_version = {database.FORMAT + 1}")
        connection.close()
    elif how == "empty":
        path.write_bytes(b"")
    elif how == "truncated":
        path.write_bytes(path.read_bytes()[:20_000])
    else:
        path.write_bytes(b"this was never a database" * 100)


@pytest.mark.parametrize("how", ["format", "empty", "truncated", "garbage"])
def test_an_unusable_index_is_dropped_said_and_read_again(
    tmp_path: Path, store: Store, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    for run in HISTORY:
        write_run(store, run)
    catalog = Catalog.open(URL, tmp_path)
    catalog.catch_up(store)
    before = look(catalog)
    catalog.close()
    broken(tmp_path / ".mmreg/catalog.db", how)
    with caplog.at_level(logging.WARNING):
        catalog = Catalog.open(URL, tmp_path)
    assert "could not be used" in caplog.text
    assert look(catalog)["runs"] == set()
    assert catalog.catch_up(store) == len(HISTORY)
    assert look(catalog) == before
    catalog.close()
    assert {path.name for path in (tmp_path / ".mmreg").iterdir()} == {"catalog.db"}


def test_an_index_that_breaks_while_open_says_what_to_do_and_can_be_cleared(tmp_path: Path, store: Store) -> None:
    for run in HISTORY:
        write_run(store, run)
    catalog = Catalog.open(URL, tmp_path)
    catalog.catch_up(store)
    catalog.close()
    path = tmp_path / ".mmreg/catalog.db"
    with sqlite3.connect(path) as connection:
        (page,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'version'").fetchone()
    connection.close()
    data = bytearray(path.read_bytes())
    data[(page - 1) * 4096 : page * 4096] = b"\xff" * 4096
    path.write_bytes(data)
    catalog = Catalog.open(URL, tmp_path)
    with pytest.raises(StorageError) as caught:
        catalog.log("pairs")
    assert caught.value.hint == "mmreg catalog rebuild"
    catalog.clear()
    assert catalog.catch_up(store) == len(HISTORY)
    assert len(catalog.log("pairs")) == 3
    catalog.close()


def test_the_schema_is_the_one_of_the_classes() -> None:
    written = Path(tables.__file__).with_name("schema.sql").read_text(encoding="utf-8")
    assert written == tables.schema(), "python -m mmreg.registry.catalog.tables > registry/catalog/schema.sql"


def test_the_classes_make_the_same_tables_on_postgresql() -> None:
    dialect = postgresql.dialect()
    for table in tables.Table.metadata.sorted_tables:
        statement = str(CreateTable(table).compile(dialect=dialect))
        assert "WITHOUT ROWID" not in statement
        assert all(str(CreateIndex(index).compile(dialect=dialect)) for index in table.indexes)


def test_the_classes_query_an_index(catalog: Catalog, tmp_path: Path) -> None:
    for run in HISTORY:
        catalog.absorb(run)
    engine = create_engine(f"sqlite:///{tmp_path}/.mmreg/catalog.db")
    with Session(engine) as session:
        found = session.exec(
            select(tables.Version).where(tables.Version.dataset == "pairs").order_by(tables.Version.ordinal)
        ).all()
        assert [(version.ordinal, version.rows) for version in found] == [(1, 10), (2, 20), (3, 30)]
    engine.dispose()


ABSORB = """
import sys
from pathlib import Path
from mmreg.registry.catalog import Catalog
from mmreg.registry.runs import write_run
from mmreg.registry.store import open_store
from mmreg.schemas.refs import VersionRef
from mmreg.schemas.run import Job, Run, RunState, VersionOutput
folder, name = Path(sys.argv[1]), sys.argv[2]
catalog = Catalog.open("sqlite:///.mmreg/catalog.db", folder)
store = open_store(str(folder / "lake"), {})
for n in range(40):
    output = VersionOutput(name, f"{name}-{n}", n + 1, "root", n)
    run = Run(f"{name}-{n:03}", Job("pass", name), RunState.COMPLETE, "2026", f"2026-{n:03}", outputs=(output,))
    write_run(store, run)
    catalog.absorb(run)
    if n % 10 == 5:
        catalog.catch_up(store)
print(catalog.resolve(VersionRef(name)).ordinal)
"""


@pytest.mark.parametrize("how", [None, "garbage", "format"])
def test_four_processes_absorb_and_catch_up_at_once(tmp_path: Path, store: Store, how: str | None) -> None:
    if how:
        Catalog.open(URL, tmp_path).close()
        broken(tmp_path / ".mmreg/catalog.db", how)
    workers = [
        subprocess.Popen([sys.executable, "-c", ABSORB, str(tmp_path), f"d{n}"], stdout=subprocess.PIPE, text=True)
        for n in range(4)
    ]
    assert [worker.communicate()[0].strip() for worker in workers] == ["40"] * 4
    catalog = Catalog.open(URL, tmp_path)
    assert [(summary.name, summary.versions) for summary in catalog.datasets()] == [(f"d{n}", 40) for n in range(4)]
    assert catalog.catch_up(store) == 0
    catalog.close()


def test_looking_things_up_imports_nothing_heavy(tmp_path: Path, store: Store) -> None:
    for run in HISTORY + TRAINED[:2]:
        write_run(store, run)
    script = """
import sys
from pathlib import Path
from mmreg.registry.catalog import Catalog
from mmreg.registry.store import open_store
from mmreg.schemas.refs import NodeRef
catalog = Catalog.open("sqlite:///.mmreg/catalog.db", Path(sys.argv[1]))
assert catalog.catch_up(open_store(sys.argv[1] + "/lake", {})) == 7
catalog.datasets(), catalog.log("pairs"), catalog.models()
catalog.lineage(catalog.node_id(NodeRef.parse("pairs")), "up")
heavy = ["lance", "pyarrow", "sqlalchemy", "sqlmodel", "pydantic", "numpy", "rapidfuzz", "logging", "asyncio"]
print([name for name in heavy if name in sys.modules])
"""
    found = subprocess.run([sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_nodes_are_found_by_what_a_person_types(catalog: Catalog) -> None:
    for run in TRAINED:
        catalog.absorb(run)
    meant = {
        "pairs": f"version:{pairs(1).uuid}",
        "model:clip@champion": f"checkpoint:{'bb' * 32}",
        f"run:{TRAINED[2].id[:16]}": f"run:{TRAINED[2].id}",
        "sha256:cccc": f"checkpoint:{'cc' * 32}",
    }
    assert {text: catalog.node_id(NodeRef.parse(text)) for text in meant} == meant
    with pytest.raises(NotFound, match="sha256:dddd: nothing in the lineage graph begins like that"):
        catalog.node_id(NodeRef.parse("sha256:dddd"))
