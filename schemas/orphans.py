"""What hangs on nothing in a lake: the answer of ``mmreg orphans``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

OrphanKind = Literal[
    "unused_version", "model_without_data", "unused_model", "evaluation_without_link", "unread_source"
]  # fmt: skip

ORPHANS: Mapping[OrphanKind, str] = {
    "unused_version": "nothing was made from it, no model was trained or evaluated on it, and no name means it",
    "model_without_data": "no recorded training made it, so nobody knows what it was trained on",
    "unused_model": "nothing was curated, trained or evaluated with it, and no alias means it",
    "evaluation_without_link": "it names a version or a model that the registry does not know",
    "unread_source": "no version that is still there was read from it",
}
"""Every kind, and what it says."""


@dataclass(frozen=True)
class Orphan:
    """``ref`` is what to type, ``said`` what it is, ``at`` when it came to be ('' where nobody knows)."""

    kind: OrphanKind
    ref: str
    said: str
    at: str = ""


@dataclass(frozen=True)
class OrphansOf:
    """All orphans of a kind, the newest first, ``of`` so many that were looked at; ``cure`` is what to type."""

    kind: OrphanKind
    said: str
    of: int
    cure: str
    found: tuple[Orphan, ...]


@dataclass(frozen=True)
class Orphans:
    """``dataset`` is the one that was asked for; None: the whole lake."""

    dataset: str | None
    kinds: tuple[OrphansOf, ...]

    @property
    def count(self) -> int:
        return sum(len(kind.found) for kind in self.kinds)
