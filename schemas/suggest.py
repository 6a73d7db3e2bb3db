"""Near names for a mistyped one."""

from __future__ import annotations

from collections.abc import Iterable


def near(word: str, known: Iterable[str], limit: int = 3) -> list[str]:
    """The names in ``known`` that ``word`` may have meant, the likeliest first."""
    from rapidfuzz import fuzz, process, utils

    found = process.extract(
        word, list(known), scorer=fuzz.ratio, processor=utils.default_process, limit=limit, score_cutoff=60
    )
    return [name for name, score, _ in found if score > found[0][1] - 15]


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """The end of a sentence about an unknown ``word``: near names, else the known ones while they are few."""
    names = sorted(set(known))
    if close := near(word, names):
        return f"; did you mean {' or '.join(repr(name) for name in close)}?"
    if not names:
        return "; there is none yet"
    return f"; known: {', '.join(names)}" if len(names) <= 20 else f"; {len(names)} others are known"
