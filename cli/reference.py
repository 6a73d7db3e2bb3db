"""The reference of the command line, ``docs/cli.md``, from the commands themselves.

python -m mmreg.cli.reference > docs/cli.md
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator

import click

from mmreg.cli.command import shared_options
from mmreg.cli.main import main

_OPENING = """\
# The command line

Made by `python -m mmreg.cli.reference`; change the commands, not this page.

Answers go to stdout and are data; talk goes to stderr. Every command takes `--json`. Errors under `--json`
are `{"error": {"code", "message", "hint"}}` on stderr.

| exit status | means |
|---|---|
| 0 | done |
| 1 | the answer is no: a check, a pass or a training failed, `--check` found something to do, a budget is exceeded |
| 2 | the command or mmreg.yaml makes no sense |
| 3 | something named does not exist |
| 4 | somebody else was first: try again |
| 5 | the lake contradicts itself: `mmreg doctor` |
| 6 | disk, network or object store |
| 7 | an optional dependency is missing; the message has its install line |
| 70 | a bug in mmreg |
| 130 | interrupted |

A version is `name` (the promoted version; before the first promotion the latest, or where that failed its checks the
latest that passed them), `name@latest`, `name@v3` or `name@<beginning of its uuid>`. A model is `name` (its newest
checkpoint), `name@alias` or `name@<beginning of its digest>`. A node of the lineage is a version,
`model:<model>`, `run:<id>` or `sha256:<digest of weights>`.
"""


def commands(
    group: click.Group = main, path: tuple[str, ...] = ("mmreg",), parent: click.Context | None = None
) -> Iterator[tuple[str, click.Command, click.Context]]:
    """Every command that does something, by its full name."""
    ctx = click.Context(group, parent, info_name=path[-1])
    for name in group.list_commands(ctx):
        command = group.get_command(ctx, name)
        assert command is not None
        if not isinstance(command, click.Group) or command.invoke_without_command:
            yield " ".join((*path, name)), command, click.Context(command, ctx, info_name=name)
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name), ctx)


def reference() -> str:
    """The page."""
    parts = [
        _OPENING,
        "## Options of every command\n",
        _options(shared_options(shown=()), click.Context(main)),
    ]
    for title, names in main.sections.items():
        parts.append(f"## {title}\n")
        for full_name, command, ctx in commands():
            if full_name.split()[1] in names:
                parts += [f"### {full_name}\n", *_described(full_name, command, ctx)]
    return "\n".join(parts)


def _described(full_name: str, command: click.Command, ctx: click.Context) -> Iterator[str]:
    arguments = [p.make_metavar(ctx) for p in command.params if isinstance(p, click.Argument)]
    shared = {option.name for option in shared_options(shown=())}
    own = [p for p in command.params if isinstance(p, click.Option) and p.name not in shared]
    yield f"    {' '.join([full_name, *(['[OPTIONS]'] if own else []), *arguments])}\n"
    text, _, example = inspect.cleandoc(command.help or "").partition("\b\nExample:\n")
    yield text.strip() + "\n"
    if own:
        yield _options(own, ctx)
    yield f"```console\n$ {inspect.cleandoc(example)}\n```\n"


def _options(options: list[click.Option] | list[click.Parameter], ctx: click.Context) -> str:
    lines = ["| option | |", "|---|---|"]
    for option in options:
        assert isinstance(option, click.Option)
        metavar = "" if option.is_flag else f" {option.make_metavar(ctx)}"
        names = ", ".join(option.opts)
        lines.append(f"| `{names}{metavar}` | {option.help} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(reference(), end="")
