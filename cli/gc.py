"""``mmreg gc``."""

from __future__ import annotations

import click

from mmreg.cli.command import Command
from mmreg.cli.progress import watched
from mmreg.cli.session import Session, pass_session


@click.command(cls=Command)
@click.argument("dataset", metavar="[DATASET]", required=False)
@click.option("--plan/--apply", "plan", default=True, help="Only say what would go, which is the default; or do it.")
@pass_session
def gc(session: Session, dataset: str | None, plan: bool) -> None:
    """Remove old versions that nothing needs, and what crashes left.

    Kept is the newest version, what was promoted, tagged, trained or evaluated on, what a kept version refers to,
    what somebody reads or works on now, and what 'retention' in mmreg.yaml says. Says of each version why it stays
    or goes, and the bytes. Every run is kept, so lineage still knows what went.

    \b
    Example:
        mmreg gc pairs --apply
    """
    with watched(quiet=session.quiet or plan) as progress:
        report = session.registry.gc(dataset, apply=not plan, progress=progress)
    session.show(report)
    if plan and report.frees_bytes:
        session.say(f"Do it with: mmreg gc{f' {dataset}' if dataset else ''} --apply")
