"""What one call of the command line shares: the shared options, the registry, the output."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from mmreg.config import Project
    from mmreg.registry.api import Registry


class Session:
    """Filled in by the shared options (`mmreg.cli.command`), then handed to the command."""

    project: str | None = None
    profile: str | None = None
    json: bool = False
    debug: bool = False
    quiet: bool = False

    @cached_property
    def registry(self) -> Registry:
        """The project's registry, opened when a command first asks for it."""
        from mmreg.registry.api import Registry

        return Registry.open(self.project, self.profile)

    @cached_property
    def project_without_secrets(self) -> Project:
        """The project as declared: enough for all that does not open its lake."""
        from mmreg.config import load

        return load(Path(self.project) if self.project is not None else None, self.profile, secrets=False)

    def show(self, value: object, *, empty: str = "", json: bool = False) -> None:
        """Print an answer, as JSON where ``--json`` or the command itself (``json``) asks for it."""
        from mmreg.cli.output import Output

        Output(json=self.json or json, quiet=self.quiet).show(value, empty=empty)

    def say(self, text: str) -> None:
        """Tell a person something; silent under ``--quiet`` and ``--json``."""
        from mmreg.cli.output import Output

        Output(quiet=self.quiet or self.json).say(text)


pass_session = click.make_pass_decorator(Session, ensure=True)
