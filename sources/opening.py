"""`open_source`: from a declaration to the reader of its kind."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from mmreg.schemas.declaration import DatasetSpec
from mmreg.sources.protocol import Source, SourceBatch, Wanted


def open_source(name: str, spec: DatasetSpec, base: Path) -> Source:
    """Open the source of dataset ``name``; relative paths start from ``base``, the folder of ``mmreg.yaml``.

    Raises `NotFound` where the declared path is not there, `UsageError` where the declaration and the source
    cannot fit, `MissingExtra` where a library is absent.
    """
    kind = spec.source.type
    if kind == "imagefolder":
        from mmreg.sources.imagefolder import ImageFolder

        return ImageFolder(name, spec, base)
    if kind == "jsonl":
        from mmreg.sources.jsonl import JsonLines

        return JsonLines(name, spec, base)
    if kind == "parquet":
        from mmreg.sources.parquet import ParquetFiles

        return ParquetFiles(name, spec, base)
    if kind == "dvc":
        from mmreg.sources.dvc import fetch

        local, facts = fetch(name, spec, base)
        return _Fetched(open_source(name, local, base), facts)
    from mmreg.sources.lance_table import LanceTable

    return LanceTable(name, spec, base)


@dataclass(frozen=True)
class _Fetched:
    """A local source that is a copy: its facts are those of the original."""

    source: Source
    facts: Mapping[str, Any]

    @property
    def media_root(self) -> str | None:
        return self.source.media_root

    def listing(self) -> Iterator[pa.RecordBatch]:
        return self.source.listing()

    def read(self, wanted: Wanted | None) -> Iterator[SourceBatch]:
        return self.source.read(wanted)
