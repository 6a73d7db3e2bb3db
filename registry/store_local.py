"""A store in a local folder, with nothing but the standard library.

A new key is written under a temporary name and then linked to its own: the link fails where the key exists,
so put-if-absent holds between processes and a key is never half written. Folders come and go with their keys.

What is written survives the end of the process. Whether it survives a power loss is up to the disk, unless the store
is ``durable``: then a key is on the disk, with the folders that lead to it, before the writer goes on.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from mmreg.errors import NotFound, ReadOnly, StorageError, UsageError
from mmreg.registry.entry import Entry

TEMPORARY = ".tmp-"
ATTEMPTS = 1000
PIECE = 1 << 20


class LocalStore:
    """Keys as files below ``uri``, an absolute path."""

    def __init__(self, path: str, *, durable: bool = False) -> None:
        self.uri = os.path.abspath(os.path.expanduser(path))
        self.durable = durable
        self.options: dict[str, str] = {}

    def put_new(self, key: str, data: bytes) -> bool:
        with _storage_errors("write", key), self._written(key, data) as (temporary, target):
            try:
                os.link(temporary, target)
            except FileExistsError:
                return False
            self._persist_folders([target.parent])
            return True

    def put(self, key: str, data: bytes) -> None:
        with _storage_errors("write", key), self._written(key, data) as (temporary, target):
            os.replace(temporary, target)
            self._persist_folders([target.parent])

    def get(self, key: str) -> bytes | None:
        with _storage_errors("read", key):
            try:
                return self._path(key).read_bytes()
            except FileNotFoundError:
                return None

    def list(self, prefix: str) -> Iterator[str]:
        with _storage_errors("list", prefix):
            yield from sorted(self._keys(prefix))

    def stream(self, key: str) -> Iterator[bytes]:
        with _storage_errors("read", key):
            try:
                file = self._path(key).open("rb")
            except FileNotFoundError:
                raise NotFound(f"{key}: no such file in the lake", hint="mmreg fsck") from None
            with file:
                while piece := file.read(PIECE):
                    yield piece

    def scan(self, prefix: str) -> Iterator[Entry]:
        with _storage_errors("list", prefix):
            for key in self._keys(prefix, temporary=True):
                try:
                    found = os.stat(Path(self.uri, key), follow_symlinks=False)
                except FileNotFoundError:  # gone since it was listed
                    continue
                yield Entry(key, found.st_size, found.st_mtime)

    def folders(self) -> Sequence[str]:
        with _storage_errors("list", self.uri):
            try:
                with os.scandir(self.uri) as entries:
                    return sorted(entry.name for entry in entries if entry.is_dir())
            except FileNotFoundError:
                return []

    def delete(self, key: str) -> None:
        path = self._path(key, temporary=True)
        with _storage_errors("delete", key):
            path.unlink(missing_ok=True)
            self._drop_empty_folders(path.parent)

    def persist(self, keys: Iterable[str]) -> None:
        if not self.durable:
            return
        paths = [self._path(key) for key in keys]
        for path in paths:
            with _storage_errors("persist", str(path)):
                _fsync(path)
        self._persist_folders([path.parent for path in paths])

    def _persist_folders(self, folders: Iterable[Path]) -> None:
        """``folders``, and those that lead to them from the lake's own, deepest first."""
        if not self.durable:
            return
        root = Path(self.uri)
        needed = {above for folder in folders for above in (folder, *folder.parents) if above.is_relative_to(root)}
        for folder in sorted(needed, key=lambda folder: len(folder.parts), reverse=True):
            with _storage_errors("persist", str(folder)):
                _fsync(folder)

    @contextmanager
    def _written(self, key: str, data: bytes) -> Iterator[tuple[Path, Path]]:
        target = self._path(key)
        temporary = target.with_name(f"{TEMPORARY}{os.getpid()}-{os.urandom(8).hex()}")
        try:
            self._write(temporary, data)
            yield temporary, target
        finally:
            temporary.unlink(missing_ok=True)  # also where the disk was full before all was written

    def _write(self, path: Path, data: bytes) -> None:
        for left in reversed(range(ATTEMPTS)):
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(data)
                if self.durable:
                    _fsync(path)
                return
            except (FileNotFoundError, FileExistsError):  # the folder went with its last key, just now
                if not left:
                    raise

    def _keys(self, prefix: str, *, temporary: bool = False) -> Iterator[str]:
        top = self._path(prefix) if prefix.strip("/") else Path(self.uri)
        for folder, _, files in os.walk(top, onerror=_unless_vanished):
            base = os.path.relpath(folder, self.uri).replace(os.sep, "/")
            for name in files:
                if temporary or not name.startswith(TEMPORARY):
                    yield name if base == "." else f"{base}/{name}"

    def _drop_empty_folders(self, folder: Path) -> None:
        root = Path(self.uri)
        while folder != root:
            try:
                folder.rmdir()
            except OSError:  # not empty, or already gone: both end the walk
                return
            folder = folder.parent

    def _path(self, key: str, *, temporary: bool = False) -> Path:
        parts = key.strip("/").split("/")
        if any(
            part in ("", ".", "..") or "\0" in part or (part.startswith(TEMPORARY) and not temporary) for part in parts
        ):
            raise UsageError(f"{key!r} is no key: it would leave the lake, or name nothing in it")
        return Path(self.uri, *parts)


def _fsync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _unless_vanished(error: OSError) -> None:
    if not isinstance(error, (FileNotFoundError, NotADirectoryError)):
        raise error


@contextmanager
def _storage_errors(doing: str, key: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if doing in ("write", "delete") and error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
            raise ReadOnly(
                f"the lake can be looked at, but not written to: {error.strerror} ({error.filename})",
                hint="repeat the command where the lake can be written to",
            ) from error
        raise StorageError(
            f"cannot {doing} {key!r} in the lake: {error.strerror or error} ({error.filename})",
            hint="look at the free space and the permissions of the lake's folder",
        ) from error
