"""``mmreg lineage boost``."""

from __future__ import annotations

import click

from mmreg.cli.command import Command
from mmreg.cli.names import MODEL, NODE
from mmreg.cli.session import Session, pass_session
from mmreg.schemas.refs import ModelRef, NodeRef


@click.command("boost", cls=Command)
@click.argument("node", type=NODE)
@click.option("--student", metavar="MODEL", type=MODEL, help="Who learns from it (default: who was trained on it).")
@click.option("--rows/--no-rows", default=True, help="Count rows and cells, or only follow the graph.")
@pass_session
def boost(session: Session, node: NodeRef, student: ModelRef | None, rows: bool) -> None:
    """Tell who boosts NODE: its own student, others, or people.

    For each model that a run upstream asked: 'external' where no way leads from NODE's data to it, 'self' where one
    does and the model is of the student's own line, 'leaky_external' where one does and it is not. Then how much of
    the rows and cells they have made, and how deep models lie upon models.

    \b
    Example:
        mmreg lineage boost model:student@champion
        mmreg lineage boost train@v3 --student student --no-rows
    """
    session.show(session.registry.boost(node, student=student, rows=rows))
