"""``mmreg validate``."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from os.path import relpath
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from mmreg.cli.command import Command
from mmreg.cli.names import REF, Assignment
from mmreg.cli.progress import watched
from mmreg.cli.session import Session, pass_session
from mmreg.errors import MmregError, SpecError, StorageError, UsageError
from mmreg.schemas.refs import VersionRef

if TYPE_CHECKING:
    from mmreg.cli.reports import Thumbnails
    from mmreg.schemas.check import CheckResult
    from mmreg.schemas.gate import FailOn, GateReport

FORMATS = ("text", "json", "junit", "github", "sarif", "markdown", "html")
LEVELS = ("error", "warning", "insufficient", "never")


@click.command(cls=Command)
@click.argument("refs", metavar="[REF]...", type=REF, nargs=-1)
@click.option("--only", metavar="NAME", multiple=True, help="Only checks of this key or name, or pattern of them.")
@click.option("--since", metavar="REF|lock", multiple=True, help="Only what has changed since REF, or mmreg.lock.")
@click.option("--offline", is_flag=True, help="Look at mmreg.yaml, mmreg.lock and plug-ins, not at the lake.")
@click.option(
    "--fail-on",
    metavar="LEVEL",
    type=click.Choice(LEVELS),
    default="error",
    help="Exit with 1 from this on: error (default), warning, insufficient, never.",
)
@click.option("--baseline", metavar="FILE", type=click.Path(path_type=Path), help="Let the failures in FILE pass.")
@click.option("--update-baseline", is_flag=True, help="Write the failures of now to that file.")
@click.option(
    "--format",
    "form",
    metavar="FORMAT",
    type=click.Choice(FORMATS),
    default="text",
    help="text (default), json, junit, github, sarif, markdown, html.",
)
@click.option("--report", "files", metavar="FORMAT=FILE", type=Assignment(Path), multiple=True, help="Also to a file.")
@click.option(
    "--data-docs",
    metavar="FOLDER",
    type=click.Path(file_okay=False, path_type=Path),
    help="Also what gx. checks found, as the pages of Great Expectations.",
)
@click.option("--no-record", is_flag=True, help="Keep nothing of it in the lake.")
@pass_session
def validate(
    session: Session,
    refs: tuple[VersionRef, ...],
    only: tuple[str, ...],
    since: tuple[str, ...],
    offline: bool,
    fail_on: str,
    baseline: Path | None,
    update_baseline: bool,
    form: str,
    files: tuple[tuple[str, Path], ...],
    data_docs: Path | None,
    no_record: bool,
) -> None:
    """Run the declared checks on a version.

    Without REF on the newest one of every dataset that has checks; a bare name means its newest version, too. What a
    check finds is kept in the lake, and rows that it has seen are not looked at again.

    A baseline lets known failures pass and no more of them. --since leaves out what is as it was, if these very checks
    have looked at it then. --offline needs no access to the lake: it says whether the declaration makes sense, whether
    plug-ins load, and whether mmreg.lock is of it.

    Exits with 1 if a check failed at or above --fail-on, with 6 if the lake cannot be read.

    \b
    Example:
        mmreg validate train --report junit=checks.xml
    """
    for name, _ in files:
        if name not in FORMATS:
            raise UsageError(f"there is no report {name!r}", hint=f"--report with one of {', '.join(FORMATS)}")
    printed = form if form not in ("text", "json") and not session.json else None
    wanted = {printed, *(name for name, _ in files)}
    try:
        if offline:
            answer = _offline(session, only, fail_on, refs or since or baseline or update_baseline or data_docs)
        else:
            from mmreg.curation.gate import Ask, gate

            ask = Ask(
                refs,
                only,
                since,
                cast("FailOn", fail_on),
                baseline,
                update_baseline,
                context=not {"markdown", "html"}.isdisjoint(wanted),
                record=not no_record,
            )
            with watched(quiet=session.quiet or session.json) as progress:
                answer = gate(session.registry, ask, progress)
    except MmregError as error:
        with suppress(MmregError):  # whoever reads reports alone is told as well, if that can be
            _tell(_broken(error), printed, files)
        raise
    answer = _seen_from_here(answer, session.project_without_secrets.folder)
    _tell(answer, printed, files, None if offline else session.registry.thumbnails)
    if printed is None:
        session.show(answer, json=form == "json")
    if data_docs is not None:
        from mmreg.validators.expectations.data_docs import write_data_docs

        write_data_docs(answer.reports, data_docs)
    if not answer.ok:
        click.get_current_context().exit(1)


def _offline(session: Session, only: tuple[str, ...], fail_on: str, other: object) -> GateReport:
    from mmreg.curation.offline import offline
    from mmreg.registry.api import Registry

    if other:
        raise UsageError(
            "--offline looks at no version: without REF, --since, --baseline and --data-docs", hint="mmreg validate"
        )
    return offline(Registry(session.project_without_secrets), only, cast("FailOn", fail_on))


def _seen_from_here(answer: GateReport, folder: Path) -> GateReport:
    """With places relative to the working directory: a forge annotates files as they are called there."""

    def moved(result: CheckResult) -> CheckResult:
        at = result.declared_at
        return replace(result, declared_at=replace(at, file=relpath(folder / at.file))) if at is not None else result

    reports = (replace(report, results=tuple(map(moved, report.results))) for report in answer.reports)
    return replace(answer, reports=tuple(reports))


def _broken(error: MmregError) -> GateReport:
    """What ended it before there was an answer, in the place of one."""
    from mmreg.schemas.check import CheckResult, Place, ValidationReport
    from mmreg.schemas.gate import GateReport

    message = f"{error.message} ({error.hint})" if error.hint else error.message
    result = CheckResult(error.code, "failed", "error", 1, 1, message, key=error.code, declared_at=None)
    if isinstance(error, SpecError) and error.file is not None:
        at = Place(relpath(error.file), error.line or 1, error.column or 1)
        result = replace(result, message=error.reason, declared_at=at)
    return GateReport((ValidationReport("mmreg.yaml", "", "", 0, (result,)),))


def _tell(
    answer: GateReport, printed: str | None, files: tuple[tuple[str, Path], ...], thumbnails: Thumbnails | None = None
) -> None:
    """Write reports to ``files``, and the one of the form ``printed`` to stdout."""
    if printed is None and not files:
        return
    from mmreg.cli.reports import write

    for form, file in files:
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(write(form, answer, thumbnails=thumbnails), encoding="utf-8")
        except OSError as error:
            raise StorageError(f"{file}: {error.strerror}") from error
    if printed is not None:
        click.echo(write(printed, answer, thumbnails=thumbnails), nl=False)
