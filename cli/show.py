"""``mmreg show``."""

from __future__ import annotations

import click

from mmreg.cli.command import Command
from mmreg.cli.names import REF
from mmreg.cli.session import Session, pass_session
from mmreg.schemas.refs import VersionRef


@click.command(cls=Command)
@click.argument("ref", type=REF)
@pass_session
def show(session: Session, ref: VersionRef) -> None:
    """Tell all about one version.

    Rows, columns and who made them, records that were rejected and why, and how to open it with plain Lance.

    \b
    Example:
        mmreg show pairs@v2
    """
    session.show(session.registry.show(ref))
