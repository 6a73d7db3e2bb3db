"""``mmreg cost``."""

from __future__ import annotations

import click

from mmreg.cli.command import Command
from mmreg.cli.names import NODE
from mmreg.cli.session import Session, pass_session
from mmreg.schemas.cost import By
from mmreg.schemas.refs import NodeRef


@click.command(cls=Command)
@click.argument("node", type=NODE)
@click.option(
    "--by",
    metavar="WHAT",
    type=click.Choice(["job", "model", "dataset", "run"]),
    default="job",
    help="A line for each job (default), model, dataset or run.",
)
@pass_session
def cost(session: Session, node: NodeRef, by: By) -> None:
    """Tell what NODE has cost: all that it came from, each run once.

    Passes, trainings of the models that curated it, and the stopped runs whose results were taken up. What
    nobody counted is named, never taken for 0. NODE is a version, a column of one (pairs@v3:caption), a model
    (model:clip@champion) or a run.

    \b
    Example:
        mmreg cost model:clip@champion --by dataset
    """
    session.show(session.registry.cost(node, by))
