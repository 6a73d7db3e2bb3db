"""Counting failures, keeping the first few, and saying what came of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from mmreg.schemas.check import CheckResult
from mmreg.schemas.check_spec import CheckSpec

_SHORT = 60
_SHORT_BYTES = 32

Example = Mapping[str, str]


class Tally:
    """What a check of single rows has seen so far: three numbers and a few examples."""

    def __init__(self, spec: CheckSpec, column: str) -> None:
        self._spec, self._column = spec, column
        self._rows = self._examined = self._failed = 0
        self._examples: list[Example] = []

    def add(
        self,
        batch: pa.RecordBatch,
        *,
        examined: int,
        failed: pa.BooleanArray,
        describe: Callable[[int], tuple[str, str]],
    ) -> None:
        """Count one batch; ``describe`` gives short value and reason of a row that becomes an example."""
        self._rows += batch.num_rows
        self._examined += examined
        rows = pc.indices_nonzero(failed)
        self._failed += len(rows)
        for row in rows.to_numpy()[: self._spec.examples - len(self._examples)].tolist():
            self._examples.append(example(batch, row, *describe(row)))

    def state(self) -> dict[str, Any]:
        """The numbers and which samples became examples; not their cells."""
        shown = [{key: value for key, value in one.items() if key != "value"} for one in self._examples]
        return {"rows": self._rows, "examined": self._examined, "failed": self._failed, "examples": shown}

    def merge(self, state: Mapping[str, Any]) -> None:
        """Count what another tally counted of the rows that come next."""
        self._rows += state["rows"]
        self._examined += state["examined"]
        self._failed += state["failed"]
        self._examples += state["examples"][: self._spec.examples - len(self._examples)]

    def result(self, failing: str) -> CheckResult:
        """The verdict; ``failing`` says of failures what they are: "values are null"."""
        if self._rows and not self._examined:
            message = f"nothing to examine: {self._rows:,} rows, all null"
        else:
            message = share(self._spec, self._examined, self._failed, failing)
        return verdict(self._spec, self._column, self._examined, self._failed, message, self._examples)


def example(batch: pa.RecordBatch, row: int, value: str, reason: str) -> Example:
    """One failing sample as a report shows it."""
    return {
        "sample_id": batch.column("sample_id")[row].as_py().hex(),
        "value": value,
        "reason": reason,
    }


def share(spec: CheckSpec, examined: int, failed: int, failing: str) -> str:
    """``3 of 1,000 values are null (0.3%, 1% allowed)``."""
    if not examined:
        return "no rows"
    message = f"{failed:,} of {examined:,} {failing}"
    if not failed:
        return message
    allowed = f", {100 * spec.max_failure_rate:.3g}% allowed" if spec.max_failure_rate else ""
    return f"{message} ({100 * failed / examined:.3g}%{allowed})"


def verdict(
    spec: CheckSpec,
    column: str | None,
    examined: int,
    failed: int,
    message: str,
    examples: Sequence[Example] = (),
) -> CheckResult:
    """The result of ``spec``: failed where the share of failures is above what it allows."""
    return CheckResult(
        check=spec.check,
        status="failed" if examined and failed / examined > spec.max_failure_rate else "passed",
        severity=spec.severity,
        examined=examined,
        failed=failed,
        message=message,
        column=column,
        max_failure_rate=spec.max_failure_rate,
        arguments=spec.arguments,
        examples=tuple(examples),
    )


def short(value: object) -> str:
    """A value in one short line. Bytes are shown only where they are few enough to be a key or a digest."""
    match value:
        case None:
            return "null"
        case bytes():
            return value.hex() if len(value) <= _SHORT_BYTES else f"<{len(value):,} bytes>"
        case str():
            text = repr(value[:_SHORT])
        case _:
            text = str(value)
    return text if len(text) <= _SHORT else f"{text[: _SHORT - 1]}…"
