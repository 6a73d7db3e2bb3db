"""``mmreg why``."""

from __future__ import annotations

import click

from mmreg.cli.command import Command
from mmreg.cli.names import REF
from mmreg.cli.session import Session, pass_session
from mmreg.schemas.refs import VersionRef


@click.command(cls=Command)
@click.argument("ref", type=REF)
@click.argument("sample", metavar="ID")
@click.argument("column", required=False)
@pass_session
def why(session: Session, ref: VersionRef, sample: str, column: str | None) -> None:
    """Tell why a sample is in a version, or has a value.

    ID is a sample_id or its beginning, in hexadecimal. Says which version decided, by which condition and by which
    cells, and what earlier versions decided about the same sample; of one that was left out, what would let it in
    again.

    With COLUMN also where its value comes from: the source, or the pass, its run and prompt, the model and what that
    was trained on, and so on through the columns that it was made from.

    \b
    Example:
        mmreg why train@v3 5f0a4c caption_mllm
    """
    session.show(session.registry.why(ref, sample, column))
