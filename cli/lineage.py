"""``mmreg lineage``."""

from __future__ import annotations

import click

from mmreg.cli.command import Group
from mmreg.cli.names import NODE
from mmreg.cli.render.errands import Drawing
from mmreg.cli.session import Session, pass_session
from mmreg.schemas.lineage import Lineage
from mmreg.schemas.refs import NodeRef

_depth = click.option(
    "--depth", metavar="N", type=click.IntRange(min=1), help="At most so many runs away (default: all)."
)
_form = click.option(
    "--format",
    "form",
    metavar="FORMAT",
    type=click.Choice(["tree", "json", "dot", "mermaid"]),
    default="tree",
    help="tree (default), json, dot or mermaid.",
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
@_form
@pass_session
def up(session: Session, node: NodeRef, depth: int | None, form: str) -> None:
    """Tell where NODE came from.

    The runs, versions, models and sources upstream of it.

    \b
    Example:
        mmreg lineage up train@v2
    """
    _show(session, session.registry.lineage(node, "up", depth), form)


@lineage.command("down")
@click.argument("node", type=NODE)
@_depth
@_form
@pass_session
def down(session: Session, node: NodeRef, depth: int | None, form: str) -> None:
    """Tell what was made from NODE, or with it.

    \b
    Example:
        mmreg lineage down model:clip@champion --format mermaid
    """
    _show(session, session.registry.lineage(node, "down", depth), form)


@lineage.command("path")
@click.argument("a", type=NODE)
@click.argument("b", type=NODE)
@_form
@pass_session
def path(session: Session, a: NodeRef, b: NodeRef, form: str) -> None:
    """Tell how A and B depend on each other.

    All ways that lead from one down to the other.

    \b
    Example:
        mmreg lineage path pairs@v1 model:clip@champion
    """
    answer = session.registry.lineage_path(a, b)
    _show(session, answer, form)
    if len(answer.nodes) > 1 and not answer.edges:
        session.say(f"No way leads from {a} to {b}, nor back.")


def _show(session: Session, answer: Lineage, form: str) -> None:
    if form in ("dot", "mermaid") and not session.json:
        session.show(_drawn(answer, form))
    else:
        session.show(answer, json=form == "json")


def _drawn(answer: Lineage, form: str) -> Drawing:
    if form == "dot":
        from mmreg.cli.render.dot import dot as draw
    else:
        from mmreg.cli.render.mermaid import mermaid as draw
    return Drawing(tuple(draw(answer)))
