"""``mmreg lineage leak``."""

from __future__ import annotations

import click

from mmreg.cli.command import Command
from mmreg.cli.names import NODE
from mmreg.cli.session import Session, pass_session
from mmreg.schemas.refs import NodeRef


@click.command("leak", cls=Command)
@click.option("--train", metavar="REF", type=NODE, required=True, help="Training data, or model:NAME for a model's.")
@click.option("--eval", "evaluation", metavar="REF", type=NODE, required=True, help="What it is evaluated on.")
@click.option("--rows/--no-rows", default=True, help="Compare rows, or only follow the graph.")
@click.option(
    "--max-distance",
    metavar="BITS",
    type=click.IntRange(0, 12),
    default=4,
    show_default=True,
    help="How many bits of perceptual hashes may differ.",
)
@click.option(
    "--min-similarity",
    metavar="COSINE",
    type=click.FloatRange(-1, 1, min_open=True),
    default=0.95,
    show_default=True,
    help="From which cosine on embeddings are near.",
)
@click.option("--check", is_flag=True, help="Exit with 1 where something has leaked.")
@pass_session
def leak(
    session: Session,
    train: NodeRef,
    evaluation: NodeRef,
    rows: bool,
    max_distance: int,
    min_similarity: float,
    check: bool,
) -> int:
    """Tell whether an evaluation set has leaked into training data.

    Either is a version or one split of it (splits@v1:test). Looks upstream, through the models that curated the data
    and what they were trained on; then at the rows: the same sample, media, text, or nearly the same by the
    perceptual hash or the embedding that passes have made of both.

    \b
    Example:
        mmreg lineage leak --train splits@v1:train --eval splits@v1:test
        mmreg lineage leak --train model:student@champion --eval benchmark --check
    """
    options = {"rows": rows, "max_distance": max_distance, "min_similarity": min_similarity}
    answer = session.registry.leak(train, evaluation, **options)
    session.show(answer)
    return int(check and not answer.ok)
