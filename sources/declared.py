"""Where a declared source lies on this machine."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import BinaryIO

from mmreg.errors import NotFound, StorageError, UsageError


def declared_path(name: str, key: str, path: str, base: Path) -> str:
    """Return the absolute path of ``datasets.<name>.source.<key>``. Raises `NotFound` naming that line."""
    place = os.path.abspath(base / path)
    if not os.path.exists(place):
        raise not_there(name, key, path, place)
    return place


def not_there(name: str, key: str, path: str, place: str) -> NotFound:
    """The error of a declared path that leads nowhere; ``place`` is where it was looked for."""
    return NotFound(
        f"datasets.{name}.source.{key}: {path} is not there (looked for {place})",
        hint=f"correct `{key}: {path}` under datasets.{name}.source in mmreg.yaml",
    )


def open_declared(path: str) -> BinaryIO:
    """Open a file that the declaration names itself (it may be a link). A pipe is refused, not waited on."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise StorageError(f"{path} cannot be read: {error.strerror}", hint=f"ls -l {path}") from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise UsageError(f"{path} is not a regular file", hint="name a file under `source` in mmreg.yaml")
    return open(descriptor, "rb")
