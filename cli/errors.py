"""``mmreg errors``."""

from __future__ import annotations

from dataclasses import asdict
from itertools import islice

import click

from mmreg.cli.command import Command
from mmreg.cli.render.rows import Rows
from mmreg.cli.session import Session, pass_session


@click.command(cls=Command)
@click.argument("pass_name", metavar="PASS")
@click.option("--limit", metavar="N", type=click.IntRange(min=0), help="At most so many rows (default: all).")
@pass_session
def errors(session: Session, pass_name: str, limit: int | None) -> None:
    """List the rows of a pass that failed, and why.

    They are computed again when their inputs or the pass change, by 'mmreg apply PASS --errors-only', and by
    every apply where the pass declares 'on_error: retry'.

    \b
    Example:
        mmreg errors caption --limit 20
    """
    from mmreg.curation.failed import failed_rows

    rows = islice(failed_rows(session.registry, pass_name), limit)
    session.show(Rows(map(asdict, rows)), empty="No row has failed.")
