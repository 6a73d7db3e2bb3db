"""How the engine's work grows with the rows: the same steps over 10^4 and 10^6 texts, calls counted by the pass.

A full pass, nothing new, 1% more rows in a file of their own, a changed recipe, a selection, another threshold. With
``--size N`` the larger table has N rows and the smaller one a hundredth.
"""

from __future__ import annotations

from pathlib import Path

import texts
from measure import Cost, Work, measure
from projects import make_project
from report import Figure, options, show

STEPS = (
    ("a full pass", 0, 10, {"length": True}),
    ("run again, nothing new", 0, 10, {"length": True}),
    ("1% more rows, read", 1, 10, {"texts": True}),
    ("1% more rows, computed", 1, 10, {"length": True}),
    ("the recipe changed", 1, 20, {"length": True}),
    ("a first selection", 1, 20, {"keep": 40}),
    ("another threshold", 1, 20, {"keep": 50}),
)
"""Name, whether the appended rows are there, the recipe's parameter, and what is applied."""


def main() -> None:
    with options(__doc__, 1_000_000, "rows of the larger table") as given:
        sizes = (given.size // 100, given.size)
        costs = [_story(given.work / str(rows), rows) for rows in sizes]
        figures = []
        for title, *_ in STEPS:
            small, large = (cost[title] for cost in costs)
            figures.append(_figure(title, sizes[1], large, small))
        show(given, figures)


def _figure(title: str, rows: int, large: Cost, small: Cost) -> Figure:
    details = {
        "calls": large.value, "of the smaller": small.value, "cpu_s": large.cpu_s, "smaller cpu_s": small.cpu_s,
        "grown MB": large.grown_mb, "smaller grown MB": small.grown_mb,
    }  # fmt: skip
    return Figure(f"{title}, {rows:,} rows / a hundredth", large.cpu_s / small.cpu_s, "x CPU", None, details=details)


def _story(folder: Path, rows: int) -> dict[str, Cost]:
    make_project(folder, _declared(10, 40))
    (folder / "texts").mkdir()
    texts.write(folder / "texts" / "first.parquet", 0, rows)
    measure(_applied, folder, ["texts"])
    costs = {}
    for title, appended, add, what in STEPS:
        least = next((value for value in what.values() if value is not True), 40)
        make_project(folder, _declared(add, int(least)))
        more = folder / "texts" / "more.parquet"
        if appended and not more.exists():
            texts.write(more, rows, rows // 100)
        costs[title] = measure(_applied, folder, list(what))
    return costs


def _declared(add: int, least: int) -> dict[str, object]:
    passes = {
        "length": {"from": "texts", "use": "cheap_passes:TextLength", "inputs": {"text": "caption"},
                   "params": {"add": add}},
        "keep": {"from": "texts", "into": "kept", "use": "filter", "where": f"n_chars >= {least}"},
    }  # fmt: skip
    declared = texts.declaration(passes)
    declared["datasets"]["texts"]["source"]["path"] = "texts"
    return declared


def _applied(folder: Path, select: list[str]) -> Work:
    """Its value: the rows that the pass was called with."""
    import cheap_passes
    import lance  # noqa: F401

    from mmreg.curation.apply import apply
    from mmreg.registry.api import Registry

    called = []
    real = cheap_passes.TextLength.__call__

    def counted(self: cheap_passes.TextLength, batch: cheap_passes.pa.RecordBatch) -> cheap_passes.pa.RecordBatch:
        called.append(batch.num_rows)
        return real(self, batch)

    cheap_passes.TextLength.__call__ = counted  # type: ignore[method-assign]
    registry = Registry.open(folder)

    def work() -> int:
        apply(registry, select)
        return sum(called)

    return work


if __name__ == "__main__":
    main()
