"""``mmreg erase``."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from mmreg.cli.command import Command
from mmreg.cli.names import DATASET
from mmreg.cli.progress import watched
from mmreg.cli.session import Session, pass_session
from mmreg.errors import IntegrityError, UsageError
from mmreg.schemas.erasure import Asked, ErasurePlan, ErasureReport


@click.command(cls=Command)
@click.argument("dataset", type=DATASET, required=False)
@click.option("--id", "ids", metavar="ID", multiple=True, help="A sample_id, or its beginning, in hexadecimal.")
@click.option("--digest", "digests", metavar="SHA256", multiple=True, help="The SHA-256 of an image, audio or video.")
@click.option("--source", "sources", metavar="URI", multiple=True, help="An address within the source.")
@click.option("--where", metavar="PREDICATE", help="What the latest version of DATASET has of it.")
@click.option("--reason", metavar="TEXT", help="Why; it stays in the record.")
@click.option("--plan/--apply", "plan", default=True, help="Only say what would go, which is the default; or do it.")
@click.option("--approve", metavar="DIGEST", help="Do it only if it is the plan of this digest.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--resume", is_flag=True, help="Go on with an erasure that was stopped.")
@click.option("--scan", type=click.Path(exists=True), multiple=True, help="One more folder to search in the end.")
@pass_session
def erase(
    session: Session,
    dataset: str | None,
    ids: tuple[str, ...],
    digests: tuple[str, ...],
    sources: tuple[str, ...],
    where: str | None,
    reason: str | None,
    plan: bool,
    approve: str | None,
    yes: bool,
    resume: bool,
    scan: tuple[str, ...],
) -> None:
    """Erase samples for good.

    Their rows leave every version, with what has the same media and what was made of them; older versions that hold
    them go, also where a model needs them, and from then on no ingest brings them back. Says first what goes, which
    models were trained on it, and what is out of reach. In the end every file is searched for what was erased: where
    something is left it says where, and exits with 5.

    \b
    Example:
        mmreg erase pairs --id 5f0a4c --reason "the author asked for it" --apply
    """
    asked = Asked(dataset, ids, digests, sources, where)
    folders = [Path(folder) for folder in scan]
    if resume:
        if asked != Asked():
            raise UsageError("--resume goes on with what was asked before", hint="mmreg erase --resume")
        with watched(quiet=session.quiet) as progress:
            reports = session.registry.erase_resume(scan=folders, progress=progress)
        session.show(reports)
        _end(reports)
        return
    if plan:
        found = session.registry.erase_plan(asked)
        session.show(found)
        if found.samples:
            session.say(f"Do it with the same command and: --apply --approve {found.digest}")
        return
    if not yes and approve is None:
        approve = _confirmed(session, asked)
    with watched(quiet=session.quiet) as progress:
        done = session.registry.erase(asked, reason=reason, approve=approve, scan=folders, progress=progress)
    session.show(done)
    if isinstance(done, ErasureReport):
        _end([done])


def _confirmed(session: Session, asked: Asked) -> str:
    """The digest of the plan that a person has seen and wants."""
    if session.json or not sys.stdin.isatty():
        raise UsageError("this erases samples; nobody is there to be asked", hint="--apply --yes, or --approve DIGEST")
    found: ErasurePlan = session.registry.erase_plan(asked)
    session.show(found)
    if found.samples:
        click.confirm("Erase these for good?", abort=True, err=True)
    return found.digest


def _end(reports: list[ErasureReport]) -> None:
    if not all(report.ok for report in reports):
        click.get_current_context().exit(IntegrityError.exit_status)
