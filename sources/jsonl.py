"""JSON lines: one record a line, in one file, a folder of them or a pattern. Media cells name files."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from mmreg.schemas.declaration import DatasetSpec
from mmreg.sources.columns import media_columns
from mmreg.sources.declared import declared_path
from mmreg.sources.files import Root
from mmreg.sources.lines import Line, parse_line, read_lines
from mmreg.sources.placing import place_media
from mmreg.sources.protocol import SourceBatch, Wanted
from mmreg.sources.reading import listing_of, rows_of, select
from mmreg.sources.record import Record, Refused
from mmreg.sources.shards import find_shards, open_shard
from mmreg.sources.stamp import canonical, digest16, stamp


class JsonLines:
    """The reader of ``type: jsonl``. A line's address is a digest of its record: no other line moves it."""

    def __init__(self, name: str, spec: DatasetSpec, base: Path) -> None:
        """Open the declared file, folder or pattern. Raises `NotFound`."""
        source = spec.source
        facts: dict[str, Any] = {"type": "jsonl", "path": source.path}
        self._shards = find_shards(name, source.path, base, ".jsonl")
        folder = self._shards.folder
        if source.media_root is not None:
            facts["media_root"] = source.media_root
            folder = declared_path(name, "media_root", source.media_root, base)
        self.name, self.spec, self.facts = name, spec, facts
        self.media_root = os.path.realpath(folder)
        self._beside = source.media_root is None
        self._fields = {key: column.field or key for key, column in spec.columns.items()}
        self._media = media_columns(spec.columns)

    def listing(self) -> Iterator[pa.RecordBatch]:
        """Yield addresses and stamps, reading no media byte."""
        return listing_of(self._records())

    def read(self, wanted: Wanted | None) -> Iterator[SourceBatch]:
        """Yield the wanted records as rows, or as rejected."""
        return rows_of(self.name, self.spec, select(self._records(), wanted))

    def _records(self) -> Iterator[Record]:
        """Walk the files by name, and each line by line."""
        root = Root(self.media_root)
        for name, file in self._shards.files():
            if isinstance(file, Refused):
                yield Record(name, stamp((None,)), {}, file)
                continue
            times: Counter[str] = Counter()
            folder = os.path.dirname(file.uri) if self._beside else ""
            with open_shard(file) as stream:
                for line in read_lines(stream, file.uri):
                    record = self._record(root, folder, line)
                    times[record.address] += 1
                    yield (record if times[record.address] == 1 else _again(record, line, times[record.address]))

    def _record(self, root: Root, folder: str, line: Line) -> Record:
        try:
            content = parse_line(line)
        except Refused as refused:
            digest = digest16(line.data.strip())
            return Record(f"{line.file}#{digest}", stamp((), digest.encode()), {}, refused)
        digest = digest16(canonical(content))
        values = {key: content.get(field) for key, field in self._fields.items()}
        files, unusable = place_media(root, self._media, values, folder)
        address, mark = f"{line.file}#{digest}", stamp(files, digest.encode())
        return Record(address, mark, values, unusable, size=2 * len(line.data))


def _again(record: Record, line: Line, time: int) -> Record:
    # Two slashes stand in no normal path, so this address is nobody else's.
    detail = f"{line.place} holds the same record as an earlier line"
    return Record(f"{record.address}//{time}", record.stamp, {}, Refused("duplicate_address", detail))
