"""``mmreg doctor``."""

from __future__ import annotations

import click

from mmreg.cli.command import Command
from mmreg.cli.names import REF
from mmreg.cli.progress import watched
from mmreg.cli.session import Session, pass_session
from mmreg.errors import UsageError
from mmreg.schemas.refs import VersionRef


@click.command(cls=Command)
@click.argument("ref", metavar="[DATASET]", type=REF, required=False)
@click.option("--upgrade", is_flag=True, help="Give a lake of an older format today's; an older mmreg then refuses it.")
@pass_session
def doctor(session: Session, ref: VersionRef | None, upgrade: bool) -> None:
    """Look at lake, index and machine; mend what a crash has left.

    Mends what it can and says what it found, each with the command to type (docs/doctor.md). Exits with 1 if something
    is left to mend; what is only noted is none.

    Given a DATASET it looks at that alone, at its newest version or at one that is named (train@v3): for duplicates,
    boilerplate, noise, rejected records, loss of what is rare, leaks, stale rows and orphans, each with examples and
    the pass that would cure it. It changes nothing.

    \b
    Example:
        mmreg doctor pairs
    """
    if ref is not None and upgrade:
        raise UsageError("a dataset has no format of its own to be upgraded", hint="mmreg doctor --upgrade")
    if ref is None:
        report = session.registry.doctor(upgrade=upgrade)
        session.show(report)
        ok = report.ok
    else:
        with watched(quiet=session.quiet) as progress:
            found = session.registry.examine(ref, progress)
        session.show(found)
        ok = found.ok
    if not ok:
        click.get_current_context().exit(1)
