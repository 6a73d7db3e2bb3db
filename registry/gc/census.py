"""The files of one table: which version holds them, and which nobody does."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from mmreg.errors import StorageError
from mmreg.registry.entry import Entry
from mmreg.registry.lake import Lake, first_line

TEMPORARY = re.compile(r"\.tmp.*|.*\.manifest#.*|.*\.json\.tmp\..*")
"""Names of files that Lance and mmreg put into place by renaming; one that is left was never put there."""
_KEPT_BY_VERSIONS = ("data/", "_deletions/", "_transactions/", "_indices/")


@dataclass(frozen=True)
class Census:
    """The bytes of each version's files: in all, and in those that it ``own``s alone. ``freed`` are the sizes of the
    files that go with the versions that go. ``strays`` belong to no version, ``temporary`` never will."""

    total: Mapping[int, int]
    own: Mapping[int, int]
    freed: tuple[int, ...]
    strays: tuple[Entry, ...]
    temporary: tuple[Entry, ...]


def census(lake: Lake, dataset: str, doomed: Collection[int]) -> Census:
    """Count the files of ``dataset``, of whose versions ``doomed`` go. Memory: what a listing of its folder takes."""
    folder = f"{dataset}.lance/"
    entries = {entry.key.removeprefix(folder): entry for entry in lake.store.scan(folder.rstrip("/"))}
    total: Counter[int] = Counter()
    holder: dict[str, int] = {}  # the one version that holds a file; 0 for several
    staying: set[str] = set()
    for version, path in _tracked(lake, dataset):
        size = entries[path].size if path in entries else 0
        total[version] += size
        holder[path] = version if path not in holder else 0
        if version not in doomed:
            staying.add(path)
    own: Counter[int] = Counter()
    for path, version in holder.items():
        if version and path in entries:
            own[version] += entries[path].size
    others = [path for path in entries if path not in holder]
    return Census(
        total,
        own,
        freed=tuple(entries[path].size for path in holder if path not in staying and path in entries),
        strays=tuple(entries[p] for p in others if p.startswith(_KEPT_BY_VERSIONS) and not is_temporary(entries[p])),
        temporary=tuple(entries[p] for p in others if is_temporary(entries[p])),
    )


def is_temporary(entry: Entry) -> bool:
    return TEMPORARY.fullmatch(entry.key.rpartition("/")[2]) is not None


def _tracked(lake: Lake, dataset: str) -> Iterator[tuple[int, str]]:
    try:
        for batch in lake.table(dataset).tracked_files():
            yield from zip(batch["version"].to_pylist(), batch["path"].to_pylist(), strict=True)
    except (OSError, ValueError) as error:
        raise StorageError(f"{dataset}: a version cannot be read: {first_line(error)}", hint="mmreg fsck") from error
