"""A question in SQL to an index, which it can only read: what is asked for, one way for each kind of database.

SQLite: a connection of its own that opens the file for reading, and an authorizer that allows the documented views
and nothing else. PostgreSQL: a cursor, which takes a query and nothing else, in a transaction that is read-only.
"""

from __future__ import annotations

import re
import sqlite3
import time
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmreg.errors import StorageError, UsageError
from mmreg.schemas.suggest import did_you_mean
from mmreg.schemas.views import VIEWS, Table

if TYPE_CHECKING:
    import psycopg

STEPS = 100_000
"""Instructions of SQLite between two looks at the clock: a few milliseconds."""

_DECLARED = "DECLARE question NO SCROLL CURSOR FOR "
_FETCH = b"FETCH FORWARD 500 FROM question"

_HINT = "mmreg sql, without a query, lists the views and their columns"
_MISSING = re.compile(r'no such (table|column): (?:\w+\.)?(\w+)|(relation|column) "?(?:\w+\.)?(\w+)"? does not')
_VIEWS = {view.name for view in VIEWS}
_READABLE = {*_VIEWS, "json_each", "json_tree"}
_ALLOWED = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_RECURSIVE}


@dataclass(frozen=True)
class Patience:
    """How long an answer may take, its reader's time included."""

    seconds: float
    begun: float = field(default_factory=time.monotonic)

    @property
    def over(self) -> bool:
        return time.monotonic() - self.begun > self.seconds


def ask_sqlite(path: Path, query: str, patience: Patience) -> Table:
    """Run ``query`` on the index at ``path``. Raises `UsageError` for what is no query, or takes too long."""
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None)
    connection.set_progress_handler(lambda: patience.over, STEPS)
    connection.set_authorizer(_allowed)
    try:
        cursor = connection.execute(query)
    except (sqlite3.Error, sqlite3.Warning) as error:
        failed = _of_sqlite(connection, query, error, patience)
        connection.close()
        raise failed from error
    if cursor.description is None:
        connection.close()
        raise UsageError("the query asks for nothing", hint='mmreg sql "SELECT * FROM datasets"')

    def rows() -> Iterator[tuple[Any, ...]]:
        try:
            yield from iter(cursor.fetchone, None)
        except sqlite3.Error as error:
            raise _of_sqlite(connection, query, error, patience) from error

    return Table(_names(cursor.description), _Rows(rows(), connection.close))


def ask_postgresql(connection: psycopg.Connection[Any], query: str, patience: Patience) -> Table:
    """Run ``query`` on a connection of its own, which is closed after its last row. Raises as `ask_sqlite`."""
    import psycopg

    try:
        connection.read_only = True
        connection.autocommit = False
        connection.execute(f"SET LOCAL statement_timeout = {round(patience.seconds * 1000)}".encode())
        connection.execute(f"{_DECLARED}{query}".encode(), binary=True)  # which takes one statement and no second
        cursor = connection.execute(_FETCH)
        first = cursor.fetchall()
    except psycopg.Error as error:
        connection.close()
        raise _of_postgresql(query, error, patience) from error
    assert cursor.description is not None

    def rows() -> Iterator[tuple[Any, ...]]:
        try:
            page = first
            while page:
                yield from page
                page = connection.execute(_FETCH).fetchall()
        except psycopg.Error as error:
            raise _of_postgresql(query, error, patience) from error

    return Table(_names(cursor.description), _Rows(rows(), connection.close))


class _Rows:
    """Rows as they are read. What they are read from is closed after the last, or when nobody wants more."""

    def __init__(self, rows: Iterator[tuple[Any, ...]], close: Callable[[], object]) -> None:
        self._rows = rows
        self.close = weakref.finalize(self, close)

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        return self

    def __next__(self) -> tuple[Any, ...]:
        try:
            return next(self._rows)
        except BaseException:
            self.close()
            raise


def _allowed(action: int, first: str | None, second: str | None, database: str | None, view: str | None) -> int:
    """SQLite asks this of all that a statement is going to do."""
    if action in _ALLOWED:
        return sqlite3.SQLITE_OK
    if action == sqlite3.SQLITE_FUNCTION:
        return sqlite3.SQLITE_DENY if second == "load_extension" else sqlite3.SQLITE_OK
    # A view's name stands last where its own text reads a table; no column is read where rows are counted.
    if action == sqlite3.SQLITE_READ and (view in _VIEWS or first in _READABLE or not second):
        return sqlite3.SQLITE_OK
    return sqlite3.SQLITE_DENY


