"""``mmreg pass``."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import click

from mmreg.cli.command import Group
from mmreg.cli.session import Session, pass_session

if TYPE_CHECKING:
    from mmreg.curation.protocol import Kind, Scope

KINDS = ("score", "extract", "map", "filter", "create")
SCOPES = ("row", "group", "table")


@click.group("pass", cls=Group)
def pass_() -> None:
    """Begin a pass of your own."""


@pass_.command("new")
@click.argument("name")
@click.option("--kind", type=click.Choice(KINDS), default="score", help="What it is to do (default: score).")
@click.option("--scope", type=click.Choice(SCOPES), default="row", help="What an answer depends on (default: row).")
@pass_session
def new(session: Session, name: str, kind: str, scope: str) -> None:
    """Write a pass NAME and its test beside mmreg.yaml.

    The test passes at once. The lines that declare the pass are printed, to be put into mmreg.yaml.

    \b
    Example:
        mmreg pass new brightness --kind score
    """
    from mmreg.curation.scaffold import new_pass

    project = session.registry.project
    session.show(new_pass(project.folder, project.spec, name, cast("Kind", kind), cast("Scope", scope)))
    session.say(f"Next: pytest test_{name}.py, then the lines above into mmreg.yaml, and: mmreg plan {name}")
