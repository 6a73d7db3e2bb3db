"""What a digest is of: the answer of ``mmreg find``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from mmreg.errors import UsageError

SHORTEST, LONGEST = 8, 64
_HEX = re.compile(r"[0-9a-f]+")

HitKind = Literal[
    "checkpoint", "weights", "component", "version", "source", "prompt", "rows", "decisions", "object", "code",
    "generation", "run", "media", "sample",
]  # fmt: skip


@dataclass(frozen=True)
class Hit:
    """Something with such a digest. ``ref`` is what to type to look at it, ``said`` what it is there.

    ``count`` is how many runs, or rows, name the same; ``ref`` is the newest of the runs, the first of the rows.
    """

    kind: HitKind
    digest: str
    ref: str
    said: str
    count: int = 1


@dataclass(frozen=True)
class Found:
    """All that has a digest which begins with ``asked``.

    ``looked_in`` are the versions whose rows were looked through; empty where they were left out.
    """

    asked: str
    hits: tuple[Hit, ...]
    looked_in: tuple[str, ...] = ()


def digest_beginning(text: str) -> str:
    """The beginning of a digest as a person types it, with ``sha256:`` or without. Raises `UsageError`."""
    digits = text.strip().lower().removeprefix("sha256:")
    if not _HEX.fullmatch(digits) or not SHORTEST <= len(digits) <= LONGEST:
        raise UsageError(
            f"{text!r} is no digest: {SHORTEST} to {LONGEST} hexadecimal digits", hint="mmreg find sha256:1f0c9a2b"
        )
    return digits
