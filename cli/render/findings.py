"""``doctor DATASET`` as text."""

from __future__ import annotations

from collections.abc import Iterator

from mmreg.cli.render.layout import Line, Styled, render
from mmreg.cli.text import clip, plural
from mmreg.schemas.diagnosis import DatasetReport, Diagnosis


@render.register(DatasetReport)
def _(value: DatasetReport) -> Iterator[Line]:
    yield (Styled(value.version, "bold"), f"  {plural(value.rows, 'row')}")
    for finding in value.findings:
        yield from _finding(finding)
    for code, why in value.unanswered.items():
        yield (Styled(f"not asked  {code}: {why}", "dim"),)
    yield ("Nothing is wrong with it.",) if value.ok else (Styled("It needs a hand.", "red"),)


def _finding(finding: Diagnosis) -> Iterator[Line]:
    mark = Styled("noted  ", "cyan") if finding.note else Styled("found  ", "red")
    yield (mark, Styled(finding.code, "bold"), f"  {finding.message}")
    for example in finding.examples:
        named = example.get("sample_id") or example.get("ref") or example.get("source", "")
        told = f"{clip(named, 60)}  {clip(example.get('value', ''), 40)}  {clip(example.get('reason', ''), 80)}"
        yield (Styled(f"         {told}", "dim"),)
    yield ("       Cure: ", finding.cure)
