"""What is erased in a lake: ``_mmreg/erasures/<run id>.json``, one object an erasure, put before anything is removed.

It holds no content: sample ids, SHA-256 of media, digests of the cells of rows without media, row ids and names of
files. An ingest rejects what it names, readers leave it out. Where there never was an erasure all this costs one
listing of a folder.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import lance

    from mmreg.registry.store import Store

FOLDER = "_mmreg/erasures/"
FORMAT = 1
BATCH_ROWS = 65_536


@dataclass(frozen=True)
class Erasure:
    """One erasure: what it is about, how far it is.

    ``samples`` are ids by root, ``row_ids`` their rows there, ``media`` and ``contents`` (by root) what may not come
    back under another name, all in hexadecimal. ``files`` are the data files, by root, that held the rows.
    ``addresses`` are hashes of where they came from. ``latest`` are the newest versions before it, by dataset (uuids),
    ``removed`` those that it removes, ``models`` those that it found tainted.
    ``replaced`` maps the digest of a file of decisions or of rejected records to that of the one which took its place.
    ``finished``: nothing is left to do.
    """

    id: str
    started_at: str
    job: str
    reason: str | None = None
    finished: bool = False
    samples: Mapping[str, Sequence[str]] = field(default_factory=dict)
    row_ids: Mapping[str, Sequence[int]] = field(default_factory=dict)
    media: Sequence[str] = ()
    contents: Mapping[str, Sequence[str]] = field(default_factory=dict)
    files: Mapping[str, Sequence[str]] = field(default_factory=dict)
    addresses: Mapping[str, Sequence[int]] = field(default_factory=dict)
    latest: Mapping[str, str] = field(default_factory=dict)
    removed: Sequence[Mapping[str, Any]] = ()
    models: Sequence[str] = ()
    out_of_reach: Sequence[str] = ()
    replaced: Mapping[str, str] = field(default_factory=dict)
    plan: str = ""
    format: int = FORMAT

    @property
    def key(self) -> str:
        return f"{FOLDER}{self.id}.json"

    def sample_ids(self, root: str) -> NDArray[np.void]:
        return ids_of(self.samples.get(root, ()))

    def rows(self, root: str) -> NDArray[np.uint64]:
        return np.array(sorted(self.row_ids.get(root, ())), np.uint64)


def load(store: Store) -> Tombstones:
    """All erasures of a lake."""
    found = []
    for key in store.list(FOLDER):
        if (data := store.get(key)) is not None:
            document = json.loads(data)
            found.append(Erasure(**{name: document[name] for name in _FIELDS if name in document}))
    return Tombstones(tuple(found))


def save(store: Store, erasure: Erasure) -> None:
    store.put(erasure.key, json.dumps(asdict(erasure), sort_keys=True, separators=(",", ":")).encode())


def replacements(store: Store, digest: str) -> list[str]:
    """The digests of what took the place of a file with this one: of decisions, or of rejected records; oldest first.

    Asked only where the file is not what its run says.
    """
    found: list[str] = []
    for erasure in load(store).erasures:
        if (newer := erasure.replaced.get(found[-1] if found else digest)) is not None:
            found.append(newer)
    return found


_FIELDS = tuple(Erasure.__dataclass_fields__)


@dataclass(frozen=True)
class Tombstones:
    """Every erasure of a lake, and what they forbid together."""

    erasures: tuple[Erasure, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.erasures)

    def of(self, root: str) -> Forbidden:
        """What may not come into ``root``."""
        return Forbidden(
            ids_of(chain(e.samples.get(root, ()) for e in self.erasures)),
            self._media,
            frozenset(map(bytes.fromhex, chain(e.contents.get(root, ()) for e in self.erasures))),
        )

    def rows_in(self, root: str, table: lance.LanceDataset) -> NDArray[np.uint64]:
        """The row ids, ascending, of erased samples that ``table``, a version of ``root``, still has.

        Versions of before an erasure come back with a restored backup or a copied lake. Only where one has a file that
        held the rows are its ids read; while an erasure is under way, always.
        """
        about = [erasure for erasure in self.erasures if root in erasure.samples]
        if not about:
            return np.empty(0, np.uint64)
        held = frozenset(chain(e.files.get(root, ()) for e in about))
        fragments = table.get_fragments()
        if all(erasure.finished for erasure in about):
            fragments = [f for f in fragments if any(file.path in held for file in f.data_files())]
        return _rows_of(table, fragments, ids_of(chain(e.samples[root] for e in about)))

    def find(self, roots: Iterable[str], beginning: str) -> tuple[str, Erasure] | None:
        """The erased sample of one of ``roots`` whose id begins so, with its erasure."""
        for erasure in self.erasures:
            for root in roots:
                for sample in erasure.samples.get(root, ()):
                    if sample.startswith(beginning):
                        return sample, erasure
        return None

    @cached_property
    def _media(self) -> frozenset[bytes]:
        return frozenset(map(bytes.fromhex, chain(e.media for e in self.erasures)))


@dataclass(frozen=True)
class Forbidden:
    """What may not come into one root: sample ids, SHA-256 of media, digests of contents."""

    samples: NDArray[np.void] = field(default_factory=lambda: np.empty(0, "V16"))
    media: frozenset[bytes] = frozenset()
    contents: frozenset[bytes] = frozenset()

    def __bool__(self) -> bool:
        return bool(len(self.samples) or self.media or self.contents)


def ids_of(samples: Iterable[str]) -> NDArray[np.void]:
    """Sample ids in hexadecimal as 16 raw bytes each."""
    return np.frombuffer(b"".join(map(bytes.fromhex, samples)), "V16")


def chain(parts: Iterable[Iterable[Any]]) -> list[Any]:
    return [one for part in parts for one in part]


def _rows_of(
    table: lance.LanceDataset, fragments: Sequence[lance.LanceFragment], samples: NDArray[np.void]
) -> NDArray[np.uint64]:
    from mmreg.registry.identity import fixed_width
    from mmreg.registry.lake import reading

    found = [np.empty(0, np.uint64)]
    if fragments:
        with reading("sample_id"):
            scanner = table.scanner(columns=["sample_id"], with_row_id=True, batch_size=BATCH_ROWS, fragments=fragments)
            for batch in scanner.to_batches():
                here = np.isin(fixed_width(batch.column("sample_id")), samples)
                found.append(batch.column("_rowid").to_numpy().astype(np.uint64, copy=False)[here])
    return np.sort(np.concatenate(found))
