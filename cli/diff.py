"""``mmreg diff``."""

from __future__ import annotations

import click

from mmreg.cli.command import Command
from mmreg.cli.names import REF
from mmreg.cli.session import Session, pass_session
from mmreg.schemas.refs import VersionRef


@click.command(cls=Command)
@click.argument("a", type=REF)
@click.argument("b", type=REF)
@pass_session
def diff(session: Session, a: VersionRef, b: VersionRef) -> None:
    """Tell what lies between two versions of a dataset.

    Columns added, removed and retyped; samples added and removed; changed cells for each column. Between versions
    of a derived dataset also which samples were dropped or admitted again, and for what reasons.

    \b
    Example:
        mmreg diff pairs@v1 pairs@v2
    """
    session.show(session.registry.diff(a, b))
