"""The SQLite file of the index: made in one step, shared by processes, replaced where it cannot be used."""

from __future__ import annotations

import os
import sqlite3
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from mmreg.errors import StorageError
from mmreg.registry.catalog.database import Parameters, Row

if TYPE_CHECKING:
    from mmreg.schemas.views import Table

FORMAT = 4
"""Kept as SQLite's ``user_version``. Raise it with any change of the schema, or of what runs mean to it."""

BUSY_S = 30.0
"""How long a process waits for the others' writes before it gives up."""


class SqliteDatabase:
    """An open index. Reads see what is committed; a write is one transaction and waits for others."""

    numbers = "json_each(?)"

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self._writing = threading.RLock()
        self._use(connection)

    @classmethod
    def open(cls, path: Path) -> SqliteDatabase:
        """Open the index at ``path``; one that is absent, corrupt or of another format is made, empty."""
        with _storage_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            while True:
                try:
                    with _locked(path.parent, shared=True):  # SQLite errs where files go while it opens them
                        return cls(path, _connect(path))
                except _Unusable as fault:
                    _drop(path, fault)
                except FileNotFoundError:
                    _create(path)

    def rows(self, sql: str, parameters: Parameters = ()) -> list[Row]:
        with _storage_errors(self.path):
            return self._connection.execute(sql, parameters).fetchall()

    def row(self, sql: str, parameters: Parameters = ()) -> Row | None:
        with _storage_errors(self.path):
            found: Row | None = self._connection.execute(sql, parameters).fetchone()
            return found

    def ask(self, query: str, timeout_s: float) -> Table:
        from mmreg.registry.catalog.asking import Patience, ask_sqlite

        return ask_sqlite(self.path, query, Patience(timeout_s))

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """A transaction: all of it, or none."""
        with self._writing, _storage_errors(self.path):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def clear(self) -> None:
        """Empty every table; where the file is too broken for that, replace it."""
        try:
            with self.write() as connection:
                tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
                for (table,) in tables.fetchall():
                    connection.execute(f'DELETE FROM "{table}"')
                connection.execute("INSERT INTO setting (name, value) VALUES ('epoch', ?)", (os.urandom(8).hex(),))
        except StorageError as error:
            if isinstance(error.__cause__, sqlite3.OperationalError):
                raise
            self.close()
            with _storage_errors(self.path):
                _remove(self.path)
                _create(self.path)
                self._use(_connect(self.path))

    def epoch(self) -> str:
        """What changes whenever the index is emptied."""
        found = self.row("SELECT value FROM setting WHERE name = 'epoch'")
        return str(found[0]) if found else ""

    def close(self) -> None:
        self._close()

    def _use(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        # Nobody need close what they only look at: an index that is forgotten is closed.
        self._close = weakref.finalize(self, connection.close)


class _Unusable(Exception):
    """The file is no index of this format."""


def _connect(path: Path) -> sqlite3.Connection:
    # 'rw' never creates: a file is there with its whole schema, or not at all.
    uri = f"{path.absolute().as_uri()}?mode=rw"
    try:
        connection = sqlite3.connect(uri, uri=True, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
    except sqlite3.OperationalError:
        if path.exists():
            raise
        raise FileNotFoundError(path) from None
    try:
        _check(connection)
    except BaseException:
        connection.close()
        raise
    # The lake can tell all of this again, so a commit need not wait for the disk.
    connection.execute("PRAGMA synchronous = NORMAL")
    return connection


def _check(connection: sqlite3.Connection) -> None:
    try:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version != FORMAT:
            raise _Unusable(f"it has format {version}, this mmreg writes {FORMAT}")
        connection.execute("SELECT 1 FROM setting").fetchone()
    except sqlite3.OperationalError:
        raise  # locked, or not to be read: that is no reason to drop it
    except sqlite3.DatabaseError as error:
        raise _Unusable(str(error)) from error


def _create(path: Path) -> None:
    temporary = path.with_name(f".tmp-{os.getpid()}-{os.urandom(8).hex()}")
    try:
        connection = sqlite3.connect(temporary, isolation_level=None)
        connection.execute("PRAGMA journal_mode = WAL")
        for script in ("schema.sql", "views.sql"):
            connection.executescript(Path(__file__).with_name(script).read_text(encoding="utf-8"))
        connection.execute(f"PRAGMA user_version = {FORMAT}")
        connection.close()
        with _locked(path.parent):
            if not path.exists():  # else somebody else made it meanwhile, and theirs is as good
                _remove(path)  # what SQLite kept beside a file that was deleted would be taken for this one's
                os.link(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def _drop(path: Path, fault: _Unusable) -> None:
    import logging

    # Of several processes that find it unusable, the first replaces it and the others find it usable.
    with _locked(path.parent):
        try:
            _connect(path).close()
        except FileNotFoundError:
            return
        except _Unusable:
            logging.getLogger("mmreg").warning(
                "the index %s could not be used (%s): made anew, and read from the lake again", path, fault
            )
            _remove(path)


@contextmanager
def _locked(folder: Path, *, shared: bool = False) -> Iterator[None]:
    """One of the processes that make or replace an index in ``folder``, or all those that open one (``shared``)."""
    import fcntl

    opened = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(opened, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)
        yield
    finally:
        os.close(opened)


def _remove(path: Path) -> None:
    """Remove the index at ``path`` with what SQLite keeps beside it, the file itself last."""
    for beside in ("-wal", "-shm", ""):
        path.with_name(path.name + beside).unlink(missing_ok=True)


@contextmanager
def _storage_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise StorageError(f"the index {path}: {error}", hint=_hint(path)) from error


def _hint(path: Path) -> str:
    """What to type: a broken index is made anew, one that may not be written is kept elsewhere."""
    if os.access(path if path.exists() else path.parent, os.W_OK):
        return "mmreg catalog rebuild"
    return "MMREG_CATALOG=sqlite:////ANOTHER/PLACE/catalog.db in the environment keeps the index there"
