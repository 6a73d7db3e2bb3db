"""Expectations that nothing comes twice. As in GX all rows of a value that repeats are unexpected, also the first."""

from __future__ import annotations

from functools import partial

import numpy as np
import pyarrow as pa

from mmreg.schemas.check_spec import CheckSpec
from mmreg.validators.columns.digests import DigestSet, digests_of
from mmreg.validators.expectations.arguments import Asked, ForGreatExpectations
from mmreg.validators.expectations.ignored import counting, ignored_in_rows
from mmreg.validators.expectations.rows import Cells, OrderedRows, Question
from mmreg.validators.expectations.values import Bools, missing, without_nan


class Repeats(OrderedRows):
    """Rows are remembered as digests of 128 bits: 16 bytes for each that differs, and as many if it repeats.

    The first row of a value is known to repeat when the second one comes: it is counted then, and never shown.
    """

    samples = False

    def __init__(self, spec: CheckSpec, question: Question, mostly: float) -> None:
        super().__init__(spec, question, mostly)
        self._seen, self._repeated = DigestSet(), DigestSet()

    def judge(self, columns: Cells) -> tuple[Bools, Bools]:
        _, counts = self._question.judge(columns)
        rows = pa.array(counts)
        digests = digests_of([without_nan(column).filter(rows) for column in columns])
        again = self._seen.add(digests)
        firsts = int((~self._repeated.add(digests[:, again])).sum())
        self._tally.merge({"rows": 0, "examined": 0, "failed": firsts, "examples": []})
        unexpected = np.zeros_like(counts)
        unexpected[counts] = again
        return unexpected, counts


def unique(asked: Asked) -> Question:
    return _question(asked, (asked.path(),), "any_value_is_missing")


def compound_unique(asked: Asked) -> Question:
    return _question(asked, asked.paths(), ignored_in_rows(asked))


def _question(asked: Asked, paths: tuple[str, ...], ignore_row_if: str) -> Question:
    if any(pa.types.is_nested(asked.table.type(path)) for path in paths):
        raise ForGreatExpectations
    return Question(paths, partial(_counts, ignore_row_if), "values come more than once", "comes again", alone=False)


def _counts(ignore_row_if: str, columns: Cells) -> tuple[Bools, Bools]:
    counts = counting([missing(column) for column in columns], ignore_row_if)
    return counts, counts
