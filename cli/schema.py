"""``mmreg schema``."""

from __future__ import annotations

import click

from mmreg.cli.command import Command
from mmreg.cli.session import Session, pass_session


@click.command(cls=Command)
@pass_session
def schema(session: Session) -> None:
    """Print the JSON Schema of mmreg.yaml.

    Editors and check-jsonschema read it.

    \b
    Example:
        mmreg schema > mmreg.schema.json
    """
    from mmreg.schemas.document import json_schema

    session.show(json_schema(), json=True)