def _names(description: Any) -> tuple[str, ...]:
    """The columns' names, each once: a second ``uuid`` is ``uuid_2``."""
    names: list[str] = []
    for name, *_ in description:
        number = 2
        unique = name
        while unique in names:
            unique, number = f"{name}_{number}", number + 1
        names.append(unique)
    return tuple(names)


def _of_sqlite(
    connection: sqlite3.Connection, query: str, error: sqlite3.Error | sqlite3.Warning, patience: Patience
) -> UsageError | StorageError:
    said = str(error)
    if said == "interrupted":
        if not patience.over:  # what Ctrl-C raised within the handler ends here
            raise KeyboardInterrupt
        return _too_long(patience)
    if "prohibited" in said or "not authorized" in said:
        return UsageError(f"only the documented views can be read, and nothing can be written: {said}", hint=_HINT)
    if "one statement at a time" in said:
        return UsageError("that is more than one statement", hint="one SELECT at a time")
    if isinstance(error, sqlite3.OperationalError) and "locked" in said:
        return StorageError(f"the index is locked: {said}", hint="the same command again")
    return _wrong(query, said, _place_in_sqlite(connection, query, said))


def _place_in_sqlite(connection: sqlite3.Connection, query: str, said: str) -> int | None:
    """Where in ``query`` that is; sqlite3 does not tell.

    A parser stops at the first word that it cannot take: the query up to that place, and no further, fails alike.
    """
    if "incomplete input" in said:
        return len(query.rstrip())
    word = re.search(r'near "(.*)":|unrecognized token: "(.*)"|no such \w+: (\S+)|column name: (\S+)', said, re.DOTALL)
    if word is None:
        return None
    found = next(filter(None, word.groups()))
    places = [match.start() for match in re.finditer(re.escape(found), query)]
    if "near" in said:
        for place in places:
            try:
                connection.execute(f"EXPLAIN {query[: place + len(found)]}")
            except sqlite3.Error as error:
                if str(error) == said:
                    return place
    return places[0] if places else None


def _of_postgresql(query: str, error: psycopg.Error, patience: Patience) -> UsageError | StorageError:
    import psycopg

    if isinstance(error, psycopg.errors.QueryCanceled):
        return _too_long(patience)
    said = error.diag.message_primary or str(error).strip().partition("\n")[0] or type(error).__name__
    if isinstance(error, psycopg.OperationalError) and error.diag.sqlstate is None:
        return StorageError(f"the index: {said}", hint="is the server there?")
    if isinstance(error, (psycopg.errors.ReadOnlySqlTransaction, psycopg.errors.InsufficientPrivilege)):
        return UsageError(f"the index can only be read: {said}", hint=_HINT)
    told = error.diag.statement_position
    # Counted in what the server was sent, where the cursor's declaration stands before the query.
    place = int(told) - 1 - len(_DECLARED) if told else None
    return _wrong(query, said, place if place is not None and place >= 0 else None)


def _too_long(patience: Patience) -> UsageError:
    return UsageError(
        f"the query was stopped after {patience.seconds:g} s", hint="--timeout SECONDS, or a smaller question"
    )


def _wrong(query: str, said: str, place: int | None) -> UsageError:
    """What the database says, under its line in the query."""
    near = ""
    if missing := _MISSING.search(said):
        what, name = filter(None, missing.groups())
        asked = [view for view in VIEWS if re.search(rf"\b{view.name}\b", query, re.IGNORECASE)] or VIEWS
        columns = {column.name for view in asked for column in view.columns}
        near = did_you_mean(name, columns - {name} if what == "column" else _VIEWS)
    if place is None:
        return UsageError(f"the query: {said}{near}", hint=_HINT)
    line, column = query.count("\n", 0, place) + 1, place - (query.rfind("\n", 0, place) + 1)
    text = (query.split("\n")[line - 1]).replace("\t", " ")
    start = max(0, column - 60)
    shown = text[start : start + 120]
    return UsageError(
        f"the query, line {line}, column {column + 1}: {said}{near}\n  {shown}\n  {' ' * (column - start)}^", hint=_HINT
    )
