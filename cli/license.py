"""``mmreg license``."""

from __future__ import annotations

import click

from mmreg.cli.command import Command
from mmreg.cli.names import NODE
from mmreg.cli.session import Session, pass_session
from mmreg.schemas.refs import NodeRef


@click.command(cls=Command)
@click.argument("ref", type=NODE)
@click.option("--rows", is_flag=True, help="Count the licences in a column 'license' as well; reads that column.")
@pass_session
def license(session: Session, ref: NodeRef, rows: bool) -> None:
    """Tell the licences of all that REF was made from.

    REF is a version (train@v3), a column of one (train@v3:caption) or a model (model:clip@champion). Listed are all
    datasets and models upstream with their licences, and where those were declared; the most restrictive one wins.
    What nobody declared is unknown, and named. 'mmreg impact --license NAME' asks the other way round.

    \b
    Example:
        mmreg license model:clip@champion
    """
    session.show(session.registry.licenses(ref, rows=rows))
