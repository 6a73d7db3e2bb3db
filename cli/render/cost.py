"""What something has cost, as a table: `cost`."""

from __future__ import annotations

from collections.abc import Iterator

from mmreg.cli.render.layout import Cell, Line, Styled, render, table
from mmreg.cli.text import duration, plural
from mmreg.schemas.cost import Amount, Cost, CostLine

_TITLES = {
    "seconds": "TIME", "cpu_s": "CPU", "gpu_s": "GPU", "flops": "FLOPS", "calls": "CALLS", "tokens_in": "TOKENS IN",
    "tokens_out": "TOKENS OUT", "human_min": "PEOPLE",
}  # fmt: skip
_WORDS = {
    "seconds": "time", "cpu_s": "CPU time", "gpu_s": "GPU time", "flops": "FLOPs", "tokens_in": "tokens in",
    "tokens_out": "tokens out", "human_min": "people's minutes",
}  # fmt: skip


@render.register(Cost)
def _(value: Cost) -> Iterator[Line]:
    """A line a job, the total, and then what is in no sum."""
    known = [measure for measure, amount in value.total.amounts.items() if amount.known]
    yield (Styled(value.ref, "bold"), f"  {plural(value.total.runs, 'run')}, each counted once")
    if not value.total.runs:
        return
    yield ("",)
    headers = ("", value.by.upper(), "RUNS", *(_title(measure) for measure in known), "WAY")
    lines = [_cells(line, known) for line in value.lines]
    yield from table(headers, [*lines, [Styled("total", "bold"), *_cells(value.total, known)[1:-1], ""]])
    yield from _missing(value)


def _cells(line: CostLine, known: list[str]) -> list[Cell]:
    stopped = f" ({line.stopped} stopped)" if line.stopped else ""
    name = "" if line.name == "total" and not line.kind else line.name
    amounts = [_amount(measure, line.amounts.get(measure)) for measure in known]
    return [line.kind, name, f"{line.runs:,}{stopped}", *amounts, Styled(_way(line.way), "dim")]


def _missing(value: Cost) -> Iterator[Line]:
    if not value.uncounted and not value.untold:
        return
    yield ("",)
    if value.uncounted:
        told = ", ".join(f"{_word(measure)} of {plural(runs, 'run')}" for measure, runs in value.uncounted.items())
        yield (Styled("Counted by nobody: ", "yellow"), f"{told}.")
    if value.untold:
        yield (Styled("Not trained here, at a cost that nobody told: ", "yellow"), f"{', '.join(value.untold)}.")


def _title(measure: str) -> str:
    return _TITLES.get(measure) or measure.upper()


def _word(measure: str) -> str:
    return _WORDS.get(measure) or measure


def _amount(measure: str, amount: Amount | None) -> str:
    """Blank where it does not apply; ``?`` where nobody counted, also beside what somebody did."""
    if amount is None:
        return ""
    if not amount.known:
        return "?"
    return _told(measure, amount.value) + (" + ?" if amount.unknown else "")


def _told(measure: str, value: float) -> str:
    if measure in ("seconds", "cpu_s", "gpu_s"):
        return duration(value) if value >= 9.95 else f"{value:.1f} s" if value >= 0.95 else f"{value * 1000:.0f} ms"
    if measure == "human_min":
        return duration(value * 60)
    if measure == "flops":
        return f"{value:.3g}"
    if measure.startswith("money"):
        return f"{value:,.2f}" if value >= 1 or not value else f"{value:.4g}"
    return f"{value:,.0f}"


def _way(way: tuple[str, ...]) -> str:
    """From the first step to the last; the middle of a long one is counted."""
    steps = way if len(way) <= 4 else (*way[:2], f"… {len(way) - 3} more", way[-1])
    return " > ".join(steps)
