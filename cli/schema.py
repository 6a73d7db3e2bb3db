"""``mmreg schema``."""

from __future__ import annotations

import click

from mmreg.cli.command import Command
from mmreg.cli.session import Session, pass_session


@click.command(cls=Command)
@click.argument("command", nargs=-1)
@pass_session
def schema(session: Session, command: tuple[str, ...]) -> None:
    """Print the JSON Schema of mmreg.yaml, or of an answer.

    Editors and check-jsonschema read the one of mmreg.yaml. With COMMAND, as in 'mmreg schema lineage up', it is
    the schema of what that command prints under --json; 'mmreg schema baseline' is that of the file of known
    failures of 'mmreg validate --baseline'.

    \b
    Example:
        mmreg schema > mmreg.schema.json
    """
    if command == ("baseline",):
        from mmreg.schemas.baseline import baseline_schema

        document = baseline_schema()
    elif command:
        from mmreg.cli.answers import answer_schema

        document = answer_schema(" ".join(command))
    else:
        from mmreg.schemas.document import json_schema

        document = json_schema()
    session.show(document, json=True)
