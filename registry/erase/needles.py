"""What is searched for after an erasure: pieces of the erased media, and the erased texts as a whole.

They are taken from the files before anything goes, and held by this process; a copy lies in ``.mmreg`` until the
erasure is through, so that one that was killed can still search for what it has removed.
"""

from __future__ import annotations

import base64
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mmreg.registry.erase.likeness import SHORTEST
from mmreg.registry.media import with_bytes
from mmreg.schemas.arrow import ORIGIN, PARENT, SAMPLE_ID

if TYPE_CHECKING:
    from mmreg.registry.erase.find import Found
    from mmreg.registry.workspace import Workspace

PIECE = 32
"""Bytes of one piece of media."""
PIECES = 4
"""Pieces of one cell, from all over it."""
AT_ONCE = 64


@dataclass(frozen=True)
class Needle:
    """Bytes to search for. ``media``: a piece at ``start`` of media of ``length`` bytes with this SHA-256."""

    pattern: bytes
    media: str | None = None
    start: int = 0
    length: int = 0


def take(workspace: Workspace, found: Found) -> list[Needle]:
    """The needles of what was found, read from its files by physical place. Memory: a few rows, and the needles."""
    needles: dict[bytes, Needle] = {}
    left_out = {SAMPLE_ID.name, PARENT.name, ORIGIN.name, *_annotators(workspace)}
    for root, there in found.roots.items():
        media_root = workspace.media_root(root)
        for path, offsets in there.offsets.items():
            for rows in _rows(workspace, root, path, offsets):
                for name in rows.schema.names:
                    if name.startswith("_") or name in left_out:
                        continue
                    column = rows.select([name])
                    for batch in column.to_batches():
                        for cell in with_bytes(batch, media_root, tolerant=True).column(name).to_pylist():
                            needles |= {needle.pattern: needle for needle in _of(cell)}
    return list(needles.values())


def keep(place: Path, needles: Sequence[Needle]) -> None:
    """Put a copy at ``place``, for nobody else's eyes."""
    place.parent.mkdir(parents=True, exist_ok=True)
    place.touch(mode=0o600)
    told = [{**asdict(n), "pattern": base64.b85encode(n.pattern).decode()} for n in needles]
    place.write_text(json.dumps(told))


def kept(place: Path) -> list[Needle]:
    """What `keep` put there; nothing where it did not, or not to the end."""
    try:
        told = json.loads(place.read_text())
    except (FileNotFoundError, ValueError):
        return []
    return [Needle(**{**one, "pattern": base64.b85decode(one["pattern"])}) for one in told]


class Haystack:
    """Searches bytes for many needles at once."""

    def __init__(self, needles: Sequence[Needle]) -> None:
        self._by_start: Mapping[bytes, list[Needle]] = defaultdict(list)
        self._starts: NDArray[np.bool_] = np.zeros(1 << 16, bool)
        for needle in needles:
            self._by_start[needle.pattern[:SHORTEST]].append(needle)
            self._starts[int.from_bytes(needle.pattern[:2], "little")] = True
        self.longest = max((len(needle.pattern) for needle in needles), default=1)
        self._few = needles if len(needles) <= 8 else ()

    def hits(self, data: bytes) -> Iterator[tuple[int, Needle]]:
        """Where in ``data`` which needle lies; each needle once."""
        if self._few:
            yield from ((place, needle) for needle in self._few if (place := data.find(needle.pattern)) >= 0)
            return
        told = set()
        for place in self._candidates(data):
            for needle in self._by_start.get(data[place : place + SHORTEST], ()):
                if needle not in told and data.startswith(needle.pattern, place):
                    told.add(needle)
                    yield place, needle

    def _candidates(self, data: bytes) -> Iterator[int]:
        """The places at which two bytes are those that a needle starts with."""
        for odd in (0, 1):
            pairs = np.frombuffer(data, "<u2", count=max(0, len(data) - odd) // 2, offset=min(odd, len(data)))
            yield from (np.flatnonzero(self._starts[pairs]) * 2 + odd).tolist()


def _rows(workspace: Workspace, root: str, path: str, offsets: Sequence[int]) -> Iterator[pa.Table]:
    from lance.file import LanceFileReader

    lake = workspace.lake
    try:
        file = LanceFileReader(f"{lake.table_uri(root)}/data/{path}", storage_options=lake.store.options or None)
    except (OSError, ValueError):  # gone since it was found, or before: then there is nothing to search for
        return
    for start in range(0, len(offsets), AT_ONCE):
        yield file.take_rows(list(offsets[start : start + AT_ONCE])).to_table()


def _annotators(workspace: Workspace) -> set[str]:
    """The columns that say who annotated a sample: these are of whoever did, and runs tell them, too."""
    runs = (run for run in workspace.catalog.runs("pass") if run.facets.get("annotators"))
    return {str(column) for run in runs if (column := run.facets["pass"]["outputs"].get("annotator"))}


def _of(cell: Any) -> Iterator[Needle]:
    match cell:
        case str():
            if len(text := cell.encode()) >= SHORTEST:
                yield Needle(text)
        case {"bytes": data, "sha256": digest}:
            if data is not None:
                yield from _pieces(data, digest)
        case dict():
            for part in cell.values():
                yield from _of(part)
        case list():
            for part in cell:
                yield from _of(part)


def _pieces(data: bytes, digest: bytes | None) -> Iterator[Needle]:
    """Pieces that say something: of one that is all alike the next one is taken."""
    if SHORTEST <= len(data) <= PIECE:
        yield Needle(data, (digest or b"").hex(), 0, len(data))
    found = 0
    for step in range(max(0, (len(data) - 1) // PIECE)):
        # From all over: the n-th of many places, in the order of halves, quarters, eighths...
        start = int((step * 0.6180339887498949 + 0.5) % 1.0 * (len(data) - PIECE))
        piece = data[start : start + PIECE]
        if len(set(piece)) >= PIECE // 2:
            yield Needle(piece, (digest or b"").hex(), start, len(data))
            found += 1
        if found == PIECES:
            return
        if step > 1000:
            return
