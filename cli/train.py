"""``mmreg train``."""

from __future__ import annotations

from pathlib import Path

import click

from mmreg.cli.command import Group
from mmreg.cli.names import REF, Assignment, kept
from mmreg.cli.session import Session, pass_session
from mmreg.schemas.refs import VersionRef


@click.group(cls=Group)
def train() -> None:
    """Record trainings that run elsewhere.

    Trainings that mmreg.yaml declares are run and recorded by 'mmreg apply'.
    """


@train.command("record")
@click.argument("name")
@click.option("--input", "inputs", type=REF, multiple=True, required=True, help="A version that it was trained on.")
@click.option("--checkpoint", type=click.Path(path_type=Path), required=True, help="The weights that it wrote.")
@click.option("--model", metavar="NAME", help="Name to register them under (default: NAME).")
@click.option("--alias", metavar="NAME", help="Alias to give them.")
@click.option("--init-from", metavar="MODEL", help="The registered model that it started from.")
@click.option("--framework", metavar="NAME", help="What loads them: open_clip, transformers, torch, ...")
@click.option("--license", metavar="SPDX", type=kept, help="License of the weights.")
@click.option("--metric", "metrics", type=Assignment(float), multiple=True, help="What it scored.")
@click.option("--param", "params", type=Assignment(str), multiple=True, help="A setting of the training.")
@pass_session
def record(
    session: Session,
    /,
    name: str,
    inputs: tuple[VersionRef, ...],
    checkpoint: Path,
    metrics: tuple[tuple[str, float], ...],
    params: tuple[tuple[str, str], ...],
    **facts: str | None,
) -> None:
    """Record a training that ran elsewhere.

    The training NAME read these versions and wrote this checkpoint, which is registered as a model.

    \b
    Example:
        mmreg train record clip --input train@v3 --checkpoint checkpoints/clip --metric loss=0.41
    """
    given = {fact: value for fact, value in facts.items() if value is not None}
    with session.registry.training(name, inputs, params=dict(params), **given) as job:
        job.save(checkpoint, dict(metrics))
    session.show(job.run)


@train.command("ls")
@pass_session
def ls(session: Session) -> None:
    """List the recorded trainings, newest first.

    \b
    Example:
        mmreg train ls
    """
    session.show(
        session.registry.runs("training"),
        empty="No trainings yet. Declare one in mmreg.yaml, or: mmreg train record NAME",
    )
