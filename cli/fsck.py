"""``mmreg fsck``."""

from __future__ import annotations

import click

from mmreg.cli.command import Command
from mmreg.cli.session import Session, pass_session
from mmreg.errors import IntegrityError, UsageError


@click.command(cls=Command)
@click.argument("dataset", required=False)
@click.option("--deep", is_flag=True, help="Read every byte: each file and each media cell against its digest.")
@click.option("--repair", is_flag=True, help="Mend what can be mended; with --deep, digest files of others' commits.")
@click.option("--rollback", is_flag=True, help="Move DATASET's newest version aside, where it is torn.")
@pass_session
def fsck(session: Session, dataset: str | None, deep: bool, repair: bool, rollback: bool) -> None:
    """Look for damage: lost files, flipped bits, references into nowhere.

    In the whole lake, or in DATASET. Tells the file, the rows and columns in it, and the last good version.
    Changes nothing unless it is asked to. Exits with 5 if damage is left.

    \b
    Example:
        mmreg fsck --deep
    """
    from mmreg.cli.progress import watched

    if rollback:
        if dataset is None or deep or repair:
            raise UsageError("--rollback goes with a dataset, and with no other option", hint="mmreg fsck --help")
        session.show(session.registry.rollback(dataset))
        return
    with watched(quiet=session.quiet or session.json) as progress:
        report = session.registry.fsck(dataset, deep=deep, repair=repair, progress=progress)
    session.show(report)
    if not report.ok:
        click.get_current_context().exit(IntegrityError.exit_status)
