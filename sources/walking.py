"""Walk a folder of images: one system call a file, links looked at and never walked through."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from typing import NamedTuple

from mmreg.errors import StorageError
from mmreg.sources.files import Root, absent, special
from mmreg.sources.record import File, Refused

# Suffixes that announce a picture, also of formats that are then refused by their content. A file without a
# suffix is asked too; others (.json, .ogg, ...) belong to somebody else and are passed by.
_SUFFIXES = frozenset({
    "png", "jpg", "jpeg", "jpe", "jfif", "webp", "gif", "bmp", "dib", "tif", "tiff", "svg", "heic", "heif",
    "avif", "jp2", "jxl", "ico", "psd", "eps", "tga", "ppm", "pgm",
})  # fmt: skip


class Found(NamedTuple):
    """An entry that claims to be an image, and the ``.txt`` beside it."""

    uri: str
    entry: os.DirEntry[str]
    sidecar_uri: str
    sidecar: os.DirEntry[str] | None


def walk(folder: str) -> Iterator[Found]:
    """Yield what could be images below ``folder``, in the order of names; hidden entries are passed by.

    Raises `StorageError` for a folder that cannot be read: its rows must not look as if they had vanished.
    """
    pending = [(folder, "")]
    while pending:
        path, prefix = pending.pop()
        entries = _entries(path)
        folders = []
        for name in sorted(entries):
            entry = entries[name]
            if name.startswith("."):
                continue
            stem, dot, suffix = name.rpartition(".")
            if entry.is_dir(follow_symlinks=False):
                folders.append((entry.path, f"{prefix}{name}/"))
            elif not dot or suffix in _SUFFIXES or suffix.lower() in _SUFFIXES or _is_odd(entry, suffix):
                sidecar = (stem if dot else name) + ".txt"
                yield Found(prefix + name, entry, prefix + sidecar, entries.get(sidecar))
        pending.extend(reversed(folders))


def look(root: Root, entry: os.DirEntry[str], uri: str) -> tuple[File | None, Refused | None]:
    """Find the file of a walked entry. One that is refused is answered as it looks itself, for the stamp."""
    try:
        seen = entry.stat(follow_symlinks=False)
    except OSError as error:
        return None, absent(error, uri)
    file = File(entry.path, uri, seen.st_size, seen.st_mtime_ns)
    if stat.S_ISREG(seen.st_mode):
        return file, None
    if not stat.S_ISLNK(seen.st_mode):
        return file, special(seen.st_mode, uri)
    try:
        return root.follow(entry.path, uri), None
    except Refused as refused:
        return file, refused


def _entries(path: str) -> dict[str, os.DirEntry[str]]:
    try:
        with os.scandir(path) as entries:
            return {entry.name: entry for entry in entries}
    except OSError as error:
        raise StorageError(f"the folder {path} cannot be read: {error.strerror}", hint=f"ls -ld {path}") from error


def _is_odd(entry: os.DirEntry[str], suffix: str) -> bool:
    # A link to a folder hides files, a pipe is never somebody else's companion: both are to be seen.
    if entry.is_symlink():
        return os.path.isdir(entry.path)
    return not entry.is_file(follow_symlinks=False) and suffix != "txt"
