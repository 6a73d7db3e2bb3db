"""What the tests of sources need: pictures as bytes, a declared source opened, and all of it read."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from PIL import Image

from mmreg.schemas.arrow import dataset_schema
from mmreg.schemas.declaration import DatasetSpec
from mmreg.sources import Rejected, Source, open_source

Open = Callable[..., Source]


@dataclass(frozen=True)
class Read:
    """Everything that a source came to, by address."""

    rows: dict[str, dict[str, Any]]
    rejected: dict[str, Rejected]
    stamps: dict[str, int]

    @property
    def reasons(self) -> dict[str, str]:
        return {address: rejected.reason for address, rejected in self.rejected.items()}


@pytest.fixture
def picture() -> Callable[..., bytes]:
    """Encode a small picture: ``picture("PNG", (8, 6), "RGB")``."""

    def encode(kind: str = "PNG", size: tuple[int, int] = (8, 6), mode: str = "RGB", **options: Any) -> bytes:
        buffer = io.BytesIO()
        Image.new(mode, size).save(buffer, kind, **options)
        return buffer.getvalue()

    return encode


@pytest.fixture
def giant_png() -> bytes:
    """A PNG whose header says 20,990 x 29,700 pixels, in a hundred bytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 20990, 29700, 8, 2, 0, 0, 0)
    pixels = chunk(b"IDAT", zlib.compress(bytes(64)))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + pixels + chunk(b"IEND", b"")


@pytest.fixture
def open_declared(tmp_path: Path) -> Open:
    """Open ``source`` with ``columns`` (default: image and caption), declared in ``tmp_path``."""

    def open_(source: dict[str, Any], columns: dict[str, Any] | None = None) -> Source:
        columns = columns or {"image": {"type": "image"}, "caption": {"type": "text"}}
        spec = DatasetSpec.model_validate({"source": source, "columns": columns})
        return open_source("pairs", spec, tmp_path)

    return open_


@pytest.fixture
def read_all() -> Callable[[Source], Read]:
    """Read a source whole, holding it to what every source promises."""

    def read(source: Source) -> Read:
        listed: dict[str, int] = {}
        for batch in source.listing():
            batch.validate(full=True)
            for entry in batch.to_pylist():
                assert entry["address"] not in listed, "an address is listed once"
                listed[entry["address"]] = entry["stamp"]
        rows: dict[str, dict[str, Any]] = {}
        rejected: dict[str, Rejected] = {}
        for part in source.read(None):
            part.rows.validate(full=True)
            for row in part.rows.to_pylist():
                origin = row.pop("_source")
                assert rows.setdefault(origin["uri"], row) is row
                assert listed[origin["uri"]] == origin["stamp"]
            for refusal in part.rejected:
                assert rejected.setdefault(refusal.source, refusal) is refusal
                assert listed[refusal.source] == refusal.stamp
        assert rows.keys() | rejected.keys() == listed.keys()
        assert len(rows) + len(rejected) == len(listed)
        for address in listed:
            again = list(source.read(lambda some, one=address: pa.array([a == one for a in some.to_pylist()])))
            assert sum(part.rows.num_rows + len(part.rejected) for part in again) == 1
        return Read(rows, rejected, listed)

    return read


@pytest.fixture
def schema_of() -> Callable[[dict[str, Any]], pa.Schema]:
    """The schema that a source must fill for ``columns``."""

    def schema(columns: dict[str, Any]) -> pa.Schema:
        spec = DatasetSpec.model_validate({"source": {"type": "jsonl", "path": "-"}, "columns": columns})
        whole = dataset_schema("pairs", spec)
        return whole.remove(whole.get_field_index("sample_id"))

    return schema
