"""What `mmreg compact` would do, and what it did."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class CompactStep:
    """One commit: ``rewrite`` puts small fragments together and leaves deleted rows out, ``pack`` makes one file of
    the small column files of each fragment. ``fragments`` by their numbers; ``bytes`` are on disk before it."""

    dataset: str
    kind: Literal["rewrite", "pack"]
    fragments: tuple[int, ...]
    rows: int
    deleted_rows: int
    bytes: int


@dataclass(frozen=True)
class Shape:
    """The newest version of a table: its ``fragments``, their ``files`` with what these take in ``bytes``, its rows."""

    fragments: int
    files: int
    bytes: int
    rows: int
    deleted_rows: int


@dataclass(frozen=True)
class IndexState:
    """An index of Lance on a table. ``asked`` values were looked up in it and by a full scan; ``wrong`` of them had
    other rows. ``unindexed_rows`` are not in it: such are found all the same, by reading them."""

    name: str
    type: str
    columns: tuple[str, ...]
    asked: int
    wrong: int
    unindexed_rows: int
    rebuild: str
    """How to make it anew, in Python."""

    @property
    def ok(self) -> bool:
        return not self.wrong


@dataclass(frozen=True)
class Compacted:
    """One dataset. ``steps`` are still to do in a plan, else done; ``failures`` say why a step was not.

    ``version`` is the newest one by now. ``older_versions`` still hold ``held_bytes`` of files that the newest does
    not; ``pinned`` of them are kept because something needs them.
    """

    dataset: str
    steps: tuple[CompactStep, ...]
    before: Shape
    after: Shape
    version: str
    older_versions: int
    pinned: int
    held_bytes: int
    indexes: tuple[IndexState, ...] = ()
    failures: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        return not self.failures and all(index.ok for index in self.indexes)


@dataclass(frozen=True)
class CompactReport:
    """``planned``: nothing was done yet. ``archived`` run objects were folded into their archive first."""

    planned: bool
    datasets: tuple[Compacted, ...]
    archived: int = 0
    failures: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        return not self.failures and all(dataset.ok for dataset in self.datasets)
