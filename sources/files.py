"""Find and open files below one folder, and never anything else.

A path that a record declares is text from a stranger. `Root.locate` turns it into a `File` whose real place
is below the folder, or refuses; `read_whole` and `open_file` open what was located, never follow a link that
was put there since, and never wait on a pipe.
"""

from __future__ import annotations

import errno
import os
import re
import stat

from mmreg.sources.record import File, Refused

_DRIVE = re.compile(r"[A-Za-z]:[\\/]|\\\\")
_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class Root:
    """One folder, as it is during one walk: real folders are looked up once."""

    def __init__(self, folder: str) -> None:
        self.folder = os.path.realpath(folder)
        self._inside = self.folder.rstrip("/") + "/"
        self._folders: dict[str, str] = {}

    def locate(self, declared: str, start: str = "") -> File:
        """Find the regular file that ``declared`` names from the subfolder ``start``. Raises `Refused`."""
        uri = f"{start}/{normalise(declared)}" if start else normalise(declared)
        folder, _, name = uri.rpartition("/")
        path = f"{self._folder(folder)}/{name}"
        try:
            seen = os.lstat(path)
        except OSError as error:
            raise absent(error, uri) from None
        return self.follow(path, uri) if stat.S_ISLNK(seen.st_mode) else _regular(path, uri, seen)

    def follow(self, path: str, uri: str) -> File:
        """Find what the link at ``path`` leads to. Raises `Refused` unless it is a regular file inside."""
        real = os.path.realpath(path)
        if not (real + "/").startswith(self._inside):
            raise Refused("outside_root", f"{uri} is a link that leaves the folder")
        try:
            return _regular(real, uri, os.stat(real))
        except OSError as error:
            raise absent(error, uri) from None

    def _folder(self, relative: str) -> str:
        real = self._folders.get(relative)
        if real is None:
            real = os.path.realpath(self._inside + relative).rstrip("/")
            if not (real + "/").startswith(self._inside):
                raise Refused("outside_root", f"{relative} leads out of the folder")
            self._folders[relative] = real
        return real


def normalise(declared: str) -> str:
    """Return a declared relative path in its shortest form. Raises `Refused` for one that could leave."""
    if not declared.isascii():
        try:
            declared.encode()
        except UnicodeEncodeError as error:
            raise Refused("not_utf8", f"the path is not UTF-8 from character {error.start} on") from None
    if "\0" in declared or declared.startswith("/") or _DRIVE.match(declared):
        raise Refused("outside_root", f"{declared!r} is not a relative path")
    parts = declared.split("/")
    if "" in parts or "." in parts:
        parts = [part for part in parts if part not in ("", ".")]
    if ".." in parts:
        raise Refused("outside_root", f"{declared!r} climbs with '..'")
    if not parts:
        raise Refused("not_a_file", f"{declared!r} names no file")
    return "/".join(parts)


def address_of(name: str) -> tuple[str, Refused | None]:
    """A file's name as the address of its record, and the refusal of one that has no text."""
    try:
        name.encode()
    except UnicodeEncodeError as error:
        # Backslashes are doubled first, so that two names never share an address; no path ends in two slashes.
        spelled = os.fsencode(name.replace("\\", "\\\\")).decode(errors="backslashreplace") + "//"
        return spelled, Refused("not_utf8", f"the file's name is not UTF-8 from character {error.start} on")
    return name, None


def open_file(file: File) -> int:
    """Open a located file for reading; the caller closes the descriptor. Raises `Refused`."""
    try:
        descriptor = os.open(file.path, _FLAGS)
    except OSError as error:
        raise absent(error, file.uri) from None
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode):
        os.close(descriptor)
        raise special(mode, file.uri)
    return descriptor


def read_whole(file: File, max_bytes: int) -> bytes:
    """Return the bytes of a located file, at most ``max_bytes``. Raises `Refused`."""
    check_size(file, max_bytes)
    descriptor = open_file(file)
    try:
        # One byte more than was seen: a full answer of that length would mean that the file has grown.
        data = os.read(descriptor, file.size + 1)
        if len(data) == file.size:
            return data
        parts, size = [data], len(data)
        while size <= max_bytes and (more := os.read(descriptor, 1 << 20)):
            parts.append(more)
            size += len(more)
    except OSError as error:
        raise absent(error, file.uri) from None
    finally:
        os.close(descriptor)
    if size > max_bytes:
        raise Refused("too_large", f"{file.uri} grew past {max_bytes:,} bytes while it was read")
    return b"".join(parts)


def check_size(file: File, max_bytes: int) -> None:
    """Refuse a file that is larger than its limit, before a byte of it is read."""
    if file.size > max_bytes:
        raise Refused("too_large", f"{file.uri} has {file.size:,} bytes, the limit is {max_bytes:,}")


def special(mode: int, uri: str) -> Refused:
    """The refusal of what is no regular file: opening a pipe could wait for ever."""
    kinds = {stat.S_IFDIR: "a folder", stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket"}
    return Refused("not_a_file", f"{uri} is {kinds.get(stat.S_IFMT(mode), 'a device')}, not a regular file")


def absent(error: OSError, uri: str) -> Refused:
    """The refusal that a failed look at ``uri`` comes to."""
    if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG, errno.ELOOP):
        return Refused("missing_file", f"{uri}: {os.strerror(error.errno)}")
    return Refused("unreadable", f"{uri}: {error.strerror}")


def _regular(path: str, uri: str, seen: os.stat_result) -> File:
    if not stat.S_ISREG(seen.st_mode):
        raise special(seen.st_mode, uri)
    return File(path, uri, seen.st_size, seen.st_mtime_ns)
