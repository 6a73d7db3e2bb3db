"""What the computing of one run has come to, and whether it is well enough to go on."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mmreg.curation.bind import BoundPass
from mmreg.curation.sanity import Sanity
from mmreg.errors import PassFailed
from mmreg.schemas.arrow import ERROR
from mmreg.schemas.cells import child

TRIAL_ROWS = 100
"""The error rate is judged from this many rows on."""


class Account:
    """Counts rows: ``computed`` by a call now, ``found`` staged by a run before, ``taken`` over from other rows.

    ``errors`` are of those computed. ``outcomes`` says by fragment how many rows are done and how many failed.
    ``beside`` are rows done before that count where the share of errors is judged while the run lasts: a run over
    rows that failed before would else look sick whatever is well.
    """

    def __init__(self, bound: BoundPass, beside: int = 0) -> None:
        self._bound, self._beside, self._sanity = bound, beside, Sanity(bound)
        self._last_error = ""
        self._failed: dict[int, list[NDArray[np.uint64]]] = {}
        self.computed = self.found = self.taken = self.errors = 0
        self.outcomes: dict[int, tuple[int, int]] = {}

    def add(self, fragments: NDArray[np.int64], staged: pa.RecordBatch) -> int:
        """Count results that were computed, and return how many of them failed.

        Raises `PassFailed` where too many have, or where an answer is none that a working pass gives.
        """
        self._sanity.add(staged)
        failed = 0
        for number in np.unique(fragments).tolist():
            wrong = self._count(number, staged.filter(pa.array(fragments == number)))
            if len(wrong):
                self._failed.setdefault(number, []).append(wrong)
            failed += len(wrong)
        self.computed += staged.num_rows
        self.errors += failed
        self._refuse_errors()
        return failed

    def find(self, number: int, staged: pa.RecordBatch) -> NDArray[np.uint64]:
        """Count results of rows of one fragment that were staged before, and return which of them failed."""
        self._sanity.add(staged)
        self.found += staged.num_rows
        return self._count(number, staged)

    def take(self, number: int, staged: pa.RecordBatch) -> None:
        """Count rows of one fragment that took over what was answered for others."""
        self.taken += staged.num_rows
        self._count(number, staged)

    def forget(self, number: int, failed: NDArray[np.uint64]) -> None:
        """Failed rows of one fragment that were found are to be computed again."""
        self.found -= len(failed)
        self._withdraw(number, len(failed))

    def forget_failed(self) -> dict[int, NDArray[np.uint64]]:
        """All failed rows that were computed are to be computed again: these, by fragment."""
        failed = {number: np.concatenate(rows) for number, rows in self._failed.items()}
        for number, rows in failed.items():
            self.computed -= len(rows)
            self.errors -= len(rows)
            self._withdraw(number, len(rows))
        self._failed.clear()
        return failed

    def close(self, failed_before: int, wanted: int) -> None:
        """Judge the whole pass: of all ``wanted`` rows too many may end in an error, or all in the same answer.

        Raises `PassFailed`.
        """
        self._sanity.close()
        self._refuse_sick(failed_before + sum(failed for _, failed in self.outcomes.values()), wanted)

    def _count(self, number: int, staged: pa.RecordBatch) -> NDArray[np.uint64]:
        """Count results of one fragment as an outcome, and return the rows that failed."""
        state = staged.column(self._bound.state)
        failed = np.equal(child(state, "state").to_numpy(), ERROR)
        if failed.any():
            self._last_error = str(child(state, "error").drop_null()[-1].as_py())
        done, wrong = self.outcomes.get(number, (0, 0))
        self.outcomes[number] = (done + int((~failed).sum()), wrong + int(failed.sum()))
        row_ids: NDArray[np.uint64] = staged.column("_rowid").to_numpy()[failed]
        return row_ids

    def _withdraw(self, number: int, failed: int) -> None:
        done, wrong = self.outcomes[number]
        self.outcomes[number] = (done, wrong - failed)

    def _refuse_errors(self) -> None:
        if self._bound.spec.on_error == "fail" and self.errors:
            raise PassFailed(
                f"pass {self._bound.name}: {self.errors} rows failed, and on_error is 'fail'. "
                f"The last one: {self._last_error}",
                hint="on_error: skip",
            )
        if self.computed >= TRIAL_ROWS:
            self._refuse_sick(self.errors, self.computed + self._beside)

    def _refuse_sick(self, failed: int, rows: int) -> None:
        if failed > self._bound.spec.max_error_rate * rows:
            raise PassFailed(
                f"pass {self._bound.name}: {failed} of {rows} rows failed, above max_error_rate "
                f"{self._bound.spec.max_error_rate:g}; nothing was published, what was done is kept. "
                f"The last one: {self._last_error}",
                hint=f"mend what it calls, or the pass (with a new version), then: mmreg apply {self._bound.name}",
            )
