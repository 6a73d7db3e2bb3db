"""What checks measured, drawn: SVG without a script, in colours that stand on light and on dark ground."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from mmreg.cli.text import clean, clip
from mmreg.errors import MissingExtra
from mmreg.schemas.check import Group, Histogram

try:
    import altair as alt
    import vl_convert  # noqa: F401  # draws what altair describes; its absence would else show much later
except ImportError as missing:
    raise MissingExtra("the HTML report", extra="validate") from missing

_SERIES = ("#3b7dd8", "#c9772b", "#2e9a6b", "#b1559c")
_WIDTH, _HEIGHT = 270, 120
_BARS = 20
_LABEL = 22


def draw_histogram(histogram: Histogram) -> str:
    """An SVG element: bars of counts; of several series bars of shares, one behind the other."""
    several = len(histogram.counts) > 1
    binned = len(histogram.edges) > 1 and all(map(math.isfinite, histogram.edges))
    labels = _unique(histogram.labels or _between(histogram.edges))
    rows = []
    for name, counts in histogram.counts.items():
        whole = (sum(counts) or 1) if several else 1
        for place, count in list(enumerate(counts))[: None if binned else _BARS]:
            row = {"series": _label(name), "amount": count / whole}
            if binned:
                row |= {"low": histogram.edges[place], "high": histogram.edges[place + 1]}
            else:
                row |= {"label": labels[place] if place < len(labels) else str(place + 1)}
            rows.append(row)
    angle = 0 if len(labels) <= 6 and all(len(label) <= 8 for label in labels) else -35
    across = (
        {"x": _axis(histogram), "x2": "high:Q"}
        if binned
        else {"x": alt.X("label:N", sort=None, title=None, axis=alt.Axis(labelAngle=angle, labelLimit=110))}
    )
    amount = alt.Y("amount:Q", stack=None, title=None, axis=alt.Axis(tickCount=4, format="~%" if several else "~s"))
    legend = alt.Legend(orient="top", title=None, labelLimit=150) if several else None
    colour = alt.Color("series:N", sort=None, scale=alt.Scale(range=list(_SERIES)), legend=legend)
    chart = _chart(rows)
    opacity = 0.6 if several else 1
    bars = chart.mark_rect(opacity=opacity) if binned else chart.mark_bar(opacity=opacity)
    ground = {"y2": alt.datum(0)} if binned else {}
    return _svg(bars.encode(y=amount, color=colour, **across, **ground), _HEIGHT, histogram.title)


def draw_groups(groups: Sequence[Group]) -> str:
    """An SVG element: for each group its share, with the 95% interval around it."""
    names = _unique([group.name for group in groups[:_BARS]])
    rows = [
        {"name": name, "rate": group.rate, "low": group.low, "high": group.high, "status": group.status}
        for name, group in zip(names, groups, strict=False)
        if all(map(math.isfinite, (group.rate, group.low, group.high)))
    ]
    chart = _chart(rows)
    name = alt.Y("name:N", sort=None, title=None, axis=alt.Axis(labelLimit=150))
    share = alt.Axis(format="~%", tickCount=5)
    states = alt.Scale(domain=["passed", "failed", "insufficient"], range=["#3b7dd8", "#d1453b", "#8a8f98"])
    colour = alt.Color("status:N", scale=states, legend=None)
    interval = chart.mark_rule(strokeWidth=2).encode(alt.X("low:Q", title=None, axis=share), name, colour, x2="high:Q")
    point = chart.mark_circle(size=55, opacity=1).encode(alt.X("rate:Q"), name, colour)
    return _svg(interval + point, 24 * max(len(rows), 1), "Share of each group, with its 95% interval")


def _chart(rows: list[dict[str, Any]]) -> alt.Chart:
    return alt.Chart(alt.Data(values=rows))  # type: ignore[no-untyped-call]  # altair says nothing of Data's types


def _svg(chart: alt.Chart | alt.LayerChart, height: int, title: str) -> str:
    drawn = chart.properties(width=_WIDTH, height=height, background="transparent")
    drawn = (
        drawn.configure_view(stroke=None)
        .configure_axis(gridOpacity=0.5, labelFontSize=11)
        .configure_legend(labelFontSize=11)
    )
    file = io.StringIO()
    drawn.save(file, format="svg")
    # One picture with one name to who cannot see it. What Vega says of each bar would be read out bar by bar.
    bare = re.sub(r' (?:aria-[a-z]+|role)="[^"]*"', "", file.getvalue())
    return bare.replace("<svg ", f'<svg role="img" aria-label="{_attribute(title)}" ', 1)


def _axis(histogram: Histogram) -> alt.X:
    """Logarithmic where otherwise half of what there is would be in the first twentieth of it."""
    edges, counts = histogram.edges, histogram.counts.values()
    near = sum(edge <= edges[-1] / 20 for edge in edges) - 1
    crowded = edges[0] >= 0 and near > 0 and 2 * sum(sum(one[:near]) for one in counts) > sum(map(sum, counts))
    if not crowded:
        return alt.X("low:Q", title=None, axis=alt.Axis(tickCount=5, format="~s"))
    powers = [10.0**power for power in range(math.ceil(math.log10(max(edges[-1], 1))) + 1)]
    return alt.X(
        "low:Q",
        title=None,
        scale=alt.Scale(type="symlog"),
        axis=alt.Axis(values=[0, *powers], labelExpr="format(datum.value, '~s')"),
    )


def _between(edges: Sequence[float]) -> list[str]:
    return [f"{low:.3g} to {high:.3g}" for low, high in pairwise(edges)]


def _unique(names: Sequence[str]) -> list[str]:
    """Labels that differ: equal ones would be drawn on top of each other."""
    labels: list[str] = []
    for name in map(_label, names):
        labels.append(name if name not in labels else f"{name} ({len(labels) + 1})")
    return labels


def _label(text: str) -> str:
    return clean(clip(text, _LABEL)) or "–"


def _attribute(text: str) -> str:
    return clean(clip(text, 200)).replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")
