"""Editing 1% of a small column beside cells of 200 KB: a pass that computes these rows anew, and `merge_insert`.

What is written and held is told; default `merge_insert` copies whole rows, media and all.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import cheap_passes
from measure import Cost, Work, disk_bytes, measure
from pass_memory import CELL
from pictures import heavy
from projects import apply, copy, make_project
from report import Figure, options, show

DECLARATION = {
    "datasets": {
        "pictures": {
            "source": {"type": "imagefolder", "path": "images"},
            "columns": {"image": {"type": "image"}, "caption": {"type": "text", "nullable": True}},
        }
    },
    "passes": {"bytes": {"from": "pictures", "use": "cheap_passes:MediaLength", "allow": ["constant"]}},
}


def main() -> None:
    with options(__doc__, 2_000) as given:
        folder = given.work / "project"
        measure(_make, folder, given.size)
        ours, ours_bytes = _on_copy(folder, _recomputed)
        bare, bare_bytes = _on_copy(folder, _merged)
        details = {"ours MB": ours_bytes / 1e6, "bare MB": bare_bytes / 1e6}
        show(
            given,
            [
                Figure("bytes: a pass anew for 1% of the rows / merge_insert", ours_bytes / bare_bytes, "x", 0.01,
                       details=details),
                Figure("memory above start, ours", ours.grown_mb, "MB", None, details={"cpu_s": ours.cpu_s}),
                Figure("memory above start, merge_insert", bare.grown_mb, "MB", None, details={"cpu_s": bare.cpu_s}),
            ],
        )  # fmt: skip


def _on_copy(folder: Path, ready: object) -> tuple[Cost, int]:
    place = folder.with_name("copy")
    copy(folder, place)
    before = disk_bytes(place / ".mmreg" / "lake")
    cost = measure(ready, place)  # type: ignore[arg-type]
    written = disk_bytes(place / ".mmreg" / "lake") - before
    shutil.rmtree(place)
    return cost, written


def _make(folder: Path, rows: int) -> Work:
    make_project(folder, DECLARATION)
    heavy(folder / "images", rows, CELL)
    return lambda: apply(folder)


def _recomputed(folder: Path) -> Work:
    """Others have written nulls over the answers of 1% of the rows; the pass answers them again."""
    import lance

    uri = str(folder / ".mmreg" / "lake" / "pictures.lance")
    table = lance.dataset(uri)
    rows = table.to_table(columns=["n_bytes"], with_row_id=True)
    some = rows.slice(0, rows.num_rows // 100)
    change = some.set_column(0, "n_bytes", cheap_passes.pa.array([0] * some.num_rows, cheap_passes.pa.int64()))
    fragment = table.get_fragments()[0]
    metadata, modified = fragment.update_columns(change, left_on="_rowid", right_on="_rowid")
    operation = lance.LanceOperation.Update(
        updated_fragments=[metadata], fields_modified=modified, update_mode="rewrite_columns"
    )
    lance.LanceDataset.commit(uri, operation, read_version=table.version)
    return lambda: apply(folder, "bytes")


def _merged(folder: Path) -> Work:
    import lance

    table = lance.dataset(str(folder / ".mmreg" / "lake" / "pictures.lance"))
    rows = table.to_table(columns=["sample_id", "n_bytes"])
    some = rows.slice(0, rows.num_rows // 100)

    def work() -> None:
        table.merge_insert("sample_id").when_matched_update_all().execute(some)

    return work


if __name__ == "__main__":
    main()
