"""Planning where nothing changed: 20,000 source files, and a pass over a million rows; no media byte is read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import column_pass
import ingest
import texts
from measure import Cost, Work, disk_bytes, measure
from pictures import draw
from projects import apply, make_project
from report import Figure, options, show

ROWS_PER_FILE = 50


def main() -> None:
    with options(__doc__, 20_000, "source files; rows are fifty times as many") as given:
        draw(given.work / "images", given.size)
        plain, captioned, rows = (given.work / name for name in ("plain", "captioned", "rows"))
        measure(_pictures, plain, ingest.PLAIN)
        measure(_pictures, captioned, ingest.DATASET)
        measure(_rows, rows, given.size * ROWS_PER_FILE)
        media_mb = disk_bytes(given.work / "images") / 2**20
        files, lines = _plan(plain), _plan(captioned)
        passed, ingested = _plan(rows, "length"), _plan(rows, "texts")
        count = f"{given.size * ROWS_PER_FILE:,}"
        show(
            given,
            [
                Figure(f"plan, {given.size:,} source files", files.wall_s, "s", 0.3, details=_details(files)),
                Figure("read for it / bytes of the media", files.read_mb / media_mb, "x", 0.05),
                Figure("plan, as many with a file of captions", lines.wall_s, "s", None, details=_details(lines)),
                Figure(f"plan, a pass over {count} rows", passed.wall_s, "s", 0.1, details=_details(passed)),
                Figure(f"plan, a Parquet file of {count} rows", ingested.wall_s, "s", None, details=_details(ingested)),
            ],
        )


def _plan(folder: Path, *select: str) -> Cost:
    return min((measure(_planned, folder, select) for _ in range(3)), key=lambda cost: cost.wall_s)


def _planned(folder: Path, select: tuple[str, ...]) -> Work:
    import cheap_passes  # noqa: F401
    import lance  # noqa: F401

    import mmreg.sources.imagefolder
    import mmreg.sources.parquet  # noqa: F401
    from mmreg.curation.plan import plan
    from mmreg.registry.api import Registry

    def work() -> None:
        steps = plan(Registry.open(folder), select).steps
        assert [step.action for step in steps] == ["nothing"] * len(steps), steps

    return work


def _pictures(folder: Path, dataset: dict[str, Any]) -> Work:
    make_project(folder, {"datasets": {"pairs": dataset}})
    return lambda: apply(folder)


def _rows(folder: Path, rows: int) -> Work:
    make_project(folder, texts.declaration(column_pass.PASS))
    texts.write(folder / "texts.parquet", 0, rows)
    return lambda: apply(folder)


def _details(cost: Cost) -> dict[str, float]:
    return {"cpu_s": cost.cpu_s, "read MB": cost.read_mb}


if __name__ == "__main__":
    main()
