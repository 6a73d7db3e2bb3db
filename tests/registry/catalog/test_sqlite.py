"""The SQLite file: where it is, and what it survives."""

from __future__ import annotations

import logging
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mmreg.errors import StorageError, UsageError
from mmreg.registry.catalog import Catalog, sqlite
from mmreg.registry.runs import write_run
from mmreg.registry.store import Store
from mmreg.schemas.run import Run

URL = "sqlite:///.mmreg/catalog.db"


def test_a_relative_path_is_relative_to_the_project(tmp_path: Path) -> None:
    Catalog.open(URL, tmp_path).close()
    Catalog.open(f"sqlite:///{tmp_path}/else/where.db", Path("/nowhere")).close()
    assert {path.name for path in tmp_path.rglob("*.db")} == {"catalog.db", "where.db"}


@pytest.mark.parametrize("url", ["mysql://tester:secret@host/db", "sqlite:///", "catalog.db"])
def test_an_address_that_means_no_index(tmp_path: Path, url: str) -> None:
    with pytest.raises(UsageError, match="cannot be opened") as caught:
        Catalog.open(url, tmp_path)
    assert "secret" not in str(caught.value)


def test_a_place_that_cannot_hold_an_index(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match=r"the index .*file/catalog\.db"):
        Catalog.open("sqlite:///file/catalog.db", tmp_path)


def broken(path: Path, how: str) -> None:
    if how == "format":
        with sqlite3.connect(path) as connection:
            connection.execute(f"PRAGMA user_version = {sqlite.FORMAT + 1}")
        connection.close()
    elif how == "empty":
        path.write_bytes(b"")
    elif how == "truncated":
        path.write_bytes(path.read_bytes()[:20_000])
    else:
        path.write_bytes(b"this was never a database" * 100)


@pytest.mark.parametrize("how", ["format", "empty", "truncated", "garbage"])
def test_an_unusable_index_is_dropped_said_and_read_again(
    history: list[Run],
    look: Callable[[Catalog], dict[str, Any]],
    tmp_path: Path,
    store: Store,
    how: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    for run in history:
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
    assert catalog.catch_up(store) == len(history)
    assert look(catalog) == before
    catalog.close()
    assert {path.name for path in (tmp_path / ".mmreg").iterdir()} == {"catalog.db"}


def test_an_index_that_is_deleted_leaves_nothing_behind(tmp_path: Path, store: Store, history: list[Run]) -> None:
    """Neither what SQLite kept beside it while somebody else had it open."""
    for run in history:
        write_run(store, run)
    theirs = Catalog.open(URL, tmp_path)
    theirs.catch_up(store)
    (tmp_path / ".mmreg" / "catalog.db").unlink()
    catalog = Catalog.open(URL, tmp_path)
    assert catalog.runs() == []
    assert catalog.catch_up(store) == len(history)
    assert len(catalog.log("pairs")) == 3
    catalog.close()
    theirs.close()


def test_an_index_that_breaks_while_open_says_what_to_do_and_can_be_cleared(
    history: list[Run], tmp_path: Path, store: Store
) -> None:
    for run in history:
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
    assert catalog.catch_up(store) == len(history)
    assert len(catalog.log("pairs")) == 3
    catalog.close()


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


def test_looking_things_up_imports_nothing_heavy(
    history: list[Run], trained: list[Run], tmp_path: Path, store: Store
) -> None:
    for run in history + trained[:2]:
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
