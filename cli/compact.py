"""``mmreg compact``."""

from __future__ import annotations

import click

from mmreg.cli.command import Command
from mmreg.cli.progress import watched
from mmreg.cli.session import Session, pass_session


@click.command(cls=Command)
@click.argument("datasets", metavar="[DATASET]...", nargs=-1)
@click.option("--plan", is_flag=True, help="Only say what would be done.")
@pass_session
def compact(session: Session, datasets: tuple[str, ...], plan: bool) -> None:
    """Put small fragments and many small files together.

    Fragments with few rows become larger ones, deleted rows leave the files of the newest version, and the columns of
    many passes go into one file; media are written again only with their fragments. Every cell is compared before
    each step is committed. Older versions stay, with their files: 'mmreg gc' says what could go. Exits with 1 where a
    step has failed.

    \b
    Example:
        mmreg compact pairs
    """
    if plan:
        report = session.registry.plan_compaction(datasets)
    else:
        with watched(quiet=session.quiet) as progress:
            report = session.registry.compact(datasets, progress=progress)
    session.show(report)
    if plan and any(dataset.steps for dataset in report.datasets):
        session.say(f"Do it with: {' '.join(['mmreg compact', *datasets])}")
    if any(dataset.held_bytes for dataset in report.datasets) and not plan:
        session.say("What older versions hold and nothing needs, this would show: mmreg gc --plan")
    if not report.ok:
        click.get_current_context().exit(1)
