"""Searching every file of the lake, of ``.mmreg`` and of folders that were named for what was erased."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from mmreg.errors import NotFound, StorageError
from mmreg.registry.erase.needles import Haystack, Needle
from mmreg.registry.snapshot import file_paths
from mmreg.schemas.erasure import Left, Searched

if TYPE_CHECKING:
    from mmreg.registry.workspace import Workspace
    from mmreg.schemas.progress import Progress

PIECE = 1 << 22
CACHES = ("cache", "samples")
"""Folders of ``.mmreg`` of which everything can be had again."""
AGAIN = "mmreg erase --resume"


def search(
    workspace: Workspace,
    needles: Sequence[Needle],
    folders: Iterable[Path],
    spared: Path,
    progress: Progress,
    *,
    alone: bool,
) -> tuple[Searched, list[Left]]:
    """Look for ``needles`` everywhere but in ``spared``, and remove what nothing refers to.

    ``alone``: nobody writes to the lake, so that a data file without a version is nobody's. Memory: a piece of a file.
    """
    if not needles:
        return Searched(
            skipped=("all of it: it is too short, or was gone before it could be taken from its files",)
        ), []
    haystack, hits, files, size = Haystack(needles), list[_Hit](), 0, 0
    progress.start("files searched", None)
    for place in _places(workspace, folders, spared):
        try:
            size += _search_one(haystack, place, hits)
        except (NotFound, FileNotFoundError):
            continue  # gone since it was listed
        files += 1
        progress.advance(1)
    progress.done()
    shared = _shared(workspace, {hit.needle.pattern for hit in hits if hit.needle.media is None})
    left = list(_left(workspace, [hit for hit in hits if hit.needle.pattern not in shared], alone))
    media = {needle.media for needle in needles if needle.media is not None}
    texts = sum(needle.media is None for needle in needles) - len(shared)
    skipped = (f"{_texts(len(shared))} that samples which stay hold as well",) if shared else ()
    return Searched(files, size, len(media), texts, skipped), left


def held_still(workspace: Workspace, files: Mapping[str, Sequence[str]], *, alone: bool) -> Iterator[Left]:
    """The data files, by root, that held the rows and are still there; those that no version has go, if ``alone``."""
    for root, doomed in files.items():
        folder = f"{root}.lance/data"
        there = {key.rsplit("/", 1)[-1] for key in workspace.lake.store.list(folder)}.intersection(doomed)
        owned = _files(workspace, root) if there else set()
        for file in sorted(there):
            if alone and file not in owned:
                workspace.lake.store.delete(f"{folder}/{file}")
            else:
                yield Left(f"{folder}/{file}", "the rows", AGAIN)


@dataclass(frozen=True)
class _Place:
    """A file: ``key`` in the lake, else at ``path``. A local lake's files have both."""

    name: str
    key: str | None
    path: Path | None
    workspace: Workspace

    def read(self) -> Iterator[bytes]:
        if self.path is None:
            assert self.key is not None
            yield from self.workspace.lake.store.stream(self.key)
            return
        try:
            with self.path.open("rb") as file:
                while piece := file.read(PIECE):
                    yield piece
        except FileNotFoundError:
            raise
        except OSError as error:
            raise StorageError(f"{self.path}: {error.strerror}: it cannot be searched", hint=AGAIN) from error

    def remove(self) -> None:
        if self.path is not None:
            self.path.unlink(missing_ok=True)
        elif self.key is not None:
            self.workspace.lake.store.delete(self.key)


@dataclass(frozen=True)
class _Hit:
    place: _Place
    start: int
    needle: Needle


def _places(workspace: Workspace, folders: Iterable[Path], spared: Path) -> Iterator[_Place]:
    store = workspace.lake.store
    local = Path(store.uri) if "://" not in store.uri else None
    for entry in sorted(store.scan(""), key=lambda entry: entry.key):
        yield _Place(entry.key, entry.key, local / entry.key if local else None, workspace)
    seen = {local.resolve()} if local else set()
    for top in (workspace.project.folder / ".mmreg", *folders):
        for folder, below, files in os.walk(top):
            below[:] = [name for name in below if (Path(folder) / name).resolve() not in seen]
            for name in sorted(files):
                path = Path(folder, name)
                if path != spared and path.is_file():
                    yield _Place(str(path), None, path, workspace)


def _search_one(haystack: Haystack, place: _Place, hits: list[_Hit]) -> int:
    """Add what is found; returns the bytes that were read."""
    size, before = 0, b""
    told = set()
    for piece in place.read():
        data = before + piece
        for start, needle in haystack.hits(data):
            if needle not in told:
                told.add(needle)
                hits.append(_Hit(place, size - len(before) + start, needle))
        size += len(piece)
        before = data[max(0, len(data) - haystack.longest + 1) :]
    return size


