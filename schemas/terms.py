"""Licences by name: which are the same, and which restricts more."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

UNKNOWN = "unknown"
"""What a missing licence is called, also in ``allow``."""

_KINDS: Sequence[tuple[str, str]] = (
    ("non-commercial", r"-NC\b|NON-?COMMERCIAL|RESEARCH|ACADEMIC"),
    ("use restricted", r"RAIL|LLAMA|GEMMA|RESPONSIBLE-AI"),
    ("no derivatives", r"-ND\b"),
    ("share alike", r"-SA\b|^ODBL|^CDLA-SHARING|GPL|^MPL|^EPL|^EUPL"),
    ("permissive", r"^CC-BY\b|^MIT\b|^BSD|^APACHE|^ISC\b|^ODC-BY|^CDLA-PERMISSIVE|^ZLIB|^OGL"),
    ("public domain", r"^CC0|^PDDL|^UNLICENSE|^0BSD|^PDM|^CC-PD|PUBLIC-?DOMAIN"),
)
_RANKS = ("public domain", "permissive", "share alike", "no derivatives", "use restricted", "non-commercial")


def canonical(license: str) -> str:
    """``license`` in one spelling: ``CC BY 4.0`` is ``CC-BY-4.0``."""
    return re.sub(r"[\s_]+", "-", license.strip()).upper()


def allowed(license: str | None, allow: Iterable[str]) -> bool:
    """Whether ``license`` is one of ``allow``, which may have patterns such as ``CC-BY-*``.

    Of ``A AND B`` both must be, of ``A OR B`` one. A missing one is allowed where `UNKNOWN` is.
    """
    patterns = [canonical(pattern) for pattern in allow]
    if license is None or not license.strip():
        return canonical(UNKNOWN) in patterns
    return all(
        any(fnmatchcase(canonical(one), pattern) for one in _parts(both, "OR") for pattern in patterns)
        for both in _parts(license, "AND")
    )


def under(license: str | None, asked: str) -> bool:
    """Whether ``asked``, a name or a pattern, is ``license`` or one of those that it is made of; a missing one is
    `UNKNOWN`."""
    if license is None or not license.strip():
        return canonical(asked) == canonical(UNKNOWN)
    return any(fnmatchcase(canonical(one), canonical(asked)) for one in (license, *parts(license)))


def parts(license: str) -> list[str]:
    """The single licences that ``A AND (B OR C)`` names."""
    return [one for both in _parts(license, "AND") for one in _parts(both, "OR")]


def kind(license: str | None) -> str:
    """What a licence restricts, in two words: the most of its parts; `UNKNOWN` where its name tells nothing."""
    if license is None or not license.strip():
        return UNKNOWN
    kinds = [min((_kind(one) for one in _parts(both, "OR")), key=_rank) for both in _parts(license, "AND")]
    return max(kinds, key=_rank)


def most_restrictive(licenses: Iterable[str | None]) -> str | None:
    """The one that restricts most. An unknown one does, as nobody knows what it forbids."""
    return max(licenses, key=lambda license: _rank(kind(license)))


def _parts(license: str, word: str) -> list[str]:
    return [part.strip(" ()") for part in re.split(rf"\s+{word}\s+", license, flags=re.IGNORECASE)]


def _kind(license: str) -> str:
    name = canonical(license)
    return next((what for what, pattern in _KINDS if re.search(pattern, name)), UNKNOWN)


def _rank(what: str) -> int:
    return _RANKS.index(what) if what in _RANKS else len(_RANKS)
