"""``mmreg init``."""

from __future__ import annotations

from pathlib import Path

import click

from mmreg.cli.command import Command
from mmreg.cli.session import Session, pass_session


@click.command(cls=Command)
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path), default=Path())
@click.option("--name", metavar="NAME", help="Name of the project (default: the folder's).")
@click.option("--lake", metavar="URI", help="Where the lake is to be (default: .mmreg/lake).")
@click.option("--force", is_flag=True, help="Replace an mmreg.yaml that is there.")
@click.option("--single-writer", is_flag=True, help="Accept a store that only one process at a time may write to.")
@pass_session
def init(session: Session, folder: Path, name: str | None, lake: str | None, force: bool, single_writer: bool) -> None:
    """Start a project: write a first mmreg.yaml and make its lake.

    Where mmreg.yaml is there already it is kept, and its lake is made. A store on which two writers could
    lose each other's versions is refused, unless --single-writer says that there is one.

    \b
    Example:
        mmreg init webpairs --lake s3://bucket/webpairs
    """
    from mmreg.registry.init import init_project

    place = Path(session.project or ".") / folder
    created = init_project(place, name=name, lake=lake, force=force, single_writer=single_writer)
    session.show(created)
    session.say("Next: " + ("say in mmreg.yaml where your data are, then: " if created.written else "") + "mmreg plan")
