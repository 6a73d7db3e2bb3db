"""``mmreg plan``."""

from __future__ import annotations

import click

from mmreg.cli.command import Command
from mmreg.cli.session import Session, pass_session


@click.command(cls=Command)
@click.argument("select", metavar="[SEL]...", nargs=-1)
@click.option("--check", is_flag=True, help="Exit with 1 if anything is to be done, or a pass's code drifted.")
@pass_session
def plan(session: Session, select: tuple[str, ...], check: bool) -> None:
    """Show what apply would do, and why.

    SEL is the name of a step (caption), one with what it needs (+caption) or with what needs it (caption+),
    or a dataset (dataset:train). Nothing is written.

    \b
    Example:
        mmreg plan +caption --check
    """
    from mmreg.curation.plan import plan as make_plan

    answer = make_plan(session.registry, select)
    session.show(answer)
    if check and (answer.pending or answer.drifted):
        click.get_current_context().exit(1)
