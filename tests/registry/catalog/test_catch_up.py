"""How the index keeps up with the lake, and what it takes for another lake."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mmreg.errors import IntegrityError
from mmreg.registry.catalog import Catalog
from mmreg.registry.runs import archive, list_objects, write_run
from mmreg.registry.store import Store, open_store
from mmreg.registry.store_local import LocalStore
from mmreg.schemas.run import Run, VersionOutput


def test_catching_up_reads_each_object_once(history: list[Run], catalog: Catalog, store: Store) -> None:
    assert catalog.catch_up(store) == 0
    for number, run in enumerate(history):
        write_run(store, run)
        assert catalog.catch_up(store) == 1
        assert len(catalog.runs()) == number + 1
    assert catalog.catch_up(store) == 0
    assert 0 <= catalog.age_s() < 60


def test_an_index_that_never_looked_is_old(catalog: Catalog) -> None:
    assert catalog.age_s() > 50 * 365 * 86400


def test_own_runs_are_not_new(history: list[Run], catalog: Catalog, store: Store) -> None:
    for run in history:
        write_run(store, run)
        catalog.absorb(run)
    assert catalog.catch_up(store) == 0


def test_catching_up_notices_a_richer_copy(
    a_run: Callable[..., Run], pairs: Callable[..., VersionOutput], catalog: Catalog, store: Store
) -> None:
    rich = a_run(1, outputs=(pairs(1),))
    write_run(store, replace(rich, outputs=()))
    assert catalog.catch_up(store) == 1
    write_run(store, rich)
    assert catalog.catch_up(store) == 1
    assert catalog.run(rich.id) == rich


def test_catching_up_notices_the_archive(
    history: list[Run], look: Callable[[Catalog], dict[str, Any]], tmp_path: Path, catalog: Catalog, store: Store
) -> None:
    for run in history[:3]:
        write_run(store, run)
    assert catalog.catch_up(store) == 3
    archive(store)
    assert catalog.catch_up(store) == 0
    for run in history[3:]:
        write_run(store, run)
        archive(store)
    assert catalog.catch_up(store) == 2
    fresh = Catalog.open("sqlite:///fresh.db", tmp_path)
    assert fresh.catch_up(store) == len(history)
    assert look(fresh) == look(catalog)
    fresh.close()


def test_clear_and_catch_up_say_the_same_again(
    history: list[Run], trained: list[Run], look: Callable[[Catalog], dict[str, Any]], catalog: Catalog, store: Store
) -> None:
    runs = {run.id: run for run in (*history, *trained[:5])}
    for run in runs.values():
        write_run(store, run)
    archive(store, keep=4)
    catalog.catch_up(store)
    before = look(catalog)
    catalog.clear()
    assert look(catalog)["runs"] == set()
    assert catalog.catch_up(store) == len(runs)
    assert look(catalog) == before


def test_a_copied_lake_gives_the_same_answers(
    history: list[Run], look: Callable[[Catalog], dict[str, Any]], catalog: Catalog, store: Store, tmp_path: Path
) -> None:
    for run in history:
        write_run(store, run)
    archive(store, keep=2)
    catalog.catch_up(store)
    shutil.move(tmp_path / "lake", tmp_path / "moved")
    elsewhere = Catalog.open("sqlite:///elsewhere.db", tmp_path)
    assert elsewhere.catch_up(open_store(str(tmp_path / "moved"), {})) == len(history)
    assert look(elsewhere) == look(catalog)
    elsewhere.close()


def test_an_index_of_another_lake_starts_again(
    history: list[Run], look: Callable[[Catalog], dict[str, Any]], catalog: Catalog, tmp_path: Path
) -> None:
    lakes = [open_store(str(tmp_path / name), {}) for name in ("one", "other")]
    for name, lake, runs in zip("ab", lakes, (history, history[2:]), strict=True):
        lake.put("mmreg.json", json.dumps({"lake": name}).encode())
        for run in runs:
            write_run(lake, run)
            archive(lake)
    assert catalog.catch_up(lakes[0]) == 5
    assert catalog.catch_up(lakes[1]) == 3
    assert look(catalog)["runs"] == {run.id for run in history[2:]}


def test_an_index_of_a_lake_set_back_starts_again(
    history: list[Run], look: Callable[[Catalog], dict[str, Any]], catalog: Catalog, store: Store, tmp_path: Path
) -> None:
    for run in history[:2]:
        write_run(store, run)
    archive(store)
    shutil.copytree(tmp_path / "lake", tmp_path / "backup")
    for run in history[2:]:
        write_run(store, run)
    archive(store)
    assert catalog.catch_up(store) == 5
    shutil.rmtree(tmp_path / "lake")
    shutil.copytree(tmp_path / "backup", tmp_path / "lake")
    assert catalog.catch_up(store) == 2
    write_run(store, history[2])
    assert catalog.catch_up(store) == 1
    store.delete(next(list_objects(store)))
    assert catalog.catch_up(store) == 2
    assert look(catalog)["runs"] == {run.id for run in history[:2]}


class Interrupted(LocalStore):
    """A lake whose reader lets somebody else go first, once."""

    def __init__(self, path: str, before_reading: Callable[[], object]) -> None:
        super().__init__(path)
        self.before_reading = [before_reading]

    def get(self, key: str) -> bytes | None:
        if key.startswith("_mmreg/runs/") and self.before_reading:
            self.before_reading.pop()()
        return super().get(key)


def test_an_index_emptied_while_it_catches_up_misses_nothing(
    history: list[Run],
    look: Callable[[Catalog], dict[str, Any]],
    open_catalog: Callable[[], Catalog],
    catalog: Catalog,
    store: Store,
    tmp_path: Path,
) -> None:
    for run in history[:3]:
        write_run(store, run)
    archive(store, keep=1)
    assert catalog.catch_up(store) == 3
    for run in history[3:]:
        write_run(store, run)
    other = open_catalog()
    assert catalog.catch_up(Interrupted(store.uri, other.clear)) == 5
    assert look(catalog)["runs"] == {run.id for run in history}
    other.close()


def test_another_process_that_knows_more_is_no_lost_run(
    history: list[Run],
    look: Callable[[Catalog], dict[str, Any]],
    open_catalog: Callable[[], Catalog],
    catalog: Catalog,
    store: Store,
    tmp_path: Path,
) -> None:
    write_run(store, history[0])
    other = open_catalog()

    def more() -> None:
        for run in history[1:]:
            write_run(store, run)
            other.absorb(run)
            other.touch("pairs", "a.png", 1)
        other.catch_up(store)

    catalog.catch_up(Interrupted(store.uri, more))
    assert look(catalog)["runs"] == {run.id for run in history}
    assert catalog.touched("pairs") == {"a.png": 1}
    other.close()


def test_runs_archived_while_it_catches_up_are_found_there(
    history: list[Run], look: Callable[[Catalog], dict[str, Any]], catalog: Catalog, store: Store
) -> None:
    for run in history:
        write_run(store, run)
    catalog.catch_up(Interrupted(store.uri, lambda: archive(store)))
    catalog.catch_up(store)
    assert look(catalog)["runs"] == {run.id for run in history}


@pytest.mark.parametrize("text", [b"{}", b"\xff\xfe", b'{"id": "a"'])
def test_an_object_that_is_no_run_stops_it_with_its_name(catalog: Catalog, store: Store, text: bytes) -> None:
    store.put("_mmreg/runs/2026-01-01/torn.json", text)
    with pytest.raises(IntegrityError, match=r"torn\.json holds no run record"):
        catalog.catch_up(store)
