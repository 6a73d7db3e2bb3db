"""What a benchmark prints: one line a figure, beside its budget; as a table, or as JSON lines."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from measure import Comparison


@dataclass(frozen=True)
class Figure:
    """One measured figure. ``noise``: the last bare run over the first; ``None`` where there is nothing bare."""

    what: str
    value: float
    unit: str
    budget: float | None
    at_least: bool = False
    noise: float | None = None
    details: Mapping[str, float | int | str] = field(default_factory=dict)

    @property
    def kept(self) -> bool:
        if self.budget is None:
            return True
        return self.value >= self.budget if self.at_least else self.value <= self.budget


def ratio(what: str, compared: Comparison, budget: float | None, by: str = "cpu_s") -> Figure:
    """How often mmreg takes what bare does, by CPU seconds (or ``wall_s``)."""
    details = {f"ours {by}": compared.of_ours(by), f"bare {by}": compared.of_bare(by)}
    other = "wall_s" if by == "cpu_s" else "cpu_s"
    details |= {f"ours {other}": compared.of_ours(other), f"bare {other}": compared.of_bare(other)}
    return Figure(what, compared.ratio(by), "x", budget, noise=compared.noise(by), details=details)


@dataclass(frozen=True)
class Options:
    size: int
    json: bool
    work: Path


@contextmanager
def options(description: str | None, size: int, what: str = "rows") -> Iterator[Options]:
    """Parse the command line; ``work`` is an empty folder that is gone afterwards."""
    parser = argparse.ArgumentParser(description=(description or "").splitlines()[0])
    parser.add_argument("--size", type=int, default=size, metavar="N", help=f"{what} (default {size:,})")
    parser.add_argument("--json", action="store_true", help="print JSON lines")
    parser.add_argument("--work", type=Path, help="the folder to work below (default: the system's temporary)")
    given = parser.parse_args()
    work = Path(tempfile.mkdtemp(prefix="mmreg-bench-", dir=given.work))
    try:
        yield Options(given.size, given.json, work)
    finally:
        shutil.rmtree(work)


def show(options: Options, figures: list[Figure]) -> None:
    """Print ``figures``."""
    if options.json:
        for figure in figures:
            print(json.dumps({**asdict(figure), "kept": figure.kept, "size": options.size}))
        return
    rows: list[tuple[str, ...]] = [("", "measured", "budget", "", "noise", "")]
    rows += [_row(figure) for figure in figures]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    sys.stdout.flush()


def _row(figure: Figure) -> tuple[str, ...]:
    sign = ">=" if figure.at_least else "<="
    budget = "" if figure.budget is None else f"{sign} {figure.budget:g} {figure.unit}"
    noise = "" if figure.noise is None else f"{figure.noise:.2f}"
    details = ", ".join(f"{name} {_short(value)}" for name, value in figure.details.items())
    return (
        figure.what,
        f"{_short(figure.value)} {figure.unit}",
        budget,
        "ok" if figure.kept else "MISSED",
        noise,
        details,
    )


def _short(value: float | int | str) -> str:
    return (
        f"{value:.3g}"
        if isinstance(value, float) and value < 1000
        else f"{value:,.0f}"
        if isinstance(value, float)
        else str(value)
    )
