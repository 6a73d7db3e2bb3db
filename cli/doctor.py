"""``mmreg doctor``."""

from __future__ import annotations

import click

from mmreg.cli.command import Command
from mmreg.cli.session import Session, pass_session


@click.command(cls=Command)
@click.option("--upgrade", is_flag=True, help="Give a lake of an older format today's; an older mmreg then refuses it.")
@pass_session
def doctor(session: Session, upgrade: bool) -> None:
    """Look at lake, index and machine; mend what a crash has left.

    Mends what it can and says what it found, each with the command to type (docs/doctor.md). Exits with 1 if something
    is left to mend; what is only noted is none.

    \b
    Example:
        mmreg doctor
    """
    report = session.registry.doctor(upgrade=upgrade)
    session.show(report)
    if not report.ok:
        click.get_current_context().exit(1)
