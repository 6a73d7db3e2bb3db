"""The `mmreg` command: which commands there are, and the one place where errors end."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import click

from mmreg.cli.command import LazyGroup

SECTIONS = {
    "Declare and do": {
        "init": "Start a project: write a first mmreg.yaml and make its lake.",
        "pass": "Begin a pass of your own.",
        "checks": "List the checks there are; begin one of your own.",
        "schema": "Print the JSON Schema of mmreg.yaml, or of an answer.",
        "plan": "Show what apply would do, why, and what it would cost.",
        "apply": "Bring the lake up to what mmreg.yaml declares.",
        "status": "Show how fresh each pass is.",
        "validate": "Run the declared checks on a version.",
        "promote": "Make a version the one that its bare name means.",
        "drop": "Drop what mmreg.yaml declares no longer.",
    },
    "Look": {
        "ls": "List the datasets.",
        "show": "Tell all about one version.",
        "log": "List the versions of a dataset, newest first.",
        "head": "Print the first rows of a version.",
        "query": "Print the rows of a version that fulfil a predicate.",
        "sql": "Ask the index in SQL; it can only be read.",
        "diff": "Tell what lies between two versions of a dataset.",
        "errors": "List the rows of a pass that failed, and why.",
    },
    "Trace": {
        "lineage": "Follow versions, runs and models up or down.",
        "why": "Tell why a sample is in a version, or has a value.",
        "find": "Tell what a digest is of.",
        "orphans": "List what hangs on nothing.",
        "impact": "Tell what is touched where something turns out bad.",
        "license": "Tell the licences of all that REF was made from.",
        "compare": "Put two versions, or two models, side by side.",
        "cost": "Tell what NODE has cost: all that it came from, each run once.",
    },
    "Models": {
        "model": "Register models, look at them, give them aliases.",
        "train": "Record trainings that run elsewhere.",
        "eval": "Record evaluations.",
    },
    "Upkeep": {
        "gc": "Remove old versions that nothing needs, and what crashes left.",
        "compact": "Put small fragments and many small files together.",
        "doctor": "Look at lake, index and machine; mend what a crash has left.",
        "fsck": "Look for damage: lost files, flipped bits, references into nowhere.",
        "erase": "Erase samples for good.",
        "catalog": "Look after the index.",
    },
}

SPELLINGS = {"licence": "license"}
"""Commands as others spell them: they work, and no list has them."""

BROKEN_PIPE = 141


class Root(LazyGroup):
    """The command itself. Every way out of it is an exit status of `mmreg.errors`."""

    shown = ("project", "profile", "json", "quiet", "debug")

    def main(  # type: ignore[override]  # click overloads it by standalone_mode, which is always true here
        self, args: Sequence[str] | None = None, prog_name: str | None = None, **extra: Any
    ) -> NoReturn:
        argv = list(sys.argv[1:] if args is None else args)
        options = argv[: argv.index("--")] if "--" in argv else argv
        if isinstance(sys.stdout, io.TextIOWrapper):  # a caption must not end a command: spell it out instead
            sys.stdout.reconfigure(errors="backslashreplace")
        run = super().main
        extra["standalone_mode"] = False
        sys.exit(guard(lambda: run(argv, "mmreg", **extra), json="--json" in options, debug="--debug" in options))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        return super().resolve_command(ctx, [SPELLINGS.get(args[0], args[0]), *args[1:]])

    def invoke(self, ctx: click.Context) -> Any:
        try:
            answer = super().invoke(ctx)
            sys.stdout.flush()
        except BrokenPipeError:
            # Whoever read our output has left: say nothing more, also not while the interpreter shuts down.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            ctx.exit(BROKEN_PIPE)
        return answer


def guard(call: Callable[[], object], *, json: bool, debug: bool) -> int:
    """Run ``call`` and return an exit status: its answer if that is a number, else 0; or its error's."""
    try:
        answer = call()
    except SystemExit:
        raise
    except BaseException as error:  # where Lance panics it is no Exception
        from mmreg.cli.failure import fail

        return fail(error, json=json, debug=debug)
    return answer if isinstance(answer, int) else 0


def _version(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        import mmreg

        click.echo(f"mmreg {mmreg.__version__}")
        ctx.exit()


main = Root(
    "mmreg",
    sections=SECTIONS,
    help="A declarative registry and versioned data lake for multimodal data and the models around it.",
    epilog="Start with 'mmreg init', then 'mmreg plan' and 'mmreg apply'. Each command's --help has an example.",
    no_args_is_help=True,
)
main.params.append(
    click.Option(
        ["--version"], is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Print the version."
    )
)
