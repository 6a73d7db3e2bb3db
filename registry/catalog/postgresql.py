"""The index in a PostgreSQL that a team shares: one schema for each lake, brought up to date by numbered migrations.

Writers take turns by an advisory lock, as SQLite's do by the file's: what a run adds to the index is read, joined
and written as one act, however many processes absorb.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar

from mmreg.errors import MissingExtra, StorageError, UsageError
from mmreg.registry.catalog.database import Answer, Parameters, Row
from mmreg.registry.catalog.migrations import migrate

if TYPE_CHECKING:
    import psycopg

    from mmreg.schemas.views import Table

    Connection = psycopg.Connection[Row]

T = TypeVar("T")

CONNECT_S = 10


class PostgresqlDatabase:
    """An open index. A connection that was lost between two acts is made again."""

    numbers = "(SELECT CAST(text AS BIGINT) AS value FROM json_array_elements_text(CAST(? AS JSON)) AS text)"

    def __init__(self, address: str, schema: str) -> None:
        self._address = address
        self._schema = schema
        self._place = _place(address)
        self._writing = threading.RLock()
        with _storage_errors(self._place):
            self._use(self._connect())

    @classmethod
    def open(cls, address: str, lake: str) -> PostgresqlDatabase:
        """Open the index of the lake with this id in the database at ``address``, a URI for libpq; make it if need be.

        Raises `IntegrityError` for one that a newer mmreg has migrated.
        """
        if not lake:
            raise UsageError("an index on PostgreSQL is of a lake, and this one has no id", hint="mmreg init")
        opened = cls(address, schema_of(lake))
        try:
            with _storage_errors(opened._place):
                migrate(opened._connection, opened._schema, opened._place)
        except BaseException:
            opened.close()
            raise
        return opened

    def rows(self, sql: str, parameters: Parameters = ()) -> list[Row]:
        return self._read(lambda connection: _execute(connection, sql, parameters).fetchall())

    def row(self, sql: str, parameters: Parameters = ()) -> Row | None:
        return self._read(lambda connection: _execute(connection, sql, parameters).fetchone())

    def ask(self, query: str, timeout_s: float) -> Table:
        from mmreg.registry.catalog.asking import Patience, ask_postgresql

        with _storage_errors(self._place):
            connection = self._connect()
        return ask_postgresql(connection, query, Patience(timeout_s))

    @contextmanager
    def write(self) -> Iterator[_Transaction]:
        with self._writing, _storage_errors(self._place):
            self._again(self._begin)
            try:
                with self._connection.pipeline():  # a run is a dozen statements: they go out together
                    yield _Transaction(self._connection)
            except BaseException:
                if not self._connection.closed:
                    self._connection.rollback()
                raise
            self._connection.execute("COMMIT")

    def clear(self) -> None:
        with self.write() as transaction:
            named = "SELECT tablename FROM pg_tables WHERE schemaname = ? AND tablename <> 'migration'"
            tables = ", ".join(f'"{name}"' for (name,) in transaction.execute(named, (self._schema,)).fetchall())
            transaction.execute(f"TRUNCATE {tables}")
            transaction.execute("INSERT INTO setting (name, value) VALUES ('epoch', ?)", (os.urandom(8).hex(),))

    def epoch(self) -> str:
        found = self.row("SELECT value FROM setting WHERE name = 'epoch'")
        return str(found[0]) if found else ""

    def close(self) -> None:
        self._close()

    def _use(self, connection: Connection) -> None:
        self._connection = connection
        # Nobody need close what they only look at: an index that is forgotten is closed.
        self._close = weakref.finalize(self, connection.close)

    def _read(self, read: Callable[[Connection], T]) -> T:
        with self._writing, _storage_errors(self._place):
            return self._again(read)

    def _again(self, act: Callable[[Connection], T]) -> T:
        """Do ``act``, once more on a new connection where the server has ended the one that there was."""
        import psycopg

        inside = not self._connection.closed and self._connection.info.transaction_status != IDLE
        try:
            return act(self._connection)
        except psycopg.OperationalError:
            if inside or not self._connection.closed:
                raise
        self._use(self._connect())
        return act(self._connection)

    def _begin(self, connection: Connection) -> None:
        connection.execute("BEGIN")
        # Held until the transaction ends, so also by a process that dies in it no longer than its connection.
        connection.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (self._schema,))

    def _connect(self) -> Connection:
        connection: Connection = _psycopg().connect(
            self._address,
            autocommit=True,  # transactions are begun and ended here, as with SQLite
            connect_timeout=CONNECT_S,
            application_name="mmreg",
            client_encoding="utf8",
        )
        connection.execute(f'SET search_path TO "{self._schema}"'.encode())
        return connection


IDLE = 0
"""libpq's status of a connection outside any transaction."""


class _Transaction:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def execute(self, sql: str, parameters: Parameters = (), /) -> Answer:
        return _execute(self._connection, sql, parameters)

    def executemany(self, sql: str, parameters: Iterable[Parameters], /) -> None:
        for each in parameters:
            _execute(self._connection, sql, each)


def schema_of(lake: str) -> str:
    """The schema of the lake with this id."""
    return "mmreg_" + "".join(letter if letter.isalnum() else "_" for letter in lake.lower())[:50]


def _execute(connection: Connection, sql: str, parameters: Parameters) -> psycopg.Cursor[Row]:
    return connection.execute(_translated(sql), parameters)


@lru_cache(maxsize=256)
def _translated(sql: str) -> bytes:
    return sql.replace("?", "%s").encode()


def _psycopg() -> Any:
    try:
        import psycopg
    except ImportError:
        raise MissingExtra("an index on PostgreSQL", extra="postgres") from None
    return psycopg


def _place(address: str) -> str:
    """How messages name the database: where it is, without who may open it and how."""
    from_uri = _psycopg().conninfo.conninfo_to_dict
    try:
        known = from_uri(address)
    except _psycopg().Error:  # which repeats what it could not read: that may be the password
        known = None
    if known is None:
        raise UsageError(
            "the catalog's address is no URI of a PostgreSQL database",
            hint="catalog: postgresql+psycopg://USER@HOST/DATABASE, with %XX for what is special in a URI",
        )
    return f"postgresql://{known.get('host', '')}/{known.get('dbname', '')}"


@contextmanager
def _storage_errors(place: str) -> Iterator[None]:
    psycopg = _psycopg()
    try:
        yield
    except psycopg.Error as error:
        said = str(error).strip().partition("\n")[0] or type(error).__name__
        raise StorageError(f"the index at {place}: {said}", hint=_hint(error)) from error


def _hint(error: Exception) -> str:
    import psycopg

    if isinstance(error, psycopg.errors.InsufficientPrivilege):
        return "GRANT CREATE ON DATABASE ... TO ...: the index makes a schema of its own"
    if isinstance(error, psycopg.OperationalError):
        return "is the server there? A password comes from PGPASSWORD, ~/.pgpass or 'catalog: env:NAME'"
    return "mmreg catalog rebuild"
