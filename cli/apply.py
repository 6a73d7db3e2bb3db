"""``mmreg apply``."""

from __future__ import annotations

import click

from mmreg.cli.command import Command
from mmreg.cli.progress import watched
from mmreg.cli.session import Session, pass_session


@click.command(cls=Command)
@click.argument("select", metavar="[SEL]...", nargs=-1)
@click.option("--errors-only", is_flag=True, help="Compute nothing but rows that failed (mmreg errors PASS).")
@click.option("--approve", metavar="DIGEST", help="Do the plan of this digest although it is above a budget.")
@click.option("--force", is_flag=True, help="Do it although somebody else has declared it differently since.")
@click.option("--promote", is_flag=True, help="Let names mean the versions that passed their checks, and lock.")
@click.option("--lock", is_flag=True, help="Write to mmreg.lock what names mean.")
@pass_session
def apply(
    session: Session,
    select: tuple[str, ...],
    errors_only: bool,
    approve: str | None,
    force: bool,
    promote: bool,
    lock: bool,
) -> None:
    """Bring the lake up to what mmreg.yaml declares.

    Runs what 'mmreg plan' shows: reads sources, runs passes, trains, and checks the versions that it made. What
    is up to date is left alone; stopped half-way, it goes on from there the next time. SEL is as for 'mmreg
    plan'. Above a budget it stops before it spends, and says which plan to approve.

    A version that fails its checks stays, marked: its bare name never means it, no training reads it, and the
    exit status is 1.

    \b
    Example:
        mmreg apply +caption
    """
    from mmreg.curation.apply import apply as run

    with watched(quiet=session.quiet) as progress:
        report = run(
            session.registry,
            select,
            progress,
            approve=approve,
            force=force,
            errors_only=errors_only,
            promote=promote,
            lock=lock,
        )
    session.show(report)
    if report.lock is not None:
        session.say(f"{report.lock} says what names mean: it belongs into git.")
    if not report.ok:
        click.get_current_context().exit(1)
