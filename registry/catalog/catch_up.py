"""Reading from the lake what the index does not know yet: new run objects, and a grown archive."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

from mmreg.registry.catalog.database import Database
from mmreg.registry.catalog.record import record_run
from mmreg.registry.runs import list_objects, newest_archive, open_archive, read_archive, read_object
from mmreg.registry.store import Store

T = TypeVar("T")

CHUNK = 500
"""Runs in one transaction, and in memory."""


def catch_up(db: Database, store: Store) -> int:
    """Absorb what is new in the lake and return how many runs that was. Two listings where nothing is.

    An index that knows runs which the lake has lost belongs to another lake, or to what this one was before:
    it is emptied and read again.
    """
    listed = list(list_objects(store))
    archive = newest_archive(store)
    if _setting(db, "archive") and not archive:
        db.clear()
    absorbed = _read_objects(db, store, listed) + _read_archive(db, store, archive)
    if _lost(db, listed):
        db.clear()
        return catch_up(db, store)
    with db.write() as connection:
        connection.execute(
            "DELETE FROM run_object WHERE key NOT IN (SELECT value FROM json_each(?))", (json.dumps(listed),)
        )
        _set(connection, "caught_up_at", str(time.time()))
    return absorbed


def age_s(db: Database) -> float:
    """Seconds since the index last caught up; since 1970 where it never has."""
    return max(0.0, time.time() - float(_setting(db, "caught_up_at") or 0))


def _read_objects(db: Database, store: Store, listed: list[str]) -> int:
    unread = db.rows(
        "SELECT value FROM json_each(?) WHERE value NOT IN (SELECT key FROM run_object)",
        (json.dumps(listed),),
    )
    absorbed = 0
    for keys in _chunks(key for (key,) in unread):
        runs = {key: run for key in keys if (run := read_object(store, key))}
        with db.write() as connection:
            absorbed += sum([record_run(connection, run) for run in runs.values()])
            connection.executemany(
                "INSERT OR REPLACE INTO run_object (key, run) VALUES (?, ?)",
                [(key, run.id) for key, run in runs.items()],
            )
    return absorbed


def _read_archive(db: Database, store: Store, archive: str) -> int:
    if archive == (_setting(db, "archive") or ""):
        return 0
    table = open_archive(store)
    absorbed, last = 0, -1
    if table is not None:
        for runs in _chunks(read_archive(table, after=int(_setting(db, "archive_fragment") or -1))):
            with db.write() as connection:
                absorbed += sum([record_run(connection, run) for run in runs])
                connection.executemany("UPDATE run SET archived = 1 WHERE id = ?", [(run.id,) for run in runs])
        last = max((fragment.fragment_id for fragment in table.get_fragments()), default=-1)
    with db.write() as connection:
        _set(connection, "archive", archive)
        _set(connection, "archive_fragment", str(last))
    return absorbed


def _lost(db: Database, listed: list[str]) -> bool:
    """Whether a run that was once read from the lake is neither among its objects nor in its archive."""
    return bool(
        db.row(
            "WITH listed AS MATERIALIZED (SELECT value AS key FROM json_each(?))"
            " SELECT 1 FROM run_object WHERE key NOT IN listed"
            " AND run NOT IN (SELECT run FROM run_object WHERE key IN listed)"
            " AND NOT EXISTS (SELECT 1 FROM run WHERE id = run_object.run AND archived) LIMIT 1",
            (json.dumps(listed),),
        )
    )


def _chunks(items: Iterable[T]) -> Iterator[list[T]]:
    iterator = iter(items)
    while chunk := list(islice(iterator, CHUNK)):
        yield chunk


def _setting(db: Database, name: str) -> str | None:
    found = db.row("SELECT value FROM setting WHERE name = ?", (name,))
    return str(found[0]) if found else None


def _set(connection: sqlite3.Connection, name: str, value: str) -> None:
    connection.execute("INSERT OR REPLACE INTO setting (name, value) VALUES (?, ?)", (name, value))
