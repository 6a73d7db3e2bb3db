"""``mmreg lineage``."""

from __future__ import annotations

import click

from mmreg.cli.command import Group
from mmreg.cli.lineage_boost import boost
from mmreg.cli.names import NODE
from mmreg.cli.session import Session, pass_session
from mmreg.cli.view import View, view_options
from mmreg.schemas.refs import NodeRef

_depth = click.option(
    "--depth", metavar="N", type=click.IntRange(min=1), help="At most so many runs away (default: all)."
)


@click.group(cls=Group)
def lineage() -> None:
    """Follow versions, runs and models up or down.

    NODE is a version (pairs@v3), a model (model:clip@champion), a run (run:ID) or the digest of a model's
    weights (sha256:...).
    """


@lineage.command("up")
@click.argument("node", type=NODE)
@_depth
@view_options
@pass_session
def up(session: Session, node: NodeRef, depth: int | None, view: View) -> None:
    """Tell where NODE came from.

    The runs, versions, models and sources upstream of it.

    \b
    Example:
        mmreg lineage up train@v2
    """
    view.show(session, session.registry.lineage(node, "up", depth))


@lineage.command("down")
@click.argument("node", type=NODE)
@_depth
@view_options
@pass_session
def down(session: Session, node: NodeRef, depth: int | None, view: View) -> None:
    """Tell what was made from NODE, or with it.

    \b
    Example:
        mmreg lineage down model:clip@champion --format mermaid
    """
    view.show(session, session.registry.lineage(node, "down", depth))


@lineage.command("path")
@click.argument("a", type=NODE)
@click.argument("b", type=NODE)
@view_options
@pass_session
def path(session: Session, a: NodeRef, b: NodeRef, view: View) -> None:
    """Tell how A and B depend on each other.

    All ways that lead from one down to the other.

    \b
    Example:
        mmreg lineage path pairs@v1 model:clip@champion
    """
    answer = session.registry.lineage_path(a, b)
    view.show(session, answer)
    if len(answer.nodes) > 1 and not answer.edges:
        session.say(f"No way leads from {a} to {b}, nor back.")


lineage.add_command(boost)
