"""``mmreg compare``."""

from __future__ import annotations

import click

from mmreg.cli.command import Command
from mmreg.cli.names import NODE
from mmreg.cli.session import Session, pass_session
from mmreg.schemas.refs import NodeRef


@click.command(cls=Command)
@click.argument("a", type=NODE)
@click.argument("b", type=NODE)
@click.option("--no-rows", is_flag=True, help="Do not count the samples that both have: opens no table.")
@pass_session
def compare(session: Session, a: NodeRef, b: NodeRef, no_rows: bool) -> None:
    """Put two versions, or two models, side by side.

    What differs in their data, in the recipes of all passes, selections and trainings upstream, in the models that were
    asked, in what they have cost, and in metrics: mean and standard deviation over the seeds of trainings that are
    alike in all else. Of versions these are metrics of the models that were trained on them. For single cells of two
    versions see 'mmreg diff'.

    \b
    Example:
        mmreg compare model:clip@champion model:clip@control
    """
    session.show(session.registry.compare(a, b, rows=not no_rows))
