"""``mmreg checks``."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import click

from mmreg.cli.command import Group
from mmreg.cli.session import Session, pass_session
from mmreg.errors import NotFound

if TYPE_CHECKING:
    from mmreg.validators.scaffold import Reads


@click.group(cls=Group, invoke_without_command=True)
@click.pass_context
def checks(ctx: click.Context) -> None:
    """List the checks there are; begin one of your own.

    mmreg's own, those of installed plug-ins, and those beside mmreg.yaml: what each demands, whether it judges single
    rows, all rows together or the version as a whole, and which extra it needs. docs/checks.md has their arguments.

    \b
    Example:
        mmreg checks
    """
    if ctx.invoked_subcommand is None:
        ctx.invoke(_list)


@click.command(hidden=True)
@pass_session
def _list(session: Session) -> None:
    from mmreg.validators.listing import list_checks

    try:
        project = session.project_without_secrets
    except NotFound:
        session.show(list_checks())
    else:
        declared = [check.check for specs in project.spec.checks.values() for check in specs]
        session.show(list_checks(project.folder, declared))


@checks.command("new")
@click.argument("name")
@click.option("--reads", type=click.Choice(["text", "image"]), default="text", help="What it looks at (default: text).")
@pass_session
def new(session: Session, name: str, reads: str) -> None:
    """Write a check NAME and its test beside mmreg.yaml.

    The test passes at once. The lines that declare the check are printed, to be put into mmreg.yaml.

    \b
    Example:
        mmreg checks new enough_words
    """
    from mmreg.validators.scaffold import new_check

    project = session.project_without_secrets
    session.show(new_check(project.folder, project.spec, name, cast("Reads", reads)))
    session.say(f"Next: pytest test_{name}.py, then the lines above into mmreg.yaml, and: mmreg validate")
