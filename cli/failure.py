"""Where an error becomes a message and an exit status (the table of `mmreg.errors`)."""

from __future__ import annotations

import os
import sys
import traceback
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NoReturn

import click

from mmreg.cli.plain import to_json
from mmreg.cli.text import clean
from mmreg.errors import MmregError
from mmreg.schemas.secrets import redacted

INTERRUPTED = 130
BUG = 70


@dataclass(frozen=True)
class Failure:
    """What is said of an error, and the exit status that goes with it."""

    code: str
    message: str
    hint: str | None
    status: int


def fail(error: BaseException, *, json: bool, debug: bool) -> int:
    """Say what went wrong and return the exit status; where ``debug``, with the traceback."""
    if debug:
        _say("".join(traceback.format_exception(error)).rstrip("\n"))
    if isinstance(error, click.exceptions.NoArgsIsHelpError) and not json:
        click.echo(error.format_message(), err=True)
        return 2
    failure = _without_secrets(describe(error))
    report(failure, json=json)
    if failure.status == INTERRUPTED and "lance" in sys.modules:
        _leave_at_once(INTERRUPTED)
    return failure.status


def describe(error: BaseException) -> Failure:
    """The failure that ``error`` is."""
    if isinstance(error, MmregError):
        return Failure(error.code, error.message, error.hint, error.exit_status)
    if isinstance(error, click.UsageError):
        help_line = f"{error.ctx.command_path} --help" if error.ctx else "mmreg --help"
        return Failure("usage", error.format_message(), help_line, 2)
    if isinstance(error, click.ClickException):
        return Failure("usage", error.format_message(), None, 2)
    if isinstance(error, (click.Abort, KeyboardInterrupt)):
        return Failure(
            "interrupted",
            "interrupted; what was published stays, nothing is half done",
            "the same command again goes on from there",
            INTERRUPTED,
        )
    return Failure(
        "bug",
        f"this is a bug in mmreg: {type(error).__name__}: {error}{_place(error)}",
        "the same command with --debug, and report what it prints",
        BUG,
    )


def report(failure: Failure, *, json: bool) -> None:
    """Say it on stderr: as text, or as ``{"error": {"code", "message", "hint"}}``."""
    if json:
        error = {"code": failure.code, "message": failure.message, "hint": failure.hint}
        print(to_json({"error": error}, indent=None), file=sys.stderr, flush=True)
        return
    _say(f"mmreg: {failure.message}" + (f"\n  Try: {failure.hint}" if failure.hint else ""))


def _say(text: str) -> None:
    for line in redacted(text).split("\n"):  # our own words have lines; what they quote cannot add an escape sequence
        print(clean(line), file=sys.stderr, flush=True)


def _without_secrets(failure: Failure) -> Failure:
    hint = redacted(failure.hint) if failure.hint is not None else None
    return replace(failure, message=redacted(failure.message), hint=hint)


def _place(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    return f" ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""


def _leave_at_once(status: int) -> NoReturn:
    # Lance's threads may abort the process when the interpreter shuts down, which would hide the status.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)
