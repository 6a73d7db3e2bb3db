"""Expectations that only Great Expectations itself can answer: over the few columns they are about, held in memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from mmreg.errors import UsageError
from mmreg.schemas.check import CheckResult
from mmreg.validators.expectations.answer import Answer, told, told_of_rows
from mmreg.validators.expectations.arguments import Asked
from mmreg.validators.expectations.conditions import condition_columns
from mmreg.validators.expectations.library import ask, expectation
from mmreg.validators.table import cells
from mmreg.validators.tally import Tally, short

if TYPE_CHECKING:
    import pandas as pd

MOST_BYTES = 256 * 1024**2
"""As many bytes of Arrow are collected at most; pandas takes several times as many."""

_COLUMNS = ("column", "column_A", "column_B")


class Collected:
    """Collects its columns, and then asks GX. Of media there are digests, of lists and structs Python values."""

    media = False

    def __init__(self, name: str, asked: Asked, *, samples: bool) -> None:
        self.samples = samples
        self._asked = asked
        self._labels = tuple(dict.fromkeys(_labels(asked)))
        self._paths = tuple(map(asked.table.key, self._labels))
        self.columns = tuple(dict.fromkeys(self._paths)) or ("sample_id",)
        self._mostly = asked.mostly()
        arguments = {key: value for key, value in asked.spec.arguments.items() if value is not None}
        self._expected = expectation(asked.spec.check, name, arguments)
        self._batches: list[pa.RecordBatch] = []
        self._bytes = 0

    def update(self, batch: pa.RecordBatch) -> None:
        kept = {label: cells(batch, path) for label, path in zip(self._labels, self._paths, strict=True)}
        self._batches.append(pa.record_batch({"sample_id": batch.column("sample_id"), **kept}))
        self._bytes += self._batches[-1].nbytes
        if self._bytes > MOST_BYTES:
            raise UsageError(
                f"{self._asked.spec.check} needs {', '.join(self._labels)} in memory, which is more than"
                f" {MOST_BYTES // 1024**2} MiB",
                hint="sample: 100000" if self.samples else None,
            )

    def answer(self) -> Answer:
        """As GX says it."""
        found = ask(self._asked.spec.check, self._expected, self._frame(), self._asked.spec.examples)
        return Answer(found["success"], found, _message(found))

    def result(self) -> CheckResult:
        spec, answer = self._asked.spec, self.answer()
        found = answer.result
        if "element_count" not in found:
            return told(spec, spec.arguments.get("column"), "great_expectations", answer)
        tally = Tally(spec, ", ".join(self._labels))
        examined = found["element_count"] - found.get("missing_count", 0)
        failed = found["unexpected_count"]
        counts = {"rows": found["element_count"], "examined": examined, "failed": failed}
        tally.merge({**counts, "examples": list(self._examples(found))})
        result = told_of_rows(spec, tally, "values are not as expected", self._mostly, "great_expectations")
        if spec.max_failure_rate:
            return result
        return replace(result, status="passed" if answer.success else "failed")

    def _frame(self) -> pd.DataFrame:
        import pandas as pd

        schema = self._batches[0].schema if self._batches else self._schema()
        table = pa.Table.from_batches(self._batches, schema)
        plain = [label for label in self._labels if not pa.types.is_nested(table.schema.field(label).type)]
        frame = table.select(plain).to_pandas() if plain else pd.DataFrame(index=range(table.num_rows))
        for label in self._labels:
            if label not in plain:
                frame[label] = pd.Series(table.column(label).to_pylist(), dtype=object)
        return frame[list(self._labels)]

    def _schema(self) -> pa.Schema:
        types = {label: self._asked.table.type(path) for label, path in zip(self._labels, self._paths, strict=True)}
        return pa.schema({"sample_id": pa.binary(16), **types})

    def _examples(self, found: Any) -> Iterator[dict[str, str]]:
        rows = found.get("partial_unexpected_index_list") or ()
        table = pa.Table.from_batches(self._batches, None if self._batches else self._schema())
        for row in rows:
            value = ", ".join(short(table.column(label)[row].as_py()) for label in self._labels)
            whose = table.column("sample_id")[row].as_py().hex()
            yield {"sample_id": whose, "value": value, "reason": "not as expected"}


def _labels(asked: Asked) -> Iterator[str]:
    """Every column that an argument names, or a condition."""
    yield from (asked.spec.arguments[name] for name in _COLUMNS if name in asked.spec.arguments)
    yield from asked.get("column_list", ())
    yield from condition_columns(asked)


def _message(found: Any) -> str:
    observed = found.get("observed_value")
    if isinstance(observed, int | float) and not isinstance(observed, bool):
        return f"observed {observed:.6g}"
    return "as expected" if found["success"] else "not as expected"
