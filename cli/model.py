"""``mmreg model``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from mmreg.cli.command import Group
from mmreg.cli.model_import import import_
from mmreg.cli.names import COMPONENT, MODEL, kept
from mmreg.cli.render.errands import Named
from mmreg.cli.session import Session, pass_session
from mmreg.schemas.model import COMPONENT_SHAPE
from mmreg.schemas.refs import ModelRef


@click.group(cls=Group)
def model() -> None:
    """Register models, look at them, give them aliases.

    A model is the digest of its weights. MODEL is a name (its newest checkpoint), name@alias or
    name@<beginning of the digest>.
    """


@model.command("add")
@click.argument("path", type=click.Path(path_type=Path))
@click.argument("name")
@click.option("--alias", metavar="NAME", help="Alias to give it, as in clip@champion.")
@click.option("--license", metavar="SPDX", type=kept, help="License of the weights.")
@click.option("--base", metavar="MODEL", help="The registered model that it was made from.")
@click.option("--framework", metavar="NAME", help="What loads it: open_clip, transformers, torch, ...")
@click.option(
    "--component",
    "components",
    type=COMPONENT,
    multiple=True,
    metavar=COMPONENT_SHAPE,
    help="What is known of a part of it.",
)
@pass_session
def add(session: Session, /, path: Path, name: str, **facts: Any) -> None:
    """Register the weights at PATH, a file or a directory, under NAME.

    Every file is digested; none is executed, unpickled or copied. Of a directory as the Hugging Face hub has them the
    configuration and the model card are read. The parts of a model, and which of them are those of its base or of
    another registered model, are told from its tensors.

    \b
    Example:
        mmreg model add checkpoints/clip clip --alias champion --license mit
    """
    session.show(session.registry.model_add(path, name, **facts))


@model.command("ls")
@pass_session
def ls(session: Session) -> None:
    """List the checkpoints, newest first.

    \b
    Example:
        mmreg model ls
    """
    session.show(session.registry.models(), empty="No models yet. Register one: mmreg model add PATH NAME")


@model.command("show")
@click.argument("ref", metavar="MODEL", type=MODEL)
@pass_session
def show(session: Session, ref: ModelRef) -> None:
    """Tell all about one checkpoint.

    Its files, its parts and their licence, the trainings that made it and the evaluations of it.

    \b
    Example:
        mmreg model show clip@champion
    """
    session.show(session.registry.model_show(ref))


@model.command("alias")
@click.argument("ref", metavar="MODEL", type=MODEL)
@click.argument("alias")
@pass_session
def alias(session: Session, ref: ModelRef, alias: str) -> None:
    """Let ALIAS mean this checkpoint from now on.

    \b
    Example:
        mmreg model alias clip@3f9a champion
    """
    checkpoint = session.registry.model_alias(ref, alias)
    session.show(Named(checkpoint.name, alias, checkpoint.digest))


model.add_command(import_)
