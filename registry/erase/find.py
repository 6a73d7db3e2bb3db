"""Which samples an erasure is about, and where their rows lie: in every version, also under deletions.

A table's history is read fragment by fragment, each file once, and of it only ids, digests, addresses and parents.
What is tied to a sample goes with it: samples with the same media in any root, rows that passes have made of it, and
in the same root rows without media of which every cell is the same. This is looked for until nothing is added.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mmreg.errors import NotFound, UsageError
from mmreg.registry.erase.walk import ASKED, BATCH_ROWS, InRoot, Key, Match, Walk, Wanted
from mmreg.schemas.cells import values
from mmreg.schemas.erasure import Asked
from mmreg.schemas.predicate import Predicate
from mmreg.schemas.refs import VersionRef

if TYPE_CHECKING:
    from mmreg.registry.workspace import Workspace


@dataclass
class Found:
    """All that was found. ``media`` are SHA-256, ``contents`` digests by root."""

    roots: dict[str, InRoot]
    media: set[bytes]
    contents: dict[str, set[bytes]]

    def __len__(self) -> int:
        return sum(len(there.samples) for there in self.roots.values())


def find(workspace: Workspace, wanted: Wanted) -> Found:
    """The samples that are ``wanted``, with all that is tied to them, where they are now.

    Memory: a batch, and what is found. Raises `UsageError` where the beginning of an id is that of several.
    """
    walks = {root: Walk(workspace, root) for root in roots(workspace)}
    while True:
        before = wanted.size()
        found = {root: walk.look(wanted) for root, walk in walks.items()}
        for root, walk in walks.items():
            walk.tie(found[root], wanted)
        if wanted.size() == before:
            break
    _refuse_ambiguous(wanted, found)
    where = {root: walks[root].locate(matches) for root, matches in found.items() if matches}
    return Found(where, wanted.media, dict(wanted.contents))


def wanted_by(workspace: Workspace, asked: Asked) -> Wanted:
    """What ``asked`` means. Raises `UsageError` for nothing, `NotFound` for an unknown dataset, `FilterError`."""
    if not (asked.ids or asked.digests or asked.sources or asked.where):
        raise UsageError("which samples?", hint="mmreg erase --id ID, --digest, --source or DATASET --where")
    if asked.where and asked.dataset is None:
        raise UsageError("a predicate is about one dataset", hint="mmreg erase DATASET --where ...")
    among = roots(workspace)
    if asked.dataset is not None:
        row = workspace.latest(asked.dataset)
        among = [asked.dataset] if row.kind == "root" else [str(root["dataset"]) for root in row.roots]
    wanted = Wanted(
        beginnings=tuple(_hex(text, 32, "sample id") for text in asked.ids),
        sources=asked.sources,
        asked_in=frozenset(among),
        digests=frozenset(bytes.fromhex(_hex(text, 64, "SHA-256", whole=True)) for text in asked.digests),
    )
    if asked.where and asked.dataset is not None:
        reader = workspace.open_version(VersionRef(asked.dataset, "latest"))
        predicate = Predicate.parse(asked.where).to_lance(reader.full_schema)
        for part in reader.parts:
            for batch in part.batches(["sample_id"], predicate, BATCH_ROWS):
                wanted.ids[part.root] |= dict.fromkeys(values(batch.column("sample_id")), ASKED)
    return wanted


def roots(workspace: Workspace) -> list[str]:
    """The names of all tables with samples, also of datasets that were dropped."""
    names = []
    for name in workspace.lake.datasets():
        table = workspace.lake.find_table(name)
        if table is not None and "sample_id" in table.schema.names:
            names.append(name)
    return names


def _refuse_ambiguous(wanted: Wanted, found: dict[str, dict[Key, list[Match]]]) -> None:
    """A beginning must be that of one sample; one that is in several roots is one in each."""
    for beginning in wanted.beginnings:
        same = {
            match.sample_id.hex()
            for root, matches in found.items()
            if root in wanted.asked_in
            for match in (m for matched in matches.values() for m in matched)
            if match.sample_id.hex().startswith(beginning) and match.because == ASKED
        }
        if len(same) > 1:
            raise UsageError(
                f"{len(same)} samples begin with {beginning}: {', '.join(sorted(same)[:5])}", hint="more digits"
            )


def _hex(text: str, digits: int, what: str, *, whole: bool = False) -> str:
    lowered = text.lower()
    if (
        not lowered
        or len(lowered) > digits
        or (whole and len(lowered) != digits)
        or set(lowered) - set("0123456789abcdef")
    ):
        count = f"{digits}" if whole else f"1 to {digits}"
        raise UsageError(f"{text!r} is no {what}: {count} hexadecimal digits", hint="mmreg head DATASET")
    return lowered


def nothing_found(asked: Asked) -> NotFound:
    where = f"{asked.dataset} has" if asked.dataset else "the lake has"
    return NotFound(f"{where} no such sample, in no version", hint="mmreg head DATASET, or mmreg query DATASET")
