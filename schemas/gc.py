"""What clean-up keeps, what it removes, and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

ReasonKind = Literal[
    "newest", "promoted", "tag", "pinned", "trained", "evaluated", "retention", "lease", "unfinished", "unrecorded",
]  # fmt: skip


@dataclass(frozen=True, order=True)
class Reason:
    """Why a version is kept.

    ``newest`` of its dataset; ``promoted``: what the bare name means; ``tag``: a Lance tag that a person gave it;
    ``pinned`` by a kept version of a derived dataset; ``trained``: a model was trained on it; ``evaluated``: something
    was measured on it; ``retention``: as declared; ``lease``: somebody is at work, or reads it; ``unfinished``: a crash
    has left work that goes on from it; ``unrecorded``: nobody knows who made it. ``told`` says it with names.
    """

    kind: ReasonKind
    told: str


@dataclass(frozen=True)
class VersionFate:
    """What becomes of one version. ``own_bytes`` are in files that only this version holds, ``shared_bytes`` in files
    that other versions hold as well, kept ones or not."""

    ref: str
    dataset: str
    uuid: str
    lance_version: int
    created_at: str
    keep: bool
    reasons: tuple[Reason, ...]
    own_bytes: int
    shared_bytes: int


@dataclass(frozen=True)
class Leftover:
    """Files in ``place`` (a dataset, or ``lake``) that nothing refers to: what killed processes and dropped datasets
    have left. Those that are ``waiting`` stay for now, and ``why`` says until when."""

    place: str
    what: str
    files: int
    bytes: int
    waiting: bool = False
    why: str = ""


@dataclass(frozen=True)
class GcReport:
    """What clean-up would do, or with ``applied`` what it has done: ``runs`` are its records then.

    ``frees_bytes`` is what goes from the disk, with what only versions that go together hold.
    """

    versions: tuple[VersionFate, ...]
    leftovers: tuple[Leftover, ...]
    frees_bytes: int
    applied: bool = False
    runs: tuple[str, ...] = ()

    @property
    def kept(self) -> int:
        return sum(version.keep for version in self.versions)

    @property
    def removed(self) -> int:
        return sum(not version.keep for version in self.versions)
