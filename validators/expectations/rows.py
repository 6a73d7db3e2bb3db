"""Expectations about every row: a question over batches, and the check that counts its answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa

from mmreg.schemas.check import CheckResult
from mmreg.schemas.check_spec import CheckSpec
from mmreg.validators.expectations.answer import Answer, counted, mostly_met, told_of_rows
from mmreg.validators.expectations.values import Bools, missing, present
from mmreg.validators.row_check import RowCheck
from mmreg.validators.table import cells
from mmreg.validators.tally import Tally, short

Cells: TypeAlias = "Sequence[pa.Array[Any]]"


@dataclass(frozen=True)
class Question:
    """``judge`` says of every row whether it is unexpected, and whether it counts at all.

    ``failing`` ends "3 of 10 ...", ``reason`` is said of one row. ``alone``: each row is judged by itself.
    """

    paths: tuple[str, ...]
    judge: Callable[[Cells], tuple[Bools, Bools]]
    failing: str
    reason: str
    alone: bool = True


def of_present(fine: Callable[[pa.Array[Any]], Bools]) -> Callable[[Cells], tuple[Bools, Bools]]:
    """Judge the cells of one column; missing ones do not count, and ``fine`` sees the others alone."""

    def judge(columns: Cells) -> tuple[Bools, Bools]:
        (column,) = columns
        absent = missing(column)
        unexpected = np.zeros(len(column), dtype=np.bool_)
        unexpected[~absent] = ~fine(present(column, absent))
        return unexpected, ~absent

    return judge


class OrderedRows:
    """An expectation about rows in their order: what it saw of one part depends on the parts before."""

    media = False
    samples = False

    def __init__(self, spec: CheckSpec, question: Question, mostly: float) -> None:
        self._spec, self._question, self._mostly = spec, question, mostly
        self.columns = tuple(dict.fromkeys(question.paths))
        self._tally = Tally(spec, ", ".join(path.removesuffix(".sha256") for path in question.paths))

    def update(self, batch: pa.RecordBatch) -> None:
        columns = [cells(batch, path) for path in self._question.paths]
        unexpected, counts = self.judge(columns)
        self._tally.add(
            batch,
            examined=int(counts.sum()),
            failed=pa.array(unexpected),
            describe=lambda row: (", ".join(short(c[row].as_py()) for c in columns), self._question.reason),
        )

    def judge(self, columns: Cells) -> tuple[Bools, Bools]:
        """Which rows are unexpected, and which count."""
        return self._question.judge(columns)

    def answer(self) -> Answer:
        """As GX counts and judges it."""
        seen = self._tally.state()
        good = mostly_met(seen["examined"], seen["failed"], self._mostly)
        return Answer(good, counted(self._tally), self._question.failing)

    def result(self) -> CheckResult:
        return told_of_rows(self._spec, self._tally, self._question.failing, self._mostly, "streamed")


class SingleRows(OrderedRows, RowCheck):
    """An expectation that judges each row by itself: parts of a version may be seen apart."""

    version = "1"
    samples = True
