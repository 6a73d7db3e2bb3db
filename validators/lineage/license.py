"""lineage.license: the terms of all that the version was made from."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pyarrow as pa
from pydantic import Field

from mmreg.errors import UsageError
from mmreg.schemas.cells import values
from mmreg.schemas.check import CheckResult, Histogram
from mmreg.schemas.check_spec import CheckSpec
from mmreg.schemas.declared import Declared
from mmreg.schemas.terms import UNKNOWN, allowed, kind, most_restrictive
from mmreg.validators.arguments import parse_arguments
from mmreg.validators.table import Table, cells
from mmreg.validators.tally import Example, example, share, short, verdict

_SHOWN = 20
"""Licences of rows in the histogram."""


class Arguments(Declared):
    allow: tuple[str, ...] = Field(strict=False, min_length=1)
    column: str | None = None


class License:
    """The licence of every dataset and model that it was made from, and of every row, is one of those in allow.

    A licence that nobody declared is `unknown`, and fails unless ``allow`` has it. ``column`` has the licences of rows:
    each counts in the place of those of the version's own roots, which stand only for rows without one. Examined are
    licences, each once for each dataset or model, and once for all rows that have it.
    """

    media = False

    def __init__(self, spec: CheckSpec, table: Table) -> None:
        asked = parse_arguments(spec, Arguments)
        self._spec, self._table, self._allow, self._column = spec, table, asked.allow, asked.column
        if self._column is not None and not _is_text(table.type(self._column)):
            raise UsageError(f"lineage.license: {self._column} is {table.type(self._column)}, no text")
        self.columns = (self._column,) if self._column is not None else ()
        self._rows: Counter[str | None] = Counter()
        self._examples: list[Example] = []

    def update(self, batch: pa.RecordBatch) -> None:
        assert self._column is not None
        found = [text if text and text.strip() else None for text in values(cells(batch, self._column))]
        self._rows.update(found)
        wrong = {text for text in set(found) - {None} if not allowed(text, self._allow)}
        left = self._spec.examples - len(self._examples)
        for row in [row for row, text in enumerate(found) if text in wrong][:left]:
            self._examples.append(example(batch, row, short(found[row]), "its licence is not allowed"))

    def result(self) -> CheckResult:
        world = self._table.around(self._spec.check)
        own = {root.ref.partition("@")[0] for root in world.roots()}
        stands = self._column is None or None in self._rows or not self._rows
        found: list[tuple[str | None, str]] = [
            (license, origin.ref)
            for origin, license in world.licenses()
            if stands or origin.kind != "version" or origin.name not in own
        ]
        found += [(text, f"{rows:,} rows") for text, rows in self._rows.most_common() if text is not None]
        wrong = [(license, of) for license, of in found if not allowed(license, self._allow)]
        message = share(self._spec, len(found), len(wrong), "licences are not allowed")
        if wrong:
            message += ": " + ", ".join(f"{license or UNKNOWN} ({of})" for license, of in wrong)
        if found:
            most = most_restrictive(license for license, _ in found)
            message += f"; the most restrictive is {most or UNKNOWN}" + (f" ({kind(most)})" if most else "")
        result = verdict(self._spec, self._column, len(found), len(wrong), message, self._examples)
        return replace(result, histograms=(self._spread(),)) if self._rows else result

    def _spread(self) -> Histogram:
        shown = self._rows.most_common(_SHOWN)
        others = self._rows.total() - sum(rows for _, rows in shown)
        told = [*((text or UNKNOWN, rows) for text, rows in shown), *([("others", others)] if others else [])]
        return Histogram("licences", {"rows": tuple(n for _, n in told)}, labels=tuple(name for name, _ in told))


def _is_text(dtype: pa.DataType) -> bool:
    return pa.types.is_string(dtype) or pa.types.is_large_string(dtype)
