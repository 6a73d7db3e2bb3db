"""The index in PostgreSQL: one schema a lake, several writers, migrations, and what is said when it fails."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest

from mmreg.errors import IntegrityError, StorageError, UsageError
from mmreg.registry.catalog import Catalog, migrations
from mmreg.registry.catalog.postgresql import schema_of
from mmreg.registry.runs import write_run
from mmreg.registry.store import Store
from mmreg.schemas.run import Run, VersionOutput

ABSORB = """
import sys
from pathlib import Path
from mmreg.registry.catalog import Catalog, migrations
from mmreg.registry.runs import write_run
from mmreg.registry.store import open_store
from mmreg.schemas.refs import VersionRef
from mmreg.schemas.run import Job, Run, RunState, VersionOutput
url, folder, name = sys.argv[1], Path(sys.argv[2]), sys.argv[3]
catalog = Catalog.open(url, folder, "crowded")
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


@pytest.fixture
def plain(postgres_server: str) -> Callable[[str], list[Any]]:
    """Ask the server directly."""

    def ask(sql: str) -> list[Any]:
        with psycopg.connect(postgres_server.replace("+psycopg", ""), autocommit=True) as connection:
            cursor = connection.execute(sql.encode())
            return cursor.fetchall() if cursor.description else []

    return ask


def test_four_processes_make_absorb_and_catch_up_at_once(postgres_server: str, tmp_path: Path, store: Store) -> None:
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", ABSORB, postgres_server, str(tmp_path), f"d{n}"], stdout=subprocess.PIPE, text=True
        )
        for n in range(4)
    ]
    assert [worker.communicate()[0].strip() for worker in workers] == ["40"] * 4
    catalog = Catalog.open(postgres_server, tmp_path, "crowded")
    assert [(summary.name, summary.versions) for summary in catalog.datasets()] == [(f"d{n}", 40) for n in range(4)]
    assert catalog.catch_up(store) == 0
    catalog.close()


