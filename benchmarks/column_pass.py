"""A recorded full pass beside raw `merge_columns` and a commit of the same function: a function that costs nothing,
so that the overhead shows, and the mean brightness of pictures, as passes are."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable
from pathlib import Path

import ingest
import texts
from cheap_passes import Brightness, TextLength
from measure import Comparison, Cost, Work, compare, disk_bytes, measure
from pictures import draw
from projects import applying, copy, make_project
from report import Figure, options, ratio, show

from mmreg.curation.protocol import Pass, Recipe

PASS = {"length": {"from": "texts", "use": "cheap_passes:TextLength", "inputs": {"text": "caption"}}}
BRIGHT = {"bright": {"from": "pairs", "use": "cheap_passes:Brightness"}}
PICTURES = 100
"""Rows of text for each picture."""


def main() -> None:
    with options(__doc__, 1_000_000) as given:
        pictures = given.size // PICTURES
        measure(_texts, given.work / "texts", given.size)
        draw(given.work / "images", pictures)
        measure(_pictures, given.work / "pictures")
        added: dict[str, int] = {}
        cheap = _beside(given.work / "texts", _pass_on_texts, _bare_on_texts, added)
        spare = (added["ours"] - 1.1 * added["bare"]) / given.size
        per_row = {what: size / given.size for what, size in added.items()}
        real = _beside(given.work / "pictures", _pass_on_pictures, _bare_on_pictures, added)
        over = (cheap.of_ours("cpu_s") - cheap.of_bare("cpu_s")) / given.size * 1e6
        show(
            given,
            [
                ratio(f"brightness of {pictures:,} pictures / merge_columns + commit", real, 1.15),
                ratio("length of a text, vectorised / the same", cheap, 1.15),
                Figure("that above bare, a row", over, "us", None),
                Figure("bytes a row above 1.1 x bare", spare, "B", 10.0, details=per_row),
            ],
        )


def _beside(
    folder: Path, ours: Callable[[Path], Work], bare: Callable[[Path], Work], added: dict[str, int]
) -> Comparison:
    """Each on a copy of its own; ``added``: how many bytes that copy's lake has grown by."""
    places = (folder.with_name(f"{folder.name}-{number}") for number in itertools.count())

    def on_copy(what: str, ready: Callable[[Path], Work]) -> Cost:
        place = next(places)
        copy(folder, place)
        before = disk_bytes(place / ".mmreg" / "lake")
        cost = measure(ready, place)
        added[what] = disk_bytes(place / ".mmreg" / "lake") - before
        shutil.rmtree(place)
        return cost

    return compare(lambda: on_copy("bare", bare), lambda: on_copy("ours", ours))


def _texts(folder: Path, rows: int) -> Work:
    make_project(folder, texts.declaration(PASS))
    texts.write(folder / "texts.parquet", 0, rows)
    return applying(folder, "texts")


def _pictures(folder: Path) -> Work:
    make_project(folder, {"datasets": {"pairs": ingest.DATASET}, "passes": BRIGHT})
    return applying(folder, "pairs")


def _pass_on_texts(folder: Path) -> Work:
    return applying(folder, "length")


def _pass_on_pictures(folder: Path) -> Work:
    return applying(folder, "bright")


def _bare_on_texts(folder: Path) -> Work:
    return _bare(folder / ".mmreg" / "lake" / "texts.lance", TextLength(Recipe()), "text", "caption", 8192)


def _bare_on_pictures(folder: Path) -> Work:
    return _bare(folder / ".mmreg" / "lake" / "pairs.lance", Brightness(Recipe()), "image", "image", 256)


def _bare(table: Path, function: Pass, own: str, column: str, batch_size: int) -> Work:
    """The function over one column, a file a fragment, one commit: what anybody would write."""
    import lance
    import pyarrow as pa

    def call(batch: pa.RecordBatch) -> pa.RecordBatch:
        return function(batch.rename_columns([own]))

    def work() -> None:
        opened = lance.dataset(table)
        fragments, schema = [], None
        for fragment in opened.get_fragments():
            metadata, schema = fragment.merge_columns(call, [column], batch_size=batch_size)
            fragments.append(metadata)
        assert schema is not None
        operation = lance.LanceOperation.Merge(fragments, schema)
        lance.LanceDataset.commit(table, operation, read_version=opened.version)

    return work


if __name__ == "__main__":
    main()
