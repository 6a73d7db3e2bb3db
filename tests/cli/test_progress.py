from __future__ import annotations

import io
import sys

import pytest

from mmreg.cli.progress import Bar, Lines, watched
from mmreg.schemas.progress import Progress, Quiet


class Clock:
    """Seconds that pass when told."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_log_gets_a_line_now_and_then() -> None:
    stream, clock = io.StringIO(), Clock()
    lines = Lines(stream, clock)
    lines.start("pass caption", 1000)
    for _ in range(12):
        clock.now += 1
        lines.advance(50, errors=1)
    lines.message("a \x1b[2Jword")
    lines.done()
    lines.done()
    assert stream.getvalue().splitlines() == [
        "pass caption: 1,000 to do",
        "pass caption: 250 of 1,000 (25%), 50.0/s, 15 s left, 5 errors",
        "pass caption: 500 of 1,000 (50%), 50.0/s, 10 s left, 10 errors",
        r"a \x1b[2Jword",
        "pass caption: 600 done in 12.0 s, 12 errors",
    ]


def test_without_a_total_it_counts() -> None:
    stream, clock = io.StringIO(), Clock()
    lines = Lines(stream, clock)
    lines.start("reading", None)
    clock.now += 6
    lines.advance(3)
    lines.start("next", 0)
    assert stream.getvalue().splitlines() == ["reading …", "reading: 3, 0.5/s", "next: 0 to do"]


def test_a_terminal_gets_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    with watched(quiet=False) as progress:
        assert isinstance(progress, Bar)
        progress.start("pass [red]caption", 10)
        progress.advance(4, errors=2)
        progress.message("[bold]\x1b]0;t\x07kept[/bold]")
        progress.start("next", None)
        progress.advance(1)
        progress.done()
        progress.advance(1)
    drawn = terminal.getvalue()
    assert "pass [red]caption" in drawn and "4/10" in drawn and "2 errors" in drawn
    assert r"[bold]\x1b]0;t\x07kept[/bold]" in drawn


def test_elsewhere_lines_and_under_quiet_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    def work(progress: Progress) -> None:
        progress.start("pass", 1)
        progress.advance(1)
        progress.message("a word")
        progress.done()

    with watched(quiet=True) as progress:
        work(progress)
    work(Quiet())
    assert capsys.readouterr() == ("", "")
    with watched(quiet=False) as progress:
        work(progress)
    text = capsys.readouterr()
    assert text.out == "" and text.err.startswith("pass: 1 to do\na word\npass: 1 done in ")
