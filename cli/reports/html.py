"""The answer as one HTML file, to be opened from anywhere: no script, nothing fetched, pictures and plots inside.

What comes from data is text: jinja escapes it, and what steers a reader (controls, marks of direction) is spelled.
A policy in the file forbids scripts and every request, should all that fail.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import mmreg
from mmreg.cli.render import render
from mmreg.cli.render.layout import paint
from mmreg.cli.render.plans import cost, sign, summary
from mmreg.cli.reports.verdicts import (
    ID_DIGITS,
    VERDICTS,
    Verdict,
    counts,
    headline,
    next_command,
    notes,
    reuse,
    subject,
    title,
    told_of,
    verdict,
    worst_first,
)
from mmreg.cli.text import clean, clip, plural
from mmreg.errors import MissingExtra
from mmreg.schemas.check import CheckResult, ValidationReport
from mmreg.schemas.detail import Diff
from mmreg.schemas.gate import GateReport

try:
    import jinja2
    from markupsafe import Markup
except ImportError as missing:
    raise MissingExtra("the HTML report", extra="validate") from missing

if TYPE_CHECKING:
    from mmreg.cli.reports import Thumbnails

_SAMPLES = 12
_TEXT = 400
_PICTURE_BYTES = 8_000_000
"""Of all thumbnails together; the file is mailed and kept."""


@dataclass(frozen=True)
class Sample:
    """A failing sample: ``picture`` is a data address, or empty."""

    id: str
    value: str
    reason: str
    picture: str


@dataclass(frozen=True)
class Shown:
    """A check as the page shows it. ``anchor`` is its place in the page."""

    anchor: str
    verdict: Verdict
    title: str
    result: CheckResult
    message: str
    notes: list[str]
    command: str
    samples: list[Sample] = field(default_factory=list)
    plots: list[tuple[str, Markup]] = field(default_factory=list)

    @property
    def has_more(self) -> bool:
        return self.verdict != "passed" or bool(self.samples or self.plots)


def html(answer: GateReport, thumbnails: Thumbnails | None = None) -> str:
    """The page."""
    folder = Path(__file__).parent
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(folder),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    pictures = _Pictures(thumbnails)
    sections = [
        (subject(report), report, _section(report, n, pictures), reuse(report))
        for n, report in enumerate(answer.reports)
    ]
    page = environment.get_template("page.html.jinja")
    return page.render(
        answer=answer,
        headline=_headline(answer),
        counts=counts(answer),
        verdicts=VERDICTS,
        sections=sections,
        diffs=[(diff, list(_diff(diff))) for diff in answer.diffs],
        plan=_plan(answer),
        style=Markup((folder / "page.css").read_text()),
        version=mmreg.__version__,
        digits=ID_DIGITS,
    )


def _headline(answer: GateReport) -> str:
    """What was looked at; how many checks came to what is said beside it."""
    checks = sum(counts(answer).values())
    if not checks:
        return headline(answer)
    said = f"{plural(checks, 'check')} of {plural(len(answer.reports), 'dataset')}"
    return said if answer.fail_on == "error" else f"{said}, to fail on: {answer.fail_on}"


class _Pictures:
    """Thumbnails as data addresses, as long as there is room."""

    def __init__(self, thumbnails: Thumbnails | None) -> None:
        self._thumbnails, self._left = thumbnails, _PICTURE_BYTES

    def of(self, report: ValidationReport, column: str | None, results: Iterable[CheckResult]) -> Mapping[str, str]:
        """By sample id, of all samples that the checks of one column show: they are looked for together."""
        examples = [example for result in results for example in result.examples[:_SAMPLES]]
        ids = list(dict.fromkeys(example["sample_id"] for example in examples if example.get("sample_id")))
        if self._thumbnails is None or not ids or not report.version or self._left <= 0:
            return {}
        found = self._thumbnails(report.version, column, ids)
        self._left -= sum(map(len, found.values()))
        return {sample: f"data:image/jpeg;base64,{b64encode(data).decode()}" for sample, data in found.items()}


def _section(report: ValidationReport, number: int, pictures: _Pictures) -> list[Shown]:
    results = worst_first(report.results)
    columns = dict.fromkeys(result.column for result in results)
    found = {c: pictures.of(report, c, [r for r in results if r.column == c]) for c in columns}
    return [_check(report, result, f"c{number}-{n}", found[result.column]) for n, result in enumerate(results)]


def _check(report: ValidationReport, result: CheckResult, anchor: str, found: Mapping[str, str]) -> Shown:
    samples = [
        Sample(sample, clip(value, _TEXT), clip(reason, _TEXT), found.get(sample, ""))
        for example in filter(None, result.examples[:_SAMPLES])
        for sample, (value, reason) in [(example.get("sample_id", ""), told_of(example))]
    ]
    return Shown(
        anchor, verdict(result), clip(title(result), 160), result, clip(result.message, 3 * _TEXT), notes(result),
        clip(next_command(report, result), _TEXT), samples, list(_plots(result)),
    )  # fmt: skip


def _plots(result: CheckResult) -> Iterator[tuple[str, Markup]]:
    if not (result.histograms or result.groups):
        return
    from mmreg.cli.reports.plots import draw_groups, draw_histogram

    for histogram in result.histograms:
        yield clip(histogram.title, _TEXT), Markup(draw_histogram(histogram))
    if result.groups:
        yield "Share of each group, with its 95% interval", Markup(draw_groups(result.groups))


def _diff(diff: Diff) -> Iterator[tuple[str, str]]:
    """Its lines, each with the sign that it begins with."""
    for line in list(render(diff))[1:]:
        text = clip(paint(line, colour=False).removeprefix("  "), _TEXT)
        yield {"+": "more", "-": "less", "~": "other"}.get(text[:1], ""), text


def _plan(answer: GateReport) -> dict[str, Any]:
    if answer.plan is None:
        return {"summary": answer.no_plan, "steps": []}
    steps = [step for step in answer.plan.steps if step.action != "nothing"]
    return {"summary": summary(answer.plan), "steps": [(sign(step).text, step, cost(step)) for step in steps]}


def _shown(value: object) -> object:
    """What the template prints, before it is escaped."""
    return clean(value) if isinstance(value, str) and not isinstance(value, Markup) else value
