"""Reading from the lake what the index does not know yet: new run objects, and a grown archive."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import NoReturn, TypeVar

from mmreg.registry.catalog.database import Database, Transaction
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
    while True:
        try:
            return _CatchUp(db, store).run()
        except _Emptied:
            continue


def age_s(db: Database) -> float:
    """Seconds since the index last caught up; since 1970 where it never has."""
    return max(0.0, time.time() - float(_setting(db, "caught_up_at") or 0))


class _Emptied(Exception):
    """The index was emptied meanwhile, here or by another process: what was read so far may be gone."""


class _CatchUp:
    """One attempt. What is known is read before the lake is listed, so that another process which learns more
    in between is never taken for a lake that has lost something."""

    def __init__(self, db: Database, store: Store) -> None:
        self._db, self._store = db, store
        self._epoch = db.epoch()
        self._known: dict[str, str] = dict(db.rows("SELECT key, run FROM run_object"))
        self._known_archive = _setting(db, "archive") or ""
        self._known_lake = _setting(db, "lake")
        self._lake = _lake(store)
        self._listed = list(list_objects(store))
        # Listed after the objects: one that has left them for the archive is then found here.
        self._archive = newest_archive(store)

    def run(self) -> int:
        if self._known_lake not in (None, self._lake):
            self._empty()
        read, absorbed = self._read_objects([key for key in self._listed if key not in self._known])
        if self._archive != self._known_archive:
            absorbed += self._read_archive()
        gone = self._known.keys() - set(self._listed)
        if self._lost(gone, read):
            self._empty()
        with self._step() as connection:
            connection.executemany("DELETE FROM run_object WHERE key = ?", [(key,) for key in gone])
            _set(connection, "lake", self._lake)
            _set(connection, "caught_up_at", str(time.time()))
        return absorbed

    def _read_objects(self, unread: list[str]) -> tuple[set[str], int]:
        """The ids of the runs that were read, and how many of them had something new."""
        read: set[str] = set()
        absorbed = 0
        for keys in _chunks(unread):
            runs = {key: run for key in keys if (run := read_object(self._store, key))}
            with self._step() as connection:
                absorbed += sum([record_run(connection, run) for run in runs.values()])
                connection.executemany(
                    "INSERT INTO run_object (key, run) VALUES (?, ?)"
                    " ON CONFLICT (key) DO UPDATE SET run = excluded.run",
                    [(key, run.id) for key, run in runs.items()],
                )
            read.update(run.id for run in runs.values())
        return read, absorbed

    def _read_archive(self) -> int:
        table = open_archive(self._store)
        absorbed, last = 0, -1
        if table is not None:
            after = int(_setting(self._db, "archive_fragment") or -1)
            for runs in _chunks(read_archive(table, after)):
                with self._step() as connection:
                    absorbed += sum([record_run(connection, run) for run in runs])
                    archived = [(run.id,) for run in runs]
                    connection.executemany("UPDATE run SET archived = true WHERE id = ?", archived)
            last = max((fragment.fragment_id for fragment in table.get_fragments()), default=-1)
        with self._step() as connection:
            _set(connection, "archive", self._archive)
            _set(connection, "archive_fragment", str(last))
        return absorbed

    def _lost(self, gone: Iterable[str], read: set[str]) -> bool:
        """Whether a run that was once read is now neither an object nor archived, or the archive went back."""
        # Manifest names count down.
        if self._known_archive and not "" < self._archive <= self._known_archive:
            return True
        there = read.union(self._known[key] for key in self._listed if key in self._known)
        missing = {self._known[key] for key in gone} - there
        for ids in _chunks(sorted(missing)):
            among = f"id IN ({', '.join('?' * len(ids))})"
            if self._db.row(f"SELECT count(*) FROM run WHERE archived AND {among}", ids) != (len(ids),):
                return True
        return False

    def _empty(self) -> NoReturn:
        self._db.clear()
        raise _Emptied

    @contextmanager
    def _step(self) -> Iterator[Transaction]:
        with self._db.write() as connection:
            if self._db.epoch() != self._epoch:
                raise _Emptied
            yield connection


def _lake(store: Store) -> str:
    """The lake's id."""
    marker = store.get("mmreg.json")
    return str(json.loads(marker)["lake"]) if marker is not None else ""


def _chunks(items: Iterable[T]) -> Iterator[list[T]]:
    iterator = iter(items)
    while chunk := list(islice(iterator, CHUNK)):
        yield chunk


def _setting(db: Database, name: str) -> str | None:
    found = db.row("SELECT value FROM setting WHERE name = ?", (name,))
    return str(found[0]) if found else None


def _set(connection: Transaction, name: str, value: str) -> None:
    connection.execute(
        "INSERT INTO setting (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        (name, value),
    )
