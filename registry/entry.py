"""What a listing tells of a file."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Entry:
    """A file of the lake: its key, its size in bytes, when it was last written (seconds since 1970, by the store)."""

    key: str
    size: int
    modified: float
