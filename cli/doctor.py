"""``mmreg doctor``."""

from __future__ import annotations

import click

from mmreg.cli.command import Command
from mmreg.cli.session import Session, pass_session


@click.command(cls=Command)
@pass_session
def doctor(session: Session) -> None:
    """Make run objects, index and lake agree after a crash.

    Mends what it can and says what it found. Exits with 1 if something is left to mend.

    \b
    Example:
        mmreg doctor
    """
    report = session.registry.doctor()
    session.show(report)
    if not report.ok:
        click.get_current_context().exit(1)
