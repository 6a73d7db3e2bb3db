"""Progress for a person, on stderr: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

from mmreg.cli.output import is_colourful
from mmreg.cli.text import clean, duration, plural
from mmreg.schemas.progress import Progress, Quiet

if TYPE_CHECKING:
    import rich.progress

EVERY_S = 5.0
"""How often a log gets a line, in seconds."""


@contextmanager
def watched(*, quiet: bool) -> Iterator[Progress]:
    """The progress to hand to long work; what it draws is gone or complete when the block ends."""
    if quiet:
        yield Quiet()
    elif is_colourful(sys.stderr):
        with _bar() as bar:
            yield Bar(bar)
    else:
        yield Lines(sys.stderr)


class Lines:
    """Plain lines: one when something starts and ends, and one every few seconds in between."""

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream, self._clock = stream, clock
        self._label = ""
        self._total: int | None = None
        self._count = self._errors = 0
        self._started = self._spoke = 0.0

    def start(self, label: str, total: int | None) -> None:
        self._label, self._total, self._count, self._errors = label, total, 0, 0
        self._started = self._spoke = self._clock()
        self.message(f"{label}: {total:,} to do" if total is not None else f"{label} …")

    def advance(self, n: int, errors: int = 0) -> None:
        self._count += n
        self._errors += errors
        if self._clock() - self._spoke >= EVERY_S:
            self._spoke = self._clock()
            self.message(f"{self._label}: {self._so_far()}")

    def message(self, text: str) -> None:
        self._stream.write(clean(text) + "\n")
        self._stream.flush()

    def done(self) -> None:
        if self._label:
            seconds = self._clock() - self._started
            self.message(f"{self._label}: {self._count:,} done in {seconds:.1f} s{failures(self._errors)}")
            self._label = ""

    def _so_far(self) -> str:
        seconds = self._clock() - self._started
        rate = self._count / seconds if seconds else 0.0
        said = f"{self._count:,}"
        if self._total:
            said += f" of {self._total:,} ({self._count / self._total:.0%})"
        if rate:
            said += f", {rate:,.1f}/s"
        if rate and self._total:
            said += f", {duration((self._total - self._count) / rate)} left"
        return said + failures(self._errors)


class Bar:
    """A bar that redraws itself; a finished one leaves a line."""

    def __init__(self, bar: rich.progress.Progress) -> None:
        self._bar = bar
        self._task: rich.progress.TaskID | None = None
        self._errors = 0

    def start(self, label: str, total: int | None) -> None:
        self.done()
        self._errors = 0
        self._task = self._bar.add_task(clean(label), total=total, rate="", errors="")

    def advance(self, n: int, errors: int = 0) -> None:
        if self._task is None:
            return
        self._errors += errors
        self._bar.advance(self._task, n)
        speed = next((task.speed for task in self._bar.tasks if task.id == self._task), None)
        rate = f"{speed:,.1f}/s" if speed else ""
        self._bar.update(self._task, rate=rate, errors=failures(self._errors).removeprefix(", "))

    def message(self, text: str) -> None:
        self._bar.console.print(clean(text), markup=False, highlight=False)

    def done(self) -> None:
        if self._task is not None:
            self._bar.stop_task(self._task)
            self._task = None


def failures(errors: int) -> str:
    """``, 3 errors``; nothing for none."""
    return f", {plural(errors, 'error')}" if errors else ""


def _bar() -> rich.progress.Progress:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}", markup=False),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[errors]}", markup=False, style="red"),
        console=Console(file=sys.stderr),
    )
