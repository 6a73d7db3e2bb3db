"""Commands and groups of this command line: shared options everywhere, imports on use, near names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from keyword import iskeyword
from typing import Any

import click

from mmreg.cli.session import Session
from mmreg.errors import UsageError


class Command(click.Command):
    """A command that takes the shared options, too: ``mmreg ls --json`` is ``mmreg --json ls``."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params += shared_options(shown=("json",))


class Group(click.Group):
    """A group of such commands; ``shown`` are the shared options that its help lists.

    ``elsewhere`` names commands with the modules of `mmreg.cli` that have them: imported when they are called.
    """

    command_class = Command
    shown: tuple[str, ...] = ("json",)

    def __init__(self, *args: Any, elsewhere: Mapping[str, str] | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params += shared_options(self.shown)
        self.elsewhere = elsewhere or {}

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*super().list_commands(ctx), *self.elsewhere})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in self.elsewhere:
            return _command(self.elsewhere[cmd_name], cmd_name)
        return super().get_command(ctx, cmd_name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        known = self.list_commands(ctx)
        if args[0] not in known and not args[0].startswith("-") and not ctx.resilient_parsing:
            from difflib import get_close_matches

            near = get_close_matches(args[0], known, n=1)
            raise UsageError(
                f"no command '{ctx.command_path} {args[0]}'",
                hint=f"{ctx.command_path} {near[0] if near else '--help'}",
            )
        return super().resolve_command(ctx, args)


class LazyGroup(Group):
    """A group whose commands are imported when they are called; ``sections`` name them, with a line each.

    The command ``model`` is the object ``model`` in ``mmreg.cli.model``; where Python wants the name for
    itself, it ends in an underscore there (``eval_``), and where it is a keyword so does the module (``pass_``).
    """

    def __init__(self, *args: Any, sections: Mapping[str, Mapping[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.sections = sections

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [name for commands in self.sections.values() for name in commands]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.list_commands(ctx):
            return None
        return _command(f"{cmd_name}{'_' if iskeyword(cmd_name) else ''}", cmd_name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The sections, without importing a single command."""
        for title, commands in self.sections.items():
            with formatter.section(title):
                formatter.write_dl(list(commands.items()), col_max=12)


def _command(module: str, name: str) -> click.Command:
    home = import_module(f"mmreg.cli.{module}")
    command = getattr(home, name, None) or getattr(home, f"{name}_")
    assert isinstance(command, click.Command)
    return command


def shared_options(shown: Sequence[str]) -> list[click.Parameter]:
    """Fresh shared options; the ones not in ``shown`` work but are left out of the help."""
    options = [
        click.Option(
            ["-C", "--project"],
            type=click.Path(),
            help="Project folder (default: the nearest upwards).",
        ),
        click.Option(["--profile"], metavar="NAME", help="Profile of mmreg.yaml to use."),
        click.Option(["--json"], is_flag=True, help="Print JSON."),
        click.Option(["-q", "--quiet"], is_flag=True, help="Print answers and errors only."),
        click.Option(["--debug"], is_flag=True, help="Print tracebacks."),
    ]
    for option in options:
        option.expose_value = False
        option.callback = _into_session
        option.hidden = option.name not in shown
    return list(options)


def _into_session(ctx: click.Context, param: click.Parameter, value: object) -> None:
    if value and param.name:
        setattr(ctx.ensure_object(Session), param.name, value)
