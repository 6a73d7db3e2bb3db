"""What a query found, as a table, as JSON lines or as CSV, and which views there are: `sql`."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from mmreg.cli.plain import to_json
from mmreg.cli.render.layout import Line, Styled, render, render_list, table
from mmreg.cli.render.rows import Rows
from mmreg.schemas.views import Table, View


@dataclass(frozen=True)
class Written:
    """Lines that are made as the rows are read."""

    lines: Iterable[str]


def written(found: Table, form: str) -> Rows | Written:
    """``found`` as ``form`` wants it: jsonl, csv, or rows like any others."""
    if form == "csv":
        return Written(_csv(found))
    rows = (dict(zip(found.columns, row, strict=True)) for row in found.rows)
    return Written(to_json(row, indent=None) for row in rows) if form == "jsonl" else Rows(rows)


@render.register(Written)
def _(value: Written) -> Iterator[Line]:
    return ((line,) for line in value.lines)


@render_list.register(View)
def _(first: View, values: Sequence[View]) -> Iterator[Line]:
    for view in values:
        yield (Styled(view.name, "bold"), f"  {view.meaning}")
        yield from table(
            ("  COLUMN", "TYPE", "MEANING"), ((f"  {c.name}", Styled(c.type, "dim"), c.meaning) for c in view.columns)
        )
        yield ("",)


def _csv(found: Table) -> Iterator[str]:
    """A header and a line for each row; null is empty."""
    row: Sequence[Any]
    for row in _with_header(found):
        line = io.StringIO()
        csv.writer(line, lineterminator="").writerow(row)
        yield line.getvalue()


def _with_header(found: Table) -> Iterator[Sequence[Any]]:
    yield found.columns
    yield from found.rows
