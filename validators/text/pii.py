"""pii: texts that hold personal data are rare."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from mmreg.errors import UsageError
from mmreg.schemas.check import CheckResult, Histogram
from mmreg.schemas.check_spec import CheckSpec
from mmreg.schemas.declared import Declared
from mmreg.validators.arguments import parse_arguments
from mmreg.validators.columns.kinds import demand, different, is_text, texts
from mmreg.validators.libraries import installed
from mmreg.validators.row_check import RowCheck
from mmreg.validators.table import Table
from mmreg.validators.tally import Tally
from mmreg.validators.text.personal import ENTITIES, USUAL, found, need_presidio
from mmreg.validators.unknown import unknown
from mmreg.validators.wilson import wilson


class Arguments(Declared):
    column: str
    entities: tuple[str, ...] = Field(USUAL, strict=False, min_length=1)
    max_rate: float = Field(0.001, ge=0, le=1)


class Pii(RowCheck):
    """The share of texts with e-mail addresses, phone numbers and the like is at most max_rate, with 95 % confidence.

    What is compared is the upper bound of Wilson's 95 % interval of the share (see `mmreg.validators.wilson`), as more
    rows from the same source are to be expected: with nothing found in n texts it is 3.84 / (n + 3.84), so that as long
    as this is above ``max_rate`` the answer is `insufficient`. Presidio's patterns and check digits find what is
    there; names are not looked for. Null is not examined. Nothing tells what was found, only in which sample.
    """

    version = f"1, {installed('presidio-analyzer', 'phonenumbers', 'tldextract')}"
    extra = "pii"

    def __init__(self, spec: CheckSpec, table: Table) -> None:
        arguments = parse_arguments(spec, Arguments)
        self._spec, self._column, self._max_rate = spec, arguments.column, arguments.max_rate
        demand("pii", table, self._column, is_text, "a column of texts")
        self._entities = tuple(dict.fromkeys(arguments.entities))
        for entity in self._entities:
            if entity not in ENTITIES:
                raise unknown("entity", entity, ENTITIES)
        if spec.max_failure_rate:
            raise UsageError("pii: how much may be found is its max_rate", hint=f"max_rate: {spec.max_failure_rate:g}")
        need_presidio()
        self.columns = (self._column,)
        self._tally = Tally(spec, self._column)
        self._found: Counter[str] = Counter()

    def update(self, batch: pa.RecordBatch) -> None:
        column = texts(batch, self._column)
        every, of_row = different(column)
        entities: dict[int, list[str]] = {}
        for entity in self._entities:
            rows = found(every, entity)
            self._found[entity] += int(np.isin(of_row, rows).sum())
            for one in rows:
                entities.setdefault(one, []).append(entity)
        lengths = pc.utf8_length(column)
        self._tally.add(
            batch,
            examined=len(column) - column.null_count,
            failed=pa.array(np.isin(of_row, list(entities))),
            describe=lambda row: (f"<{lengths[row]} characters>", ", ".join(entities[int(of_row[row])])),
        )

    def state(self) -> Mapping[str, Any]:
        return {**super().state(), "found": dict(self._found)}

    def merge(self, state: Mapping[str, Any]) -> None:
        super().merge(state)
        self._found.update(state["found"])

    def result(self) -> CheckResult:
        result = self._tally.result("texts hold personal data")
        if not result.examined:
            return result
        low, high = wilson(result.failed, result.examined)
        over = high > self._max_rate
        bound = f"at most {100 * high:.3g}% with 95% confidence, {100 * self._max_rate:.3g}% allowed"
        few = ": too few texts to say" if over and not result.failed else ""
        return replace(
            result,
            status="passed" if not over else "failed" if result.failed else "insufficient",
            message=f"{result.message}; {bound}{few}",
            interval=(low, high),
            numbers={"rate": result.failed / result.examined, "upper_bound": high},
            histograms=(self._drawn(),),
        )

    def _drawn(self) -> Histogram:
        counts = tuple(self._found[entity] for entity in self._entities)
        return Histogram(self._column, {"texts": counts}, labels=self._entities)
