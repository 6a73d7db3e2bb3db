"""What a source is to the rest of mmreg: a listing that touches no media, and rows that are checked.

``listing`` and ``read`` walk the same addresses in the same order. Each address that was asked for ends as
exactly one row or as one `Rejected`: nothing is dropped in silence.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeAlias

import pyarrow as pa

Reason = Literal[
    "pixel_limit", "too_large", "not_an_image", "not_audio", "not_video", "missing_file", "outside_root",
    "not_a_file", "empty_text", "not_utf8", "text_too_long", "wrong_type", "duplicate_address",
    "duplicate_identity", "null_value", "unreadable", "erased",
]  # fmt: skip
"""Why a record did not become a row. Stable; explained in ``docs/sources.md``.
``duplicate_identity`` and ``erased`` are found later, where samples get their identity."""

_ADDRESS: pa.Field[Any] = pa.field("address", pa.string(), nullable=False)
_STAMP: pa.Field[Any] = pa.field("stamp", pa.uint64(), nullable=False)
LISTING = pa.schema([_ADDRESS, _STAMP])


@dataclass(frozen=True)
class Rejected:
    """A record that did not become a row. ``source`` is its address, ``detail`` is for people."""

    source: str
    reason: Reason
    detail: str = ""
    stamp: int = 0


@dataclass(frozen=True)
class SourceBatch:
    """Rows (the dataset's schema without ``sample_id``) and what was rejected between them."""

    rows: pa.RecordBatch
    rejected: tuple[Rejected, ...]


Wanted: TypeAlias = "Callable[[pa.Array[Any]], pa.Array[Any]]"
"""From an array of addresses to a mask of those to read."""


class Source(Protocol):
    """One declared source, opened."""

    @property
    def facts(self) -> Mapping[str, Any]:
        """What the lineage keeps of it: type, path as declared, revision. Nothing absolute, no secret."""

    @property
    def media_root(self) -> str | None:
        """What the uris of cells by reference start from: an absolute path on this machine."""

    def listing(self) -> Iterator[pa.RecordBatch]:
        """Yield `LISTING` batches: each address once, with a digest of what is visible without media."""

    def read(self, wanted: Wanted | None) -> Iterator[SourceBatch]:
        """Yield the wanted records (None: all) in batches of at most 4,096 rows and about 32 MiB."""
