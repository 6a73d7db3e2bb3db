"""`open_source`: from a declaration to the reader of its kind."""

from __future__ import annotations

from pathlib import Path

from mmreg.errors import UsageError
from mmreg.schemas.declaration import DatasetSpec
from mmreg.sources.protocol import Source


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
        from mmreg.sources.dvc import open_dvc

        return open_dvc(name, spec, base)
    raise UsageError(
        f"dataset {name}: a source of type {kind} is registered in place, it has no reader",
        hint="mmreg apply, which registers the table where it lies",
    )
