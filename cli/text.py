"""Text from data, made harmless and measurable.

A caption, a file name or a model's name can hold anything: escape sequences that retitle or clear a terminal,
bidirectional controls that reorder what is read, newlines that forge a second line of output. Whatever
reaches a terminal went through `clean`; ours is only what is added after it (colour).
"""

from __future__ import annotations

import re

HOSTILE = re.compile(
    "["
    "\x00-\x1f\x7f-\x9f"  # C0, DEL, C1
    "\xad\u061c\u180e\u200b\u200e\u200f"  # soft hyphen, invisible spaces and direction marks
    "\u2028-\u202e\u2060-\u206f"  # line separators, bidirectional embeddings, overrides and isolates
    "\ufeff\ufff9-\ufffb\U000e0000-\U000e007f"  # byte order mark, interlinear notes, tags
    "\ud800-\udfff"  # lone surrogates: no encoding can carry them
    "]"
)
"""Characters that steer a terminal or a reader; not the joiners that scripts and emoji need."""


_JOINERS = "\u200c\u200d\ufe0f"


def clean(text: str) -> str:
    r"""``text`` with every `HOSTILE` character written out, as in ``\x1b`` or ``\u202e``."""
    return HOSTILE.sub(_spelled, text)


def clip(text: str, limit: int) -> str:
    """At most ``limit`` characters of ``text``, the last one '…' where something was cut."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def width(text: str) -> int:
    """How many terminal cells a clean ``text`` takes: two for wide characters, none for combining marks."""
    if text.isascii():
        return len(text)
    from unicodedata import combining, east_asian_width

    marks = sum(1 for c in text if combining(c) or c in _JOINERS)
    return len(text) - marks + sum(1 for c in text if east_asian_width(c) in "WF")


def plural(count: int, noun: str) -> str:
    """``1 row``, ``8,101 rows``."""
    return f"{count:,} {noun if count == 1 else noun + 's'}"


def size(count: int) -> str:
    """A number of bytes as a person says it: ``812 B``, ``12.4 kB``, ``3.1 GB``."""
    if count < 1000:
        return f"{count} B"
    amount = float(count)
    for unit in ("kB", "MB", "GB", "TB"):
        amount /= 1000
        if amount < 999.95:
            return f"{amount:.1f} {unit}"
    return f"{amount / 1000:.1f} PB"


def duration(seconds: float) -> str:
    """As a person says it: ``42 s``, ``12 min``, ``3 h 20 min``, ``2 d 4 h``."""
    if seconds < 99.5:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 100:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    days, hours = divmod(round(seconds / 3600), 24)
    return f"{days} d {hours} h" if hours else f"{days} d"


def moment(iso: str) -> str:
    """An ISO 8601 time in UTC to the second, without its zone: ``2026-11-22 03:15:01``."""
    return iso[:19].replace("T", " ")


def _spelled(match: re.Match[str]) -> str:
    point = ord(match[0])
    if point in (0x09, 0x0A, 0x0D):
        return {0x09: r"\t", 0x0A: r"\n", 0x0D: r"\r"}[point]
    return f"\\x{point:02x}" if point < 0x100 else f"\\u{point:04x}" if point < 0x10000 else f"\\U{point:08x}"
