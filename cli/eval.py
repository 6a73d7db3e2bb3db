"""``mmreg eval``."""

from __future__ import annotations

from typing import Any

import click

from mmreg.cli.command import Group
from mmreg.cli.names import MODEL, REF, Assignment, kept
from mmreg.cli.session import Session, pass_session
from mmreg.schemas.refs import ModelRef, VersionRef


@click.group("eval", cls=Group)
def eval_() -> None:
    """Record evaluations."""


@eval_.command("record")
@click.argument("model", type=MODEL)
@click.argument("ref", type=REF)
@click.option("--metric", "metrics", type=Assignment(float), multiple=True, required=True, help="What it scored.")
@click.option("--split", metavar="NAME", type=kept, help="Only this split of REF.")
@click.option("--seed", type=int, help="The seed of the evaluation.")
@click.option("--evaluator", metavar="NAME", type=kept, help="Who judged: a name, or model:NAME@REF.")
@click.option("--cost", "costs", type=Assignment(str), multiple=True, help="What it cost, as calls=500.")
@pass_session
def record(
    session: Session,
    /,
    model: ModelRef,
    ref: VersionRef,
    metrics: tuple[tuple[str, float], ...],
    costs: tuple[tuple[str, str], ...],
    **facts: Any,
) -> None:
    """Record what MODEL scored on the version REF.

    \b
    Example:
        mmreg eval record clip@champion heldout@v1 --metric recall@1=0.312 --metric recall@5=0.601
    """
    session.show(session.registry.eval_record(model, ref, dict(metrics), cost=dict(costs), **facts))


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
