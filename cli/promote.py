"""``mmreg promote``."""

from __future__ import annotations

import click

from mmreg.cli.command import Command
from mmreg.cli.names import REF
from mmreg.cli.session import Session, pass_session
from mmreg.schemas.refs import VersionRef


@click.command(cls=Command)
@click.argument("ref", type=REF)
@pass_session
def promote(session: Session, ref: VersionRef) -> None:
    """Make a version the one that its bare name means.

    The declared checks run first; where one of severity 'error' fails, nothing is promoted and the exit
    status is 1. A bare REF means the latest version here. What all names mean is then written to mmreg.lock.

    \b
    Example:
        mmreg promote train@v3
    """
    report = session.registry.promote(ref)
    session.show(report)
    if not report.ok:
        session.say(f"{report.version} was not promoted.")
        click.get_current_context().exit(1)
    session.say(f"{report.dataset} now means {report.version}.")
