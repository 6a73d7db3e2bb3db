"""What killed processes leave behind: files that nothing refers to, of the kinds that are known, older than a week.

What is younger may be on its way to be referred to; so may anything while somebody is at work.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mmreg.registry.entry import Entry
from mmreg.registry.gc.census import Census, is_temporary
from mmreg.registry.gc.reach import WEEK_S, Reach, iso
from mmreg.registry.validation.seen import without_outlived
from mmreg.schemas.gc import Leftover

if TYPE_CHECKING:
    from mmreg.registry.workspace import Workspace

LAKE = "lake"
ERASURES = "_mmreg/erasures"
STAGED = "staged results of passes that are gone, or that published them"
_NAMED = re.compile(r"[0-9a-f]{64}|_mmreg/decisions/[^\"]+")
_STAGED = re.compile(r"_mmreg/stage/(?P<dataset>[^/]+)/(?P<pass>[^/]+)/(?P<generation>[0-9a-f]{16})[./].*")


@dataclass(frozen=True)
class Left:
    """A `Leftover` with its files' ``keys``."""

    told: Leftover
    keys: tuple[str, ...]


def of_table(dataset: str, files: Census, reach: Reach, moment: float) -> Iterator[Left]:
    """What lies in the folder of a table and belongs to no version of it."""
    yield from _told(dataset, "files that no version names", files.strays, reach, moment)
    yield from _told(dataset, "temporary files", files.temporary, reach, moment)


def of_no_table(dataset: str, entries: Sequence[Entry], reach: Reach, moment: float) -> Iterator[Left]:
    """A folder of a table without any version: its first commit never landed, or its removal was killed."""
    yield from _told(dataset, "a table without a version", entries, reach, moment)


def of_lake(workspace: Workspace, reach: Reach, moment: float) -> Iterator[Left]:
    """What lies beside the tables: temporary files, probes, staged results, decisions and objects."""
    found: dict[str, list[Entry]] = defaultdict(list)
    named = _named(workspace)
    staged = _Staged.of(workspace)
    for entry in workspace.lake.store.scan("_mmreg"):
        name = entry.key.rpartition("/")[2]
        if is_temporary(entry):
            found["temporary files"].append(entry)
        elif entry.key.startswith("_mmreg/probe/"):
            found["probes of the store"].append(entry)
        elif entry.key.startswith("_mmreg/objects/") and name not in named:
            found["objects that no run names"].append(entry)
        elif entry.key.startswith("_mmreg/decisions/") and entry.key not in named:
            found["decisions that no run names"].append(entry)
        elif staged.is_left(entry):
            found[STAGED].append(entry)
    for what, entries in sorted(found.items()):
        yield from _told(LAKE, what, entries, reach, moment)


@dataclass(frozen=True)
class _Staged:
    """The passes that may go on from what they staged, and when each generation was last published."""

    passes: frozenset[str]
    dropped: frozenset[str]
    published: dict[tuple[str, str], str]

    @classmethod
    def of(cls, workspace: Workspace) -> _Staged:
        declared = workspace.spec.passes
        former = {passed.renamed_from for passed in declared.values() if passed.renamed_from is not None}
        published: dict[tuple[str, str], str] = {}
        for run in reversed(workspace.catalog.runs("pass")):
            if run.outputs and (generation := run.facets.get("pass", {}).get("generation")):
                published[run.job.name, f"{int(generation, 16):016x}"] = run.ended_at
        return cls(frozenset(declared) | former, frozenset(workspace.catalog.dropped()), published)

    def is_left(self, entry: Entry) -> bool:
        place = _STAGED.fullmatch(entry.key)
        if place is None:
            return False
        if place["pass"] not in self.passes or place["dataset"] in self.dropped:
            return True
        return self.published.get((place["pass"], place["generation"]), "") > iso(entry.modified)


def _named(workspace: Workspace) -> set[str]:
    """Digests and keys that a run names, or the record of an erasure."""
    store = workspace.lake.store
    texts = [run.to_json() for run in without_outlived(workspace.catalog.runs())]
    texts += [data.decode() for key in store.list(ERASURES) if (data := store.get(key)) is not None]
    return {name for text in texts for name in _NAMED.findall(text)}


def _told(place: str, what: str, entries: Sequence[Entry], reach: Reach, moment: float) -> Iterator[Left]:
    old = [entry for entry in entries if entry.modified <= moment - WEEK_S]
    young = [entry for entry in entries if entry.modified > moment - WEEK_S]
    why = reach.work[0] if reach.work else ""
    for some, waits in ((old, why), (young, "younger than a week")):
        if some:
            size = sum(entry.size for entry in some)
            yield Left(Leftover(place, what, len(some), size, bool(waits), waits), tuple(entry.key for entry in some))
