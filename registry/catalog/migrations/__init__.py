"""The schema of an index on PostgreSQL, as numbered steps: ``0001.sql`` and so on, each applied once and in order.

A step that was released is never edited; what changes is a new one. One that changes what runs mean to the index
empties its tables, so that the lake is read again.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mmreg.errors import IntegrityError, StorageError

if TYPE_CHECKING:
    import psycopg

    from mmreg.registry.catalog.database import Row


def migrate(connection: psycopg.Connection[Row], schema: str, place: str) -> None:
    """Make ``schema``, which the connection's search path names, the one that this mmreg works with.

    Of several processes one does it and the others wait. Raises `IntegrityError` for what a newer mmreg has made.
    """
    known = steps()
    newest = max(known)
    applied = _applied(connection, schema)
    if applied == newest:
        return
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (schema,))
        applied = _applied(connection, schema)
        if applied > newest:
            raise IntegrityError(
                f"the index at {place} has format {applied}; this mmreg knows formats up to {newest}",
                hint="pip install --upgrade mmreg",
            )
        if not applied:
            _begin(connection, schema, place)
        for number in range(applied + 1, newest + 1):
            connection.execute(known[number])
            connection.execute("INSERT INTO migration (number) VALUES (%s)", (number,))


def steps() -> dict[int, bytes]:
    """What each step executes, by its number."""
    return {int(file.stem): file.read_bytes() for file in Path(__file__).parent.glob("[0-9]*.sql")}


def _applied(connection: psycopg.Connection[Row], schema: str) -> int:
    """The number of the last step that was applied; 0 before the first."""
    # Asked of a table: what to_regclass says may be from before the lock was granted.
    there = "SELECT 1 FROM pg_tables WHERE schemaname = %s AND tablename = 'migration'"
    if connection.execute(there, (schema,)).fetchone() is None:
        return 0
    last = connection.execute("SELECT max(number) FROM migration").fetchone()
    return int(last[0] or 0) if last is not None else 0


def _begin(connection: psycopg.Connection[Row], schema: str, place: str) -> None:
    encoding = connection.execute("SHOW server_encoding").fetchone()
    if encoding != ("UTF8",):
        raise StorageError(
            f"the index at {place}: the database does not keep UTF-8",
            hint="createdb --encoding UTF8 --template template0",
        )
    there = "SELECT 1 FROM pg_namespace WHERE nspname = %s"
    if (
        connection.execute(there, (schema,)).fetchone() is None
    ):  # IF NOT EXISTS would need the right to make one also where somebody else has
        connection.execute(f'CREATE SCHEMA "{schema}"'.encode())
    connection.execute("CREATE TABLE migration (number INTEGER PRIMARY KEY, applied_at TIMESTAMPTZ DEFAULT now())")
