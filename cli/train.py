"""``mmreg train``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from mmreg.cli.command import Group
from mmreg.cli.names import COMPONENT, DATA, Assignment, kept
from mmreg.cli.session import Session, pass_session
from mmreg.schemas.model import COMPONENT_SHAPE
from mmreg.schemas.training import SHAPE, Data


@click.group(cls=Group)
def train() -> None:
    """Record trainings that run elsewhere.

    Trainings that mmreg.yaml declares are run and recorded by 'mmreg apply'.
    """


@train.command("record")
@click.argument("name")
@click.option(
    "--data",
    "--input",
    "data",
    type=DATA,
    multiple=True,
    required=True,
    metavar=SHAPE,
    help="A version that it was trained on, or a part of it; once for each.",
)
@click.option("--checkpoint", type=click.Path(path_type=Path), required=True, help="The weights that it wrote.")
@click.option("--model", metavar="NAME", help="Name to register them under (default: NAME).")
@click.option("--alias", metavar="NAME", help="Alias to give them.")
@click.option("--init-from", metavar="MODEL", help="The registered model that it started from.")
@click.option(
    "--component",
    "components",
    type=COMPONENT,
    multiple=True,
    metavar=COMPONENT_SHAPE,
    help="What is known of a part of the model.",
)
@click.option("--framework", metavar="NAME", help="What loads them: open_clip, transformers, torch, ...")
@click.option("--license", metavar="SPDX", type=kept, help="License of the weights.")
@click.option("--metric", "metrics", type=Assignment(float), multiple=True, help="What it scored.")
@click.option("--param", "params", type=Assignment(str), multiple=True, help="A setting of the training.")
@click.option("--seed", type=int, help="Its seed.")
@click.option(
    "--rows",
    multiple=True,
    metavar="[NAME=]FILE",
    help="The samples that it saw, where not all: ids, one a line, or Parquet; NAME is a dataset or a component.",
)
@click.option("--samples-seen", type=click.IntRange(min=0), metavar="N", help="Samples read, each time counted.")
@click.option("--parameters", type=click.IntRange(min=0), metavar="N", help="Parameters; told from safetensors.")
@click.option("--cost", "costs", type=Assignment(str), multiple=True, help="What it cost, as gpu_s=3600 or money=12.5.")
@pass_session
def record(
    session: Session,
    /,
    name: str,
    data: tuple[Data, ...],
    checkpoint: Path,
    metrics: tuple[tuple[str, float], ...],
    params: tuple[tuple[str, str], ...],
    rows: tuple[str, ...],
    costs: tuple[tuple[str, str], ...],
    **facts: Any,
) -> None:
    """Record a training that ran elsewhere.

    The training NAME read these versions and wrote this checkpoint, which is registered as a model.

    \b
    Example:
        mmreg train record clip --data train@v3:train --checkpoint checkpoints/clip --metric loss=0.41
    """
    from mmreg.registry.row_sets import rows_told

    given = {fact: value for fact, value in facts.items() if value not in (None, ())}
    run = session.registry.train_record(
        name,
        data,
        checkpoint,
        metrics=dict(metrics),
        params=dict(params),
        rows=rows_told(rows),
        cost=dict(costs),
        **given,
    )
    session.show(run)


@train.command("ingest")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@pass_session
def ingest(session: Session, files: tuple[Path, ...]) -> None:
    """Record trainings from files that they wrote.

    For jobs without access to the lake; docs/trainings.md has the format. Once recorded, a file is known by its
    content: to give it again changes nothing.

    \b
    Example:
        mmreg train ingest runs/*/training.json
    """
    session.show(session.registry.train_ingest(files))


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
