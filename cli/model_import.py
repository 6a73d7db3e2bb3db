"""``mmreg model import``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from mmreg.cli.command import Command
from mmreg.cli.session import Session, pass_session


@click.command("import", cls=Command)
@click.argument("uri")
@click.argument("name", required=False)
@click.option("--alias", metavar="NAME", help="Alias to give it, as in clip@champion.")
@click.option("--tracking-uri", metavar="URI", help="The tracking server (default: as MLflow is set up).")
@click.option(
    "--output",
    metavar="FOLDER",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where to put files that are not on this machine (default: models/).",
)
@pass_session
def import_(session: Session, /, uri: str, name: str | None, **options: Any) -> None:
    """Register a model of MLflow, with the training that made it.

    URI is models:/NAME/1, models:/NAME@alias or models:/m-... The run that made the model is recorded as a training:
    the datasets that it logged are the versions that it read, where mmreg wrote them there or their digest is a
    version's uuid; parameters, metrics and times come along. NAME is the model's here (default: as there).

    \b
    Example:
        mmreg model import models:/clip/3 clip --alias champion --tracking-uri http://mlflow.example:5000
    """
    run = session.registry.model_import(uri, name, **options)
    session.show(run)
    for told in run.facets["training"].get("elsewhere", ()):
        session.say(f"{told['name']} ({told['digest']}) is no version of this lake: what it holds is not known here.")
