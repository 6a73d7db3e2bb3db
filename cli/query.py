"""``mmreg query``."""

from __future__ import annotations

import click

from mmreg.cli.command import Command
from mmreg.cli.names import REF
from mmreg.cli.render.rows import Rows
from mmreg.cli.session import Session, pass_session
from mmreg.schemas.refs import VersionRef


@click.command(cls=Command)
@click.argument("ref", type=REF)
@click.option("--where", metavar="PREDICATE", help='Only rows that fulfil it, as in "width >= 64".')
@click.option("--columns", metavar="A,B,...", help="Only these columns (default: all).")
@click.option("--limit", metavar="N", type=click.IntRange(min=0), help="At most so many rows (default: all).")
@pass_session
def query(session: Session, ref: VersionRef, where: str | None, columns: str | None, limit: int | None) -> None:
    """Print the rows of a version that fulfil a predicate.

    Rows are printed as they are read, so the answer may be larger than memory.

    \b
    Example:
        mmreg query train --where "clip_score >= 0.3 AND width >= 64" --columns caption,clip_score --limit 20
    """
    names = [name.strip() for name in columns.split(",")] if columns else None
    rows = session.registry.query(ref, where=where, columns=names, limit=limit)
    session.show(Rows(rows), empty="No rows.")
