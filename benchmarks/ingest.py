"""Ingest of small pictures, inline, with digests and headers read, beside raw Lance and the same work done bare."""

from __future__ import annotations

import hashlib
import io
import itertools
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from measure import Comparison, Cost, Work, compare, measure
from pictures import draw
from projects import applying, make_project
from report import Figure, options, ratio, show

PLAIN = {"source": {"type": "imagefolder", "path": "../images"}, "columns": {"image": {"type": "image"}}}
DATASET = {
    "source": {"type": "imagefolder", "path": "../images", "captions": "../captions.jsonl"},
    "columns": {"image": {"type": "image"}, "caption": {"type": "text"}},
}
BATCH = 2048


def main() -> None:
    with options(__doc__, 20_000, "pictures") as given:
        draw(given.work / "images", given.size)
        plain, captioned = (_beside(given.work, dataset) for dataset in (PLAIN, DATASET))
        beside = {"bare": plain.of_bare("grown_mb")}
        show(
            given,
            [
                ratio("ingest / write_dataset + hashing + headers", plain, 1.2),
                ratio("the same with a file of captions", captioned, 1.2),
                Figure("pictures a second", given.size / plain.of_ours("wall_s"), "/s", None),
                Figure("peak memory above start", plain.of_ours("grown_mb"), "MB", None, details=beside),
            ],
        )


def _beside(work: Path, dataset: dict[str, Any]) -> Comparison:
    numbers = itertools.count()

    def bare() -> Cost:
        table = work / f"bare-{next(numbers)}.lance"
        cost = measure(_bare, work, table, dataset is DATASET)
        shutil.rmtree(table)
        return cost

    def ours() -> Cost:
        folder = work / f"ours-{next(numbers)}"
        cost = measure(_ours, folder, dataset)
        shutil.rmtree(folder)
        return cost

    return compare(bare, ours)


def _ours(folder: Path, dataset: dict[str, Any]) -> Work:
    import mmreg.sources.imagefolder  # noqa: F401

    make_project(folder, {"datasets": {"pairs": dataset}})
    return applying(folder)


def _bare(folder: Path, table: Path, captioned: bool) -> Work:
    """What anybody would write: walk, read, hash, look at the header, hand Arrow batches to Lance."""
    import lance
    import PIL.Image
    import pyarrow as pa

    PIL.Image.init()
    types: dict[str, pa.DataType] = {
        "uri": pa.string(), "mtime": pa.int64(), "caption": pa.string(), "bytes": pa.large_binary(),
        "sha256": pa.binary(32), "format": pa.string(), "width": pa.int32(), "height": pa.int32(),
        "mode": pa.string(),
    }  # fmt: skip
    schema = pa.schema(types)

    def work() -> None:
        captions: dict[str, str] = {}
        if captioned:
            with (folder / "captions.jsonl").open() as lines:
                captions = {(row := json.loads(line))["file"]: row["caption"] for line in lines}
        rows = _rows(folder / "images", captions)

        def batches() -> Iterator[pa.RecordBatch]:
            while chunk := list(itertools.islice(rows, BATCH)):
                columns = zip(*chunk, strict=True)
                arrays = [pa.array(c, field.type) for c, field in zip(columns, schema, strict=True)]
                yield pa.RecordBatch.from_arrays(arrays, schema=schema)

        reader = pa.RecordBatchReader.from_batches(schema, batches())
        lance.write_dataset(reader, table, max_rows_per_file=65_536, enable_stable_row_ids=True)

    return work


def _rows(folder: Path, captions: dict[str, str]) -> Iterator[tuple[object, ...]]:
    from PIL import Image

    for path, _, names in sorted(os.walk(folder)):
        for name in sorted(names):
            file = os.path.join(path, name)
            uri = os.path.relpath(file, folder)
            seen = os.stat(file)
            with open(file, "rb") as stream:
                data = stream.read()
            with Image.open(io.BytesIO(data)) as image:
                header = image.format, image.width, image.height, image.mode
            yield uri, seen.st_mtime_ns, captions.get(uri), data, hashlib.sha256(data).digest(), *header


if __name__ == "__main__":
    main()
