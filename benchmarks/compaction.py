"""Compaction of pictures of 200 KB that came in small portions, beside Lance's own: what it takes, and its memory.

The peak is that of the process group; the size may be doubled and it must stay.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from measure import Cost, Work, compare, disk_bytes, measure
from pictures import heavy
from projects import apply, copy, make_project
from report import Figure, options, ratio, show

CELL, PORTION = 200_000, 250
DECLARATION = {
    "datasets": {
        "pictures": {"source": {"type": "imagefolder", "path": "images"}, "columns": {"image": {"type": "image"}}}
    },
    "passes": {"bytes": {"from": "pictures", "use": "cheap_passes:MediaLength", "allow": ["constant"]}},
}


def main() -> None:
    with options(__doc__, 4_000, "rows") as given:
        folder = given.work / "built"
        _build(folder, given.size)
        compared = compare(lambda: _on_copy(folder, _bare), lambda: _on_copy(folder, _compact))
        ours = compared.ours[-1]
        details = {"peak MB": ours.peak_mb, "start MB": ours.start_mb, "wall_s": ours.wall_s, **ours.value}
        show(
            given,
            [
                Figure("compact, memory above start", ours.grown_mb, "MB", 300.0, details=details),
                ratio("compact / compact_files, CPU", compared, None),
                Figure("bytes on disk before", disk_bytes(folder) / 1e6, "MB", None),
            ],
        )


def _build(folder: Path, rows: int) -> None:
    import mmreg.registry.ingest as ingest

    ingest.ROWS_PER_FRAGMENT = PORTION
    make_project(folder, DECLARATION)
    heavy(folder / "images", rows, CELL)
    apply(folder)


def _on_copy(folder: Path, ready: Any) -> Cost:
    place = folder.parent / "copy"
    copy(folder, place)
    cost = measure(ready, place)
    shutil.rmtree(place)
    return cost


def _compact(folder: Path) -> Work:
    import lance  # noqa: F401

    from mmreg.registry.api import Registry
    from mmreg.registry.compact.compact import compact

    registry = Registry.open(folder)

    def work() -> dict[str, Any]:
        report = compact(registry)
        assert report.ok, report
        [one] = report.datasets
        return {"fragments": f"{one.before.fragments} to {one.after.fragments}", "steps": len(one.steps)}

    return work


def _bare(folder: Path) -> Work:
    import lance

    [uri] = (folder / ".mmreg" / "lake").glob("*.lance")

    def work() -> dict[str, Any]:
        table = lance.dataset(str(uri))
        table.optimize.compact_files(target_rows_per_fragment=5_000, batch_size=10)
        return {}

    return work


if __name__ == "__main__":
    main()
