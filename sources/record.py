"""One record on its way to becoming a row, and the refusal that may stop it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from mmreg.sources.protocol import Reason


class Refused(Exception):
    """Stays inside this room: it ends as a `Rejected` of the record that raised it."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(reason, detail)
        self.reason: Reason = reason
        self.detail = detail


class File(NamedTuple):
    """A regular file below the root, by its last look: ``path`` is free of links, ``uri`` is relative."""

    path: str
    uri: str
    size: int
    mtime_ns: int


@dataclass(slots=True)
class Record:
    """``values`` are by declared column: JSON values, a `File` or bytes where a column holds media, and
    a `Refused` in the place of a value that could not even be looked at.

    ``size`` is about how many bytes the record itself holds in memory, before any file is read.
    """

    address: str
    stamp: int
    values: Mapping[str, Any]
    refused: Refused | None = None
    size: int = 0
