"""What `mmreg fsck` found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

DamageKind = Literal[
    "missing", "size", "changed", "unreadable", "version_missing", "run_missing", "run_damaged",
    "object", "tag", "pin", "duplicate", "dangling", "media",
]  # fmt: skip
"""What is wrong:

missing             a file that a version needs is not there
size                a file is shorter or longer than it was
changed             the bytes of a file are not those that were written
unreadable          Lance cannot open a version, or read it
version_missing     a run says that it published a version which is not there, and no clean-up says that it took it
run_missing         a commit of mmreg's has no run object
run_damaged         a run object is no record, or not the one that was written
object              something that a run names (a list, a root, decisions) is missing or has changed
tag                 a Lance tag names no version, or is no tag
pin                 a version that a derived dataset refers to is not kept from clean-up
duplicate           two rows with one `sample_id`
dangling            a row that refers to a row which is not there
media               the bytes of a media cell are not those of its digest
"""


@dataclass(frozen=True)
class Damage:
    """One finding. ``file`` is a key of the lake.

    ``rows`` counts the rows that may be affected; ``row_ids`` and ``sample_ids`` (hexadecimal) are the first of them,
    ``columns`` those that the file holds, ``lance_versions`` the versions that are affected. ``last_good`` is the
    newest version of the dataset that uses no damaged file. ``hint`` is what to type next, or to do.
    """

    kind: DamageKind
    message: str
    dataset: str | None = None
    file: str | None = None
    rows: int | None = None
    row_ids: tuple[int, ...] = ()
    sample_ids: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    lance_versions: tuple[int, ...] = ()
    last_good: str | None = None
    repaired: bool = False
    hint: str | None = None


@dataclass(frozen=True)
class FsckReport:
    """What was looked at, and all that is wrong with it.

    ``undigested`` counts files that nobody has digested yet: others' commits, or lakes of an older mmreg.
    """

    damages: tuple[Damage, ...]
    deep: bool
    datasets: int = 0
    versions: int = 0
    files: int = 0
    bytes: int = 0
    cells: int = 0
    undigested: int = 0
    recorded: int = 0

    @property
    def ok(self) -> bool:
        return all(damage.repaired for damage in self.damages)


@dataclass(frozen=True)
class RolledBack:
    """A newest version that could not be opened was moved aside.

    ``file`` is where its manifest lies now, ``ref`` the version made in its place with the rows of ``last_good``.
    """

    dataset: str
    lance_version: int
    file: str
    last_good: str
    ref: str
    run: str
