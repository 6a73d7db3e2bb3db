"""``mmreg orphans``."""

from __future__ import annotations

import click

from mmreg.cli.command import Command
from mmreg.cli.names import DATASET
from mmreg.cli.session import Session, pass_session


@click.command(cls=Command)
@click.argument("dataset", type=DATASET, required=False)
@pass_session
def orphans(session: Session, dataset: str | None) -> None:
    """List what hangs on nothing.

    In the whole lake, or in DATASET: versions that nothing was made from, models of unknown data, models that nobody
    uses, evaluations of what is not known, sources that no version is from. None of it is wrong by itself.

    \b
    Example:
        mmreg orphans
    """
    session.show(session.registry.orphans(dataset))
