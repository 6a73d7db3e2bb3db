"""The files that a path stands for: itself, those in a folder, or those that match a pattern."""

from __future__ import annotations

import glob
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from mmreg.errors import NotFound, StorageError
from mmreg.sources.declared import not_there, open_declared
from mmreg.sources.files import Root, address_of, open_file
from mmreg.sources.record import File, Refused


@dataclass(frozen=True)
class Shards:
    """Files below ``folder``; ``names`` looks them up anew, relative to it and sorted."""

    folder: str
    names: Callable[[], list[str]]

    def files(self) -> Iterator[tuple[str, File | Refused]]:
        """Yield each name and its file, or why it is none (a link that leaves, a pipe).

        Raises `StorageError` where one cannot be looked at: its rows must not look as if they had vanished.
        """
        root = Root(self.folder)
        for name in self.names():
            address, nameless = address_of(name)
            if nameless is not None:
                yield address, nameless
                continue
            try:
                yield name, root.locate(name)
            except Refused as refused:
                if refused.reason == "unreadable":
                    raise _unreadable(os.path.join(self.folder, name), refused) from None
                yield name, refused


def find_shards(dataset: str, path: str, base: Path, suffix: str) -> Shards:
    """Say which files ``datasets.<dataset>.source.path`` stands for. Raises `NotFound` where none does."""
    place = os.path.abspath(base / path)
    if os.path.isdir(place):
        shards = Shards(place, lambda: _below(place, suffix))
    elif os.path.exists(place):
        open_declared(place).close()
        real = os.path.realpath(place)
        return Shards(os.path.dirname(real), lambda: [os.path.basename(real)])
    else:
        folder = _fixed_part(place)
        pattern = os.path.relpath(place, folder)
        shards = Shards(folder, lambda: sorted(glob.glob(pattern, root_dir=folder, recursive=True)))
    if not shards.names():
        raise _nothing(dataset, path, place, suffix)
    return shards


def open_shard(file: File) -> BinaryIO:
    """Open a file of `Shards.files`. Raises `StorageError`."""
    try:
        return open(open_file(file), "rb")
    except Refused as refused:
        raise _unreadable(file.path, refused) from None


def _below(folder: str, suffix: str) -> list[str]:
    names: list[str] = []

    def fail(error: OSError) -> None:
        raise StorageError(f"the folder {error.filename} cannot be read: {error.strerror}", hint="ls -ld")

    for path, folders, files in os.walk(folder, onerror=fail):
        folders[:] = [name for name in folders if not name.startswith(".")]
        names += [
            os.path.relpath(os.path.join(path, name), folder)
            for name in files
            if name.lower().endswith(suffix) and not name.startswith(".")
        ]
    return sorted(names)


def _fixed_part(place: str) -> str:
    folder = place
    while glob.has_magic(folder):
        folder = os.path.dirname(folder)
    return folder if folder != place else os.path.dirname(place)


def _nothing(dataset: str, path: str, place: str, suffix: str) -> NotFound:
    if not os.path.isdir(place) and not glob.has_magic(path):
        return not_there(dataset, "path", path, place)
    return NotFound(
        f"datasets.{dataset}.source.path: no {suffix} file is at {path} (looked for {place})",
        hint=f"correct `path: {path}` under datasets.{dataset}.source in mmreg.yaml",
    )


def _unreadable(path: str, refused: Refused) -> StorageError:
    return StorageError(f"{path} cannot be read: {refused.detail}", hint=f"ls -l {path}")