def _shared(workspace: Workspace, texts: set[bytes]) -> set[bytes]:
    """Those of ``texts`` that samples hold which stay: they cannot be told from the erased ones."""
    from mmreg.registry.erase.find import roots

    left = {text: text.decode() for text in texts}
    for root in roots(workspace) if left else ():
        for version in reversed(workspace.lake.versions_on_disk(root)):
            table = workspace.lake.find_table(root, version)
            if table is None or not left:
                continue
            columns = [field.name for field in table.schema if _has_text(field.type) and not _is_media(field.type)]
            for batch in table.scanner(columns=columns, batch_size=1024).to_batches() if columns else ():
                for column in batch.columns:
                    for strings in _strings(column):
                        held = [t for t, text in left.items() if pc.any(pc.match_substring(strings, text)).as_py()]
                        for text in held:
                            del left[text]
    return texts - left.keys()


def _left(workspace: Workspace, hits: list[_Hit], alone: bool) -> Iterator[Left]:
    """What is still there of the hits, by place, once files without an owner are gone."""
    owned: dict[str, set[str]] = {}
    for place in dict.fromkeys(hit.place for hit in hits):
        mine = [hit for hit in hits if hit.place == place]
        dataset, data, file = (place.key or "").partition(".lance/data/")
        if data and dataset not in owned:
            owned[dataset] = _files(workspace, dataset)
        if data and file in owned[dataset]:
            # Small pieces are shared by media that are alike: only the whole of one is a sample.
            mine = [hit for hit in mine if hit.needle.media is None or _whole(hit)]
            if mine:
                yield Left(place.name, _what(mine), AGAIN)
        elif _is_nobodys(workspace, place, alone):
            place.remove()
        else:
            yield Left(place.name, _what(mine), _hint(place))


def _is_nobodys(workspace: Workspace, place: _Place, alone: bool) -> bool:
    """Whether a file can go: of the lake one that no version has and no writer brings, of ours what is a copy."""
    if place.key is not None:
        return alone and (".lance/data/" in place.key or ".tmp" in place.key.rsplit("/", 1)[-1])
    copies = [workspace.project.folder / ".mmreg" / name for name in CACHES]
    return place.path is not None and any(place.path.is_relative_to(folder) for folder in copies)


def _files(workspace: Workspace, dataset: str) -> set[str]:
    """The data files of all versions that are there."""
    versions = workspace.lake.versions_on_disk(dataset)
    tables = (workspace.lake.find_table(dataset, version) for version in versions)
    return {
        path for table in tables if table is not None
        for fragment in table.get_fragments() for path in file_paths(fragment.metadata)
    }  # fmt: skip


def _whole(hit: _Hit) -> bool:
    """Whether all of the media lies around the piece."""
    start, end = hit.start - hit.needle.start, hit.start - hit.needle.start + hit.needle.length
    digest, at = hashlib.sha256(), 0
    for piece in hit.place.read():
        digest.update(piece[max(0, start - at) : max(0, end - at)])
        at += len(piece)
        if at >= end:
            break
    return start >= 0 and digest.hexdigest() == hit.needle.media


def _what(hits: Sequence[_Hit]) -> str:
    media = len({hit.needle.media for hit in hits if hit.needle.media is not None})
    texts = sum(hit.needle.media is None for hit in hits)
    return " and ".join(said for n, said in ((media, f"{media} media"), (texts, _texts(texts))) if n)


def _texts(count: int) -> str:
    return f"{count} text{'s' * (count != 1)}"


def _hint(place: _Place) -> str:
    name = place.key or place.name
    if ".lance/data/" in name:
        return f"{AGAIN}, once nobody writes to the lake"
    if name.startswith("_mmreg/runs"):
        return "a run told it, and runs are never changed: it was in a declaration, or in an error"
    if "catalog.db" in name:
        return "mmreg catalog rebuild"
    if "/_indices/" in name:
        return f"make the index of {name.partition('.lance/')[0]} anew, then {AGAIN}"
    return f"delete this file, then {AGAIN}"


def _is_media(dtype: pa.DataType) -> bool:
    from mmreg.schemas.arrow import media_kind

    return media_kind(dtype.value_type if isinstance(dtype, pa.ListType) else dtype) is not None


def _has_text(dtype: pa.DataType) -> bool:
    if isinstance(dtype, pa.StructType):
        return any(_has_text(field.type) for field in dtype)
    return _has_text(dtype.value_type) if isinstance(dtype, pa.ListType) else pa.types.is_string(dtype)


def _strings(column: pa.Array[Any]) -> Iterator[pa.Array[Any]]:
    """Every text below a column."""
    if isinstance(column, pa.StructArray):
        for part in column.flatten():
            yield from _strings(part)
    elif isinstance(column, pa.ListArray):
        yield from _strings(column.flatten())
    elif pa.types.is_string(column.type):
        yield column
