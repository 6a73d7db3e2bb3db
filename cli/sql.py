"""``mmreg sql``."""

from __future__ import annotations

import sys
from itertools import islice

import click

from mmreg.cli.command import Command
from mmreg.cli.session import Session, pass_session


@click.command(cls=Command)
@click.argument("query", required=False)
@click.option("--limit", metavar="N", type=click.IntRange(min=0), help="At most so many rows (default: all).")
@click.option(
    "--format",
    "form",
    metavar="FORMAT",
    type=click.Choice(["table", "json", "jsonl", "csv"]),
    default="table",
    help="table (default), json, jsonl or csv.",
)
@click.option(
    "--timeout", metavar="SECONDS", type=click.FloatRange(min=0, min_open=True), default=60.0, help="Default: 60."
)
@pass_session
def sql(session: Session, query: str | None, limit: int | None, form: str, timeout: float) -> None:
    """Ask the index in SQL; it can only be read.

    The views are the same over SQLite and PostgreSQL: docs/sql.md, and this command without a QUERY, list
    their columns. A QUERY of - is read from standard input.

    \b
    Example:
        mmreg sql "SELECT ref, job, rows FROM versions WHERE dataset = 'train'"
    """
    from mmreg.cli.render.sql import written
    from mmreg.schemas.views import VIEWS, Table

    if query is None:
        session.show(VIEWS)
        return
    text = sys.stdin.read() if query == "-" else query
    found = session.registry.sql(text, timeout_s=timeout)
    found = Table(found.columns, islice(found.rows, limit))
    session.show(written(found, "json" if session.json else form), json=form == "json", empty="No rows.")
