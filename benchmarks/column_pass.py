"""A recorded full pass with a function that costs nothing, beside raw `merge_columns` and a commit of the same."""

from __future__ import annotations

import itertools
import shutil
from pathlib import Path

import texts
from measure import Cost, Work, compare, disk_bytes, measure
from projects import apply, make_project
from report import Figure, options, ratio, show

PASS = {"length": {"from": "texts", "use": "cheap_passes:TextLength", "inputs": {"text": "caption"}}}


def main() -> None:
    with options(__doc__, 1_000_000) as given:
        ingested = given.work / "ingested"
        measure(_ingest, ingested, given.size)
        copies = (given.work / f"copy-{number}" for number in itertools.count())
        added: dict[str, int] = {}

        def on_copy(what: str) -> Cost:
            copy = next(copies)
            shutil.copytree(ingested, copy)
            before = disk_bytes(copy / ".mmreg" / "lake")
            cost = measure({"ours": _ours, "bare": _bare}[what], copy)
            added[what] = disk_bytes(copy / ".mmreg" / "lake") - before
            shutil.rmtree(copy)
            return cost

        compared = compare(lambda: on_copy("bare"), lambda: on_copy("ours"))
        spare = (added["ours"] - 1.1 * added["bare"]) / given.size
        per_row = {what: bytes / given.size for what, bytes in added.items()}
        show(
            given,
            [
                ratio("recorded pass / merge_columns + commit", compared, 1.15),
                Figure("bytes a row above 1.1 x bare", spare, "B", 10.0, details=per_row),
            ],
        )


def _ingest(folder: Path, rows: int) -> Work:
    make_project(folder, texts.declaration(PASS))
    texts.write(folder / "texts.parquet", 0, rows)
    return lambda: apply(folder, "texts")


def _ours(folder: Path) -> Work:
    import cheap_passes  # noqa: F401
    import lance  # noqa: F401

    import mmreg.curation.apply  # noqa: F401

    return lambda: apply(folder, "length")


def _bare(folder: Path) -> Work:
    import lance
    import pyarrow as pa
    from cheap_passes import TextLength

    from mmreg.curation.protocol import Recipe

    length = TextLength(Recipe())
    uri = str(folder / ".mmreg" / "lake" / "texts.lance")

    def call(batch: pa.RecordBatch) -> pa.RecordBatch:
        return length(batch.rename_columns(["text"]))

    def work() -> None:
        table = lance.dataset(uri)
        fragments, schema = [], None
        for fragment in table.get_fragments():
            metadata, schema = fragment.merge_columns(call, ["caption"], batch_size=8192)
            fragments.append(metadata)
        assert schema is not None
        operation = lance.LanceOperation.Merge(fragments, schema)
        lance.LanceDataset.commit(uri, operation, read_version=table.version)

    return work


if __name__ == "__main__":
    main()
