"""What the index asks of a database, and which one an address means.

Every query is one text for all of them: the common subset of SQLite and PostgreSQL, with '?' for a parameter.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from mmreg.errors import UsageError

if TYPE_CHECKING:
    from mmreg.schemas.views import Table

Row = tuple[Any, ...]
Parameters = Sequence[object]

EVERYTHING = 2**63 - 1
"""For LIMIT ?: all rows."""

_SQLITE = "sqlite:///"
_POSTGRESQL = ("postgresql+psycopg://", "postgresql://")


class Answer(Protocol):
    """What a statement found."""

    def fetchone(self) -> Any: ...
    def fetchall(self) -> list[Any]: ...


class Transaction(Protocol):
    """An open transaction: what it executes is kept as a whole, or not at all."""

    def execute(self, sql: str, parameters: Parameters = (), /) -> Answer: ...
    def executemany(self, sql: str, parameters: Iterable[Parameters], /) -> object: ...


class Database(Protocol):
    """An open index. Reads see what is committed. Every method raises `StorageError` where the database says no."""

    numbers: str
    """In a FROM: the table of one column ``value`` that a parameter lists, numbers as JSON."""

    def rows(self, sql: str, parameters: Parameters = ()) -> list[Row]: ...
    def row(self, sql: str, parameters: Parameters = ()) -> Row | None: ...

    def ask(self, query: str, timeout_s: float) -> Table:
        """Run somebody's query, which can read the documented views and write nothing. Raises `UsageError`."""

    def write(self) -> AbstractContextManager[Transaction]:
        """A transaction: all of it, or none. One at a time on an index, whoever writes; the others wait."""

    def clear(self) -> None:
        """Empty every table."""

    def epoch(self) -> str:
        """What changes whenever the index is emptied."""

    def close(self) -> None: ...


def open_database(url: str, root: Path, lake: str) -> Database:
    """Open or make the index at ``sqlite:///path`` (relative to ``root``) or ``postgresql+psycopg://...``, where each
    ``lake`` (its id) has a schema of its own."""
    if url.startswith(_SQLITE) and url != _SQLITE:
        from mmreg.registry.catalog.sqlite import SqliteDatabase

        return SqliteDatabase.open(root / url.removeprefix(_SQLITE))
    for scheme in _POSTGRESQL:
        if url.startswith(scheme):
            from mmreg.registry.catalog.postgresql import PostgresqlDatabase

            return PostgresqlDatabase.open("postgresql://" + url.removeprefix(scheme), lake)
    # Only its scheme is repeated: an address that is not understood may carry a password anywhere.
    raise UsageError(
        f"the catalog's address ({url.partition(':')[0]}:...) cannot be opened",
        hint=f"catalog: {_SQLITE}PATH, or {_POSTGRESQL[0]}USER@HOST/DATABASE",
    )
