"""``mmreg validate``."""

from __future__ import annotations

import click

from mmreg.cli.command import Command
from mmreg.cli.names import REF
from mmreg.cli.session import Session, pass_session
from mmreg.schemas.refs import VersionRef


@click.command(cls=Command)
@click.argument("ref", type=REF, required=False)
@click.option(
    "--format",
    "form",
    metavar="FORMAT",
    type=click.Choice(["text", "json"]),
    default="text",
    help="text (default) or json.",
)
@pass_session
def validate(session: Session, ref: VersionRef | None, form: str) -> None:
    """Run the declared checks on a version.

    Without REF on every dataset that has checks. Exits with 1 if a check of severity 'error' fails.

    \b
    Example:
        mmreg validate train@latest
    """
    reports = session.registry.validate(ref)
    session.show(reports, json=form == "json", empty="No checks are declared. They go under 'checks:' in mmreg.yaml.")
    if not all(report.ok for report in reports):
        click.get_current_context().exit(1)
