"""``mmreg status``."""

from __future__ import annotations

import click

from mmreg.cli.command import Command
from mmreg.cli.session import Session, pass_session


@click.command(cls=Command)
@pass_session
def status(session: Session) -> None:
    """Show how fresh each pass is.

    For each pass: rows that are done, stale, missing or failed, and the generations that they belong to;
    then what 'mmreg apply' would do.

    \b
    Example:
        mmreg status --json
    """
    from mmreg.curation.status import status as find

    session.show(find(session.registry))
