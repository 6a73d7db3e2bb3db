"""``mmreg catalog``."""

from __future__ import annotations

import click

from mmreg.cli.command import Group
from mmreg.cli.render.errands import Rebuilt
from mmreg.cli.session import Session, pass_session


@click.group(cls=Group)
def catalog() -> None:
    """Look after the index."""


@catalog.command("rebuild")
@pass_session
def rebuild(session: Session) -> None:
    """Make the index anew from the lake.

    The lake holds the truth: the index may be lost or deleted at any time, this brings it back.

    \b
    Example:
        mmreg catalog rebuild
    """
    session.show(Rebuilt(session.registry.rebuild()))
