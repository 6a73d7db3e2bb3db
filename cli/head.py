"""``mmreg head``."""

from __future__ import annotations

import click

from mmreg.cli.command import Command
from mmreg.cli.names import REF
from mmreg.cli.render.rows import Rows
from mmreg.cli.session import Session, pass_session
from mmreg.schemas.refs import VersionRef


@click.command(cls=Command)
@click.argument("ref", type=REF)
@click.option(
    "-n",
    "--rows",
    "count",
    metavar="N",
    type=click.IntRange(min=0),
    default=10,
    help="How many (default: 10).",
)
@pass_session
def head(session: Session, ref: VersionRef, count: int) -> None:
    """Print the first rows of a version.

    Media cells tell their format and size; their bytes are not printed.

    \b
    Example:
        mmreg head pairs@latest -n 3
    """
    session.show(Rows(session.registry.head(ref, count)), empty="No rows.")
