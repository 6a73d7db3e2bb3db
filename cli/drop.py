"""``mmreg drop``."""

from __future__ import annotations

import sys

import click

from mmreg.cli.command import Command
from mmreg.cli.session import Session, pass_session
from mmreg.errors import UsageError


@click.command(cls=Command)
@click.argument("name", metavar="PASS|DATASET|DATASET:COLUMN")
@click.option("--yes", is_flag=True, help="Do not ask.")
@pass_session
def drop(session: Session, name: str, yes: bool) -> None:
    """Drop what mmreg.yaml declares no longer.

    The columns of a pass with its state, or one column, leave the newest version; older versions keep them. A
    dataset leaves the list; its files stay. What something else needs is not dropped.

    \b
    Example:
        mmreg drop pairs:old_caption --yes
    """
    from mmreg.curation.drop import drop as run
    from mmreg.curation.drop import find

    target = find(session.registry, name)
    if not yes:
        if session.json or not sys.stdin.isatty():
            raise UsageError(f"this would drop {target}; nobody is there to be asked", hint=f"mmreg drop {name} --yes")
        click.confirm(f"Drop {target}?", abort=True, err=True)
    session.show(run(session.registry, name))
