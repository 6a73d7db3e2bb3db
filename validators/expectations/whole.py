"""Expectations about a version as a whole: a measure over batches, and the check that judges it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Protocol

import pyarrow as pa

from mmreg.schemas.check import CheckResult
from mmreg.schemas.check_spec import CheckSpec
from mmreg.validators.expectations.answer import Answer, told
from mmreg.validators.table import cells


class Measure(Protocol):
    """Sees the cells of one column batch by batch, and whose they are; then it has an answer.

    Without ``paths`` it sees nothing.
    """

    @property
    def paths(self) -> tuple[str, ...]: ...

    def add(self, column: pa.Array[Any], samples: pa.Array[Any]) -> None: ...

    def answer(self) -> Answer: ...


class PartedMeasure(Measure, Protocol):
    """A measure that adds up from parts, whose state has no cell in it."""

    def state(self) -> Mapping[str, Any]: ...

    def merge(self, state: Mapping[str, Any]) -> None: ...


class Whole:
    """An expectation about a version as a whole."""

    media = False

    def __init__(self, spec: CheckSpec, measure: Measure, *, samples: bool) -> None:
        self._spec, self._measure, self.samples = spec, measure, samples
        self.columns = measure.paths

    def update(self, batch: pa.RecordBatch) -> None:
        for path in self.columns:
            self._measure.add(cells(batch, path), batch.column("sample_id"))

    def answer(self) -> Answer:
        return self._measure.answer()

    def result(self) -> CheckResult:
        column = self._spec.arguments.get("column")
        return told(self._spec, column, "streamed", self.answer())


class PartedWhole(Whole):
    """An expectation about a version as a whole whose measure adds up from parts."""

    version: ClassVar[str] = "1"

    def __init__(self, spec: CheckSpec, measure: PartedMeasure, *, samples: bool) -> None:
        super().__init__(spec, measure, samples=samples)
        self._parts = measure

    def state(self) -> Mapping[str, Any]:
        return self._parts.state()

    def merge(self, state: Mapping[str, Any]) -> None:
        self._parts.merge(state)
