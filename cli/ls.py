"""``mmreg ls``."""

from __future__ import annotations

import click

from mmreg.cli.command import Command
from mmreg.cli.session import Session, pass_session


@click.command(cls=Command)
@pass_session
def ls(session: Session) -> None:
    """List the datasets.

    CURRENT is what the bare name means: the promoted version; where none was promoted yet the latest, or if that
    failed its checks the latest that passed them.

    \b
    Example:
        mmreg ls --json
    """
    session.show(session.registry.ls(), empty="No datasets yet. Declare one in mmreg.yaml, then: mmreg apply")
