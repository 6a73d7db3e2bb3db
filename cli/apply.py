"""``mmreg apply``."""

from __future__ import annotations

import click

from mmreg.cli.command import Command
from mmreg.cli.progress import watched
from mmreg.cli.session import Session, pass_session


@click.command(cls=Command)
@click.argument("select", metavar="[SEL]...", nargs=-1)
@pass_session
def apply(session: Session, select: tuple[str, ...]) -> None:
    """Bring the lake up to what mmreg.yaml declares.

    Runs what 'mmreg plan' shows: reads sources, runs passes, trains. What is up to date is left alone;
    stopped half-way, it goes on from there the next time. SEL is as for 'mmreg plan'.

    \b
    Example:
        mmreg apply +caption
    """
    from mmreg.curation.apply import apply as run

    with watched(quiet=session.quiet) as progress:
        report = run(session.registry, select, progress)
    session.show(report)
