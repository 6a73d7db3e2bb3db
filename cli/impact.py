"""``mmreg impact``."""

from __future__ import annotations

import click

from mmreg.cli.command import Command
from mmreg.cli.names import NODE
from mmreg.cli.session import Session, pass_session
from mmreg.errors import UsageError
from mmreg.schemas.refs import NodeRef


@click.command(cls=Command)
@click.argument("node", type=NODE, required=False)
@click.option("--where", metavar="PREDICATE", help="Only what comes of the rows of the version NODE that fulfil it.")
@click.option("--license", "--licence", metavar="NAME", help="What comes of all under this licence, or of 'unknown'.")
@pass_session
def impact(session: Session, node: NodeRef | None, where: str | None, license: str | None) -> None:
    """Tell what is touched where something turns out bad.

    NODE is a version (pairs@v3), a column of one (pairs@v3:caption), a model (model:clip@champion), a run (run:ID), a
    source (source:PATH) or the digest of a model's weights (sha256:...). Downstream of it are versions, their columns,
    models, evaluations and names: what has values of it, rows that it chose, or was trained on that. Each is told with
    the way to it, and in the end what to do next. --where is about the samples whose rows in NODE fulfil it, in all
    versions that have them. --license is about all data and models under a licence.

    \b
    Example:
        mmreg impact model:teacher
    """
    if (node is None) == (license is None):
        raise UsageError("either a NODE or --license is to be given", hint="mmreg impact model:NAME")
    if license is not None:
        if where is not None:
            raise UsageError("--where goes with a version, not with --license", hint="mmreg impact REF --where ...")
        session.show(session.registry.impact_of_license(license))
    else:
        assert node is not None
        answer = session.registry.impact(node, where)
        session.show(answer)
        if not answer.touched and where is None and node.kind == "version":
            name = answer.about.partition("@")[0]
            session.say(f"That is about {answer.about}; of earlier versions more may come: mmreg log {name}")
