"""Where answers go: data to stdout, as text or as JSON; talk to stderr."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from typing import TextIO

from mmreg.cli.text import clean


@dataclass(frozen=True)
class Output:
    """``json``: answers are JSON. ``quiet``: no talk."""

    json: bool = False
    quiet: bool = False

    def show(self, value: object, *, empty: str = "") -> None:
        """Print an answer. ``empty`` is said to whoever reads text where there is nothing to print."""
        if self.json:
            _write_json(value)
            return
        from mmreg.cli.render import render
        from mmreg.cli.render.layout import paint

        colour, written = is_colourful(sys.stdout), False
        for line in render(value):
            sys.stdout.write(paint(line, colour=colour) + "\n")
            written = True
        if not written and empty:
            self.say(empty)

    def say(self, text: str) -> None:
        """One line for a person."""
        if not self.quiet:
            print(clean(text), file=sys.stderr, flush=True)


def is_colourful(stream: TextIO) -> bool:
    """Whether ``stream`` is a terminal whose owner wants colour (https://no-color.org)."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def _write_json(value: object) -> None:
    from mmreg.cli.plain import to_json
    from mmreg.cli.render.rows import Rows

    if not isinstance(value, Rows):
        sys.stdout.write(to_json(value) + "\n")
        return
    opening = "[\n"
    for row in value:  # one at a time: an answer may be larger than memory
        sys.stdout.write(opening + to_json(row, indent=None))
        opening = ",\n"
    sys.stdout.write("[]\n" if opening == "[\n" else "\n]\n")
