"""``mmreg log``."""

from __future__ import annotations

import click

from mmreg.cli.command import Command
from mmreg.cli.names import DATASET
from mmreg.cli.session import Session, pass_session


@click.command(cls=Command)
@click.argument("name", type=DATASET)
@pass_session
def log(session: Session, name: str) -> None:
    """List the versions of a dataset, newest first.

    \b
    Example:
        mmreg log pairs
    """
    session.show(session.registry.log(name))
