"""``mmreg plan``."""

from __future__ import annotations

import click

from mmreg.cli.command import Command
from mmreg.cli.session import Session, pass_session


@click.command(cls=Command)
@click.argument("select", metavar="[SEL]...", nargs=-1)
@click.option("--sample", metavar="N", type=click.IntRange(1), help="Compute N rows of each pass to measure its cost.")
@click.option("--check", is_flag=True, help="Exit with 1 if anything is to be done, or a pass's code drifted.")
@click.option(
    "--format",
    "form",
    metavar="FORMAT",
    type=click.Choice(["text", "json", "markdown"]),
    default="text",
    help="text (default), json or markdown.",
)
@pass_session
def plan(session: Session, select: tuple[str, ...], sample: int | None, check: bool, form: str) -> None:
    """Show what apply would do, why, and what it would cost.

    SEL is the name of a step (caption), one with what it needs (+caption) or with what needs it (caption+),
    or a dataset (dataset:train). Nothing is written to the lake: rows computed for --sample are kept on this
    machine, and 'mmreg apply' uses them. A plan above a budget is done by 'mmreg apply --approve DIGEST'.

    \b
    Example:
        mmreg plan +caption --sample 20
    """
    from mmreg.curation.plan import plan as make_plan

    answer = make_plan(session.registry, select, sample=sample or 0)
    if form == "markdown" and not session.json:
        from mmreg.cli.render.errands import Drawing
        from mmreg.cli.render.markdown import markdown

        session.show(Drawing(tuple(markdown(answer))))
    else:
        session.show(answer, json=form == "json")
    if check and (answer.pending or answer.drifted):
        click.get_current_context().exit(1)
