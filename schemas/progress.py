"""How long work tells what it does: one small protocol, and the silent one for callers who do not watch."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """One thing is under way at a time: `start`, any number of `advance`, `done`; `message` at any moment.

    ``total`` and ``n`` count what ``label`` names (rows, files); ``total`` is None where nobody knows it yet.
    A `start` before the last `done` replaces what was under way. Calls are cheap: make them per batch.
    """

    def start(self, label: str, total: int | None) -> None:
        """Begin something."""

    def advance(self, n: int, errors: int = 0) -> None:
        """``n`` more are through, ``errors`` of them in vain."""

    def message(self, text: str) -> None:
        """Say one line that stays readable after the work is over."""

    def done(self) -> None:
        """What was started is over."""


class Quiet:
    """Says nothing."""

    def start(self, label: str, total: int | None) -> None:
        pass

    def advance(self, n: int, errors: int = 0) -> None:
        pass

    def message(self, text: str) -> None:
        pass

    def done(self) -> None:
        pass
