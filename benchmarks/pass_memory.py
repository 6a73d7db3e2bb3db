"""Peak memory of a pass over cells of 200 KB, at two sizes: it must not grow with the rows."""

from __future__ import annotations

from pathlib import Path

from measure import Cost, Work, measure
from pictures import heavy
from projects import apply, make_project
from report import Figure, options, show

CELL = 200_000
DECLARATION = {
    "datasets": {
        "pictures": {"source": {"type": "imagefolder", "path": "images"}, "columns": {"image": {"type": "image"}}}
    },
    "passes": {"bytes": {"from": "pictures", "use": "cheap_passes:MediaLength", "allow": ["constant"]}},
}


def main() -> None:
    with options(__doc__, 8_000, "rows of the larger size; the smaller has a quarter") as given:
        sizes = (given.size // 4, given.size)
        costs = [_passed(given.work / str(rows), rows) for rows in sizes]
        figures = []
        for rows, (ingested, passed) in zip(sizes, costs, strict=True):
            figures.append(_grown(f"pass over {rows:,} rows", passed, 300.0))
            figures.append(_grown(f"ingest of {rows:,} rows", ingested, None))
        more = costs[1][1].peak_mb - costs[0][1].peak_mb
        show(given, [*figures, Figure("the larger pass above the smaller", more, "MB", 50.0)])


def _grown(what: str, cost: Cost, budget: float | None) -> Figure:
    details = {"peak MB": cost.peak_mb, "start MB": cost.start_mb, "wall_s": cost.wall_s}
    return Figure(what, cost.grown_mb, "MB", budget, details=details)


def _passed(folder: Path, rows: int) -> tuple[Cost, Cost]:
    make_project(folder, DECLARATION)
    heavy(folder / "images", rows, CELL)
    return measure(_applied, folder, "pictures"), measure(_applied, folder, "bytes")


def _applied(folder: Path, step: str) -> Work:
    import cheap_passes  # noqa: F401
    import lance  # noqa: F401

    import mmreg.curation.apply
    import mmreg.sources.imagefolder  # noqa: F401

    return lambda: apply(folder, step)


if __name__ == "__main__":
    main()
