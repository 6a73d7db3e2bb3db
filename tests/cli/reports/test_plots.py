"""Plots can be read whatever was measured."""

from __future__ import annotations

from itertools import pairwise

from mmreg.cli.reports.plots import draw_histogram
from mmreg.schemas.check import Histogram

POWERS = tuple(float(2**power) for power in range(18))


def labels(histogram: Histogram) -> list[str]:
    return [text.partition("<")[0] for text in draw_histogram(histogram).split(">") if "</text" in text]


def test_what_is_crowded_at_the_low_end_is_spread_by_powers_of_ten() -> None:
    crowded = Histogram("blur", {"now": (1, 2, 3, 500, 600, 700, 300, 9, 2, *[0] * 7, 1)}, POWERS)
    assert {"10", "100", "1k", "10k", "100k"} <= set(labels(crowded))


def test_what_is_spread_evenly_has_an_even_axis() -> None:
    even = Histogram("score", {"now": (5, 6, 7, 6)}, (0.0, 0.25, 0.5, 0.75, 1.0))
    ticks = [float(label) for label in labels(even)[:6] if label[0] in "01"]
    assert ticks == sorted(ticks) and ticks[-1] == 1
    assert len({round(b - a, 9) for a, b in pairwise(ticks)}) == 1
