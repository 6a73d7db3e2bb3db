"""``mmreg eval``."""

from __future__ import annotations

import click

from mmreg.cli.command import Group
from mmreg.cli.names import MODEL, REF, Assignment
from mmreg.cli.session import Session, pass_session
from mmreg.schemas.refs import ModelRef, VersionRef


@click.group("eval", cls=Group)
def eval_() -> None:
    """Record evaluations."""


@eval_.command("record")
@click.argument("model", type=MODEL)
@click.argument("ref", type=REF)
@click.option("--metric", "metrics", type=Assignment(float), multiple=True, required=True, help="What it scored.")
@pass_session
def record(session: Session, model: ModelRef, ref: VersionRef, metrics: tuple[tuple[str, float], ...]) -> None:
    """Record what MODEL scored on the version REF.

    \b
    Example:
        mmreg eval record clip@champion heldout@v1 --metric recall@1=0.312 --metric recall@5=0.601
    """
    session.show(session.registry.eval_record(model, ref, dict(metrics)))


@eval_.command("ls")
@pass_session
def ls(session: Session) -> None:
    """List the recorded evaluations, newest first.

    \b
    Example:
        mmreg eval ls --json
    """
    session.show(
        session.registry.runs("evaluation"),
        empty="No evaluations yet. Record one: mmreg eval record MODEL REF --metric NAME=VALUE",
    )
