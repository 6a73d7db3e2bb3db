"""``mmreg lineage``."""

from __future__ import annotations

from typing import Literal

import click

from mmreg.cli.command import Group
from mmreg.cli.names import NODE
from mmreg.cli.session import Session, pass_session
from mmreg.cli.view import View, view_options
from mmreg.cli.ways import Ways, ways_options
from mmreg.schemas.refs import NodeRef


@click.group(
    cls=Group,
    elsewhere={"boost": "lineage_boost", "leak": "lineage_leak", "export": "export", "import": "export"},
)
def lineage() -> None:
    """Follow versions, runs and models up or down.

    NODE is a version (pairs@v3), a column of one (pairs@v3:caption), a model (model:clip@champion), a run
    (run:ID), what was read (source:data/records.jsonl) or the digest of a model's weights (sha256:...).
    """


@lineage.command("up")
@click.argument("node", type=NODE)
@ways_options
@view_options
@pass_session
def up(session: Session, node: NodeRef, ways: Ways, view: View) -> None:
    """Tell where NODE came from.

    The runs, versions, models and sources upstream of it.

    \b
    Example:
        mmreg lineage up train@v2
        mmreg lineage up pairs@v7:caption_mllm
        mmreg lineage up train --kind version --through curated_by
    """
    _show(session, view, node, "up", ways)


@lineage.command("down")
@click.argument("node", type=NODE)
@ways_options
@view_options
@pass_session
def down(session: Session, node: NodeRef, ways: Ways, view: View) -> None:
    """Tell what was made from NODE, or with it.

    \b
    Example:
        mmreg lineage down model:clip@champion --format mermaid
    """
    _show(session, view, node, "down", ways)


@lineage.command("path")
@click.argument("a", type=NODE)
@click.argument("b", type=NODE)
@ways_options
@view_options
@pass_session
def path(session: Session, a: NodeRef, b: NodeRef, ways: Ways, view: View) -> None:
    """Tell how A and B depend on each other.

    All ways that lead from one down to the other.

    \b
    Example:
        mmreg lineage path pairs@v1 model:clip@champion
    """
    answer = session.registry.lineage_path(a, b, ways.depth, kinds=ways.kinds, through=ways.through)
    view.show(session, answer)
    if not answer.edges and a != b:
        such = " such" if ways != Ways() else ""
        session.say(f"No{such} way leads from {a} to {b}, nor back.")


def _show(session: Session, view: View, node: NodeRef, direction: Literal["up", "down"], ways: Ways) -> None:
    answer = session.registry.lineage(node, direction, ways.depth, kinds=ways.kinds, through=ways.through)
    view.show(session, answer)
    if ways.through and not answer.edges:
        session.say(f"No way {direction} from {node} crosses {' and '.join(map(str, ways.through))}.")