def test_two_who_bring_parts_of_one_run_lose_neither(
    postgres_server: str, tmp_path: Path, a_run: Callable[..., Run], pairs: Callable[..., VersionOutput]
) -> None:
    one, other = (Catalog.open(postgres_server, tmp_path, "joined") for _ in range(2))
    train = VersionOutput("train", "7777", 1, "derived", 3)
    for number in range(1, 30):
        whole = a_run(number, outputs=(pairs(number), replace(train, uuid=f"{number}", ordinal=number)))
        parts = [replace(whole, outputs=(output,)) for output in whole.outputs]
        threads = [
            threading.Thread(target=catalog.absorb, args=(part,))
            for catalog, part in zip((one, other), parts, strict=True)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert one.run(whole.id) == whole
    assert [entry.rows for entry in one.log("pairs")] == [10 * number for number in range(29, 0, -1)]
    one.close()
    other.close()


def test_lakes_share_a_database_and_nothing_else(
    postgres_server: str, tmp_path: Path, history: list[Run], plain: Callable[[str], list[Any]]
) -> None:
    one, other = (Catalog.open(postgres_server, tmp_path, lake) for lake in ("lake-One", "lake-two"))
    one.absorb(history[0])
    assert [summary.name for summary in one.datasets()] == ["pairs"]
    assert other.datasets() == []
    other.clear()
    assert one.runs() == [history[0]]
    there = plain("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'mmreg_lake%' ORDER BY 1")
    assert there == [("mmreg_lake_one",), ("mmreg_lake_two",)]
    one.close()
    other.close()


def test_stamps_are_of_a_machine_and_go_with_the_index(postgres_server: str, tmp_path: Path) -> None:
    mine = Catalog.open(postgres_server, tmp_path / "mine", "stamps")
    theirs = Catalog.open(postgres_server, tmp_path / "theirs", "stamps")
    mine.touch("pairs", "a.png", 7)
    assert mine.touched("pairs") == {"a.png": 7}
    assert theirs.touched("pairs") == {}
    theirs.clear()
    assert mine.touched("pairs") == {}
    mine.close()
    theirs.close()


def test_a_connection_that_the_server_ended_is_made_again(
    postgres_server: str, tmp_path: Path, history: list[Run], plain: Callable[[str], list[Any]]
) -> None:
    catalog = Catalog.open(postgres_server, tmp_path, "ended")
    end = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = 'mmreg'"
    assert plain(end)
    assert catalog.absorb(history[0])
    assert plain(end)
    assert catalog.runs() == [history[0]]
    with (
        pytest.raises(StorageError, match="connection"),
        catalog._db.write() as connection,
    ):
        connection.execute("DELETE FROM run")
        plain(end)
        connection.execute("DELETE FROM version")
    assert catalog.runs() == [history[0]], "half a transaction was kept"
    catalog.close()


def test_an_index_of_a_newer_mmreg_is_refused(
    postgres_server: str, tmp_path: Path, plain: Callable[[str], list[Any]]
) -> None:
    Catalog.open(postgres_server, tmp_path, "newer").close()
    plain(f"INSERT INTO {schema_of('newer')}.migration (number) VALUES (9999)")
    with pytest.raises(IntegrityError, match="has format 9999; this mmreg knows formats up to") as caught:
        Catalog.open(postgres_server, tmp_path, "newer")
    assert caught.value.hint == "pip install --upgrade mmreg"


def test_every_step_is_applied_once_and_in_order(
    postgres_server: str, tmp_path: Path, plain: Callable[[str], list[Any]]
) -> None:
    Catalog.open(postgres_server, tmp_path, "steps").close()
    before = plain(f"SELECT number, applied_at FROM {schema_of('steps')}.migration ORDER BY number")
    assert [number for number, _ in before] == list(range(1, len(before) + 1))
    Catalog.open(postgres_server, tmp_path, "steps").close()
    assert plain(f"SELECT number, applied_at FROM {schema_of('steps')}.migration ORDER BY number") == before


@pytest.mark.parametrize("released", range(1, max(migrations.steps())))
def test_an_index_of_each_older_format_is_brought_up_and_read_again(
    postgres_server: str,
    tmp_path: Path,
    store: Store,
    history: list[Run],
    look: Callable[[Catalog], dict[str, Any]],
    plain: Callable[[str], list[Any]],
    released: int,
) -> None:
    for run in history:
        write_run(store, run)
    fresh = Catalog.open(postgres_server, tmp_path, f"fresh-{released}")
    fresh.catch_up(store)
    lake = f"older-{released}"
    schema = schema_of(lake)
    plain(f"CREATE SCHEMA {schema}")
    plain(f"CREATE TABLE {schema}.migration (number INTEGER PRIMARY KEY, applied_at TIMESTAMPTZ DEFAULT now())")
    for number in range(1, released + 1):
        step = migrations.steps()[number].decode()
        plain(f"SET search_path TO {schema}; {step}; INSERT INTO migration (number) VALUES ({number})")
    plain(f"INSERT INTO {schema}.run_object (key, run) SELECT 'key-' || n, 'run-' || n FROM generate_series(1, 9) n")
    brought = Catalog.open(postgres_server, tmp_path, lake)
    brought.catch_up(store)
    assert look(brought) == look(fresh)
    assert brought.run(history[0].id) == history[0]
    applied = [number for (number,) in plain(f"SELECT number FROM {schema}.migration ORDER BY number")]
    assert applied == sorted(migrations.steps())
    brought.close()
    fresh.close()


def test_a_database_that_is_not_utf_8_is_refused(
    postgres_server: str, tmp_path: Path, plain: Callable[[str], list[Any]]
) -> None:
    plain("CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
    with pytest.raises(StorageError, match="does not keep UTF-8"):
        Catalog.open(postgres_server.replace("/postgres?", "/latin?"), tmp_path, "latin")


def test_who_may_not_make_a_schema_is_told_what_to_grant(
    postgres_server: str, tmp_path: Path, plain: Callable[[str], list[Any]]
) -> None:
    plain("CREATE ROLE guest LOGIN")
    guest = postgres_server.replace("tester@", "guest@")
    with pytest.raises(StorageError, match="permission denied") as caught:
        Catalog.open(guest, tmp_path, "guests")
    assert "GRANT CREATE" in str(caught.value.hint)
    plain(f"CREATE SCHEMA {schema_of('guests')} AUTHORIZATION guest")
    Catalog.open(guest, tmp_path, "guests").close()


@pytest.mark.parametrize(
    ("address", "error"),
    [
        ("postgresql+psycopg://me:tell-nobody@127.0.0.1:1/db", StorageError),
        ("postgresql://me:tell%nobody@127.0.0.1:1/db", UsageError),
        ("postgresql://me:tell-nobody@127.0.0.1:1/db?nonsense=1", UsageError),
    ],
)
def test_an_address_that_fails_is_told_without_its_password(
    tmp_path: Path, address: str, error: type[Exception]
) -> None:
    with pytest.raises(error) as caught:
        Catalog.open(address, tmp_path, "lake")
    shown: BaseException | None = caught.value
    while shown is not None:
        assert "nobody" not in str(shown)
        shown = None if shown.__suppress_context__ else shown.__cause__ or shown.__context__
