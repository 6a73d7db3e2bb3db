"""``mmreg find``."""

from __future__ import annotations

import click

from mmreg.cli.command import Command
from mmreg.cli.names import REF
from mmreg.cli.session import Session, pass_session
from mmreg.schemas.refs import VersionRef


@click.command(cls=Command)
@click.argument("digest")
@click.option("--dataset", metavar="REF", type=REF, help="Look through the rows of this version alone.")
@click.option("--no-rows", is_flag=True, help="Ask the index alone: no media and no samples.")
@pass_session
def find(session: Session, digest: str, dataset: VersionRef | None, no_rows: bool) -> None:
    """Tell what a digest is of.

    Models, their files and components, sources, prompts, row sets and all else that runs name, versions, media
    cells and samples. DIGEST is sha256:... or the beginning of any digest or sample_id, 8 hexadecimal digits or
    more. Rows are looked through in the newest version of every dataset. Exit status 3 where nothing is found.

    \b
    Example:
        mmreg find sha256:1f0c9a2b
    """
    session.show(session.registry.find(digest, dataset=dataset, rows=not no_rows))
