"""What the computing of one run has come to, and whether it is well enough to go on."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mmreg.curation.bind import BoundPass
from mmreg.errors import PassFailed
from mmreg.schemas.arrow import ERROR
from mmreg.schemas.cells import child

TRIAL_ROWS = 100
"""The error rate is judged from this many rows on."""


class Account:
    """Counts rows: ``computed`` by a call now, ``found`` staged by a run before; ``errors`` are of those computed.

    ``outcomes`` says by fragment how many rows are done and how many failed, of both.
    """

    def __init__(self, bound: BoundPass) -> None:
        self._bound = bound
        self._last_error = ""
        self.computed = self.found = self.errors = 0
        self.outcomes: dict[int, tuple[int, int]] = {}

    def add(self, fragments: NDArray[np.int64], staged: pa.RecordBatch) -> None:
        """Count results that were computed. Raises `PassFailed` where too many rows have failed."""
        state = staged.column(self._bound.state)
        failed = child(state, "state").to_numpy() == ERROR
        self.computed += len(failed)
        self.errors += int(failed.sum())
        if failed.any():
            self._last_error = str(child(state, "error").drop_null()[-1].as_py())
        self._count(fragments, failed)
        self._refuse_errors()

    def find(self, fragment: int, failed: NDArray[np.bool_]) -> None:
        """Count results of rows of one fragment that were staged before."""
        self.found += len(failed)
        self._count(np.full(len(failed), fragment, np.int64), failed)

    def close(self, failed_before: int, wanted: int) -> None:
        """Judge the whole pass. Raises `PassFailed` where of all ``wanted`` rows too many end in an error."""
        self._refuse_sick(failed_before + sum(failed for _, failed in self.outcomes.values()), wanted)

    def _count(self, fragments: NDArray[np.int64], failed: NDArray[np.bool_]) -> None:
        for number in np.unique(fragments).tolist():
            here = fragments == number
            done, wrong = self.outcomes.get(number, (0, 0))
            now_wrong = int((here & failed).sum())
            self.outcomes[number] = (done + int(here.sum()) - now_wrong, wrong + now_wrong)

    def _refuse_errors(self) -> None:
        if self._bound.spec.on_error == "fail" and self.errors:
            raise PassFailed(
                f"pass {self._bound.name}: {self.errors} rows failed, and on_error is 'fail'. "
                f"The last one: {self._last_error}",
                hint="on_error: skip",
            )
        if self.computed >= TRIAL_ROWS:
            self._refuse_sick(self.errors, self.computed)

    def _refuse_sick(self, failed: int, rows: int) -> None:
        if failed > self._bound.spec.max_error_rate * rows:
            raise PassFailed(
                f"pass {self._bound.name}: {failed} of {rows} rows failed, above max_error_rate "
                f"{self._bound.spec.max_error_rate:g}; nothing was published. The last one: {self._last_error}",
                hint=f"mend the pass (with a new version), then: mmreg apply {self._bound.name}",
            )
