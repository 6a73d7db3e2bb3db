"""lineage.fresh: what passes have made of the rows is what they would make of them now."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mmreg.errors import UsageError
from mmreg.schemas.arrow import ERROR
from mmreg.schemas.check import CheckResult
from mmreg.schemas.check_spec import CheckSpec
from mmreg.schemas.declared import Declared
from mmreg.schemas.fingerprint import light_columns, row_fingerprints
from mmreg.schemas.upstream import PassRecord
from mmreg.validators.arguments import parse_arguments
from mmreg.validators.table import Table, cells
from mmreg.validators.tally import Example, example, share, short, verdict
from mmreg.validators.world import RootRows
from mmreg.validators.world_check import WorldCheck

Mask = NDArray[np.bool_]


class Arguments(Declared):
    column: str | None = None


class Fresh(WorldCheck):
    """Every row was computed without error, by the last recipe of each pass, from the cells that it has now.

    Read are the state of the passes and, of passes of scope `row`, the cells that they read (media by their digests).
    A row that a pass has not seen fails where the pass is declared for all rows of the version. With ``column`` only
    the pass that makes it counts.
    """

    def __init__(self, spec: CheckSpec, table: Table) -> None:
        self._column = parse_arguments(spec, Arguments).column
        super().__init__(spec, table)
        if self._column is not None:
            table.type(self._column)

    def result(self) -> CheckResult:
        examined = failed = 0
        reasons: Counter[str] = Counter()
        examples: list[Example] = []
        for root in self._world.roots():
            passes = self._passes(root)
            for batch in root.batches(_read(root, passes)) if passes else ():
                wrong = np.zeros(batch.num_rows, bool)
                for passed in passes:
                    for reason, rows in _faults(batch, root, passed):
                        reasons[reason] += int(rows.sum())
                        for row in np.flatnonzero(rows & ~wrong)[: self._spec.examples - len(examples)].tolist():
                            examples.append(_example(batch, row, passed, reason))
                        wrong |= rows
                examined += batch.num_rows
                failed += int(wrong.sum())
        message = share(self._spec, examined, failed, "rows are not fresh")
        found = [f"{rows:,} {reason}" for reason, rows in reasons.items() if rows]
        if found:
            message += ": " + ", ".join(found)
        return verdict(self._spec, self._column, examined, failed, message, examples)

    def _passes(self, root: RootRows) -> list[PassRecord]:
        wanted = self._column.partition(".")[0] if self._column is not None else None
        passes = [p for p in root.passes if wanted is None or wanted in p.columns]
        if wanted is not None and not passes:
            raise UsageError(f"{self._column} is not made by a pass, so it cannot be stale", hint="leave out 'column'")
        return [passed for passed in passes if passed.state in root.schema.names]


def _read(root: RootRows, passes: Sequence[PassRecord]) -> list[str]:
    inputs = [name for passed in passes for name in light_columns(root.schema, passed.inputs or ())]
    return list(dict.fromkeys(["sample_id", *(passed.state for passed in passes), *inputs]))


def _faults(batch: pa.RecordBatch, root: RootRows, passed: PassRecord) -> Iterator[tuple[str, Mask]]:
    """What is wrong with the rows, as far as ``passed`` goes: each row for one reason."""
    generation, state = cells(batch, f"{passed.state}.generation"), cells(batch, f"{passed.state}.state")
    computed = np.asarray(generation.is_valid().to_numpy(zero_copy_only=False), bool)
    if passed.everywhere:
        yield f"never computed by {passed.name}", ~computed
    old = computed & (generation.fill_null(0).to_numpy(zero_copy_only=False) != passed.latest)
    yield f"of an earlier recipe of {passed.name}", old
    moved = np.zeros(batch.num_rows, bool)
    if passed.inputs is not None:
        prints = row_fingerprints(batch, light_columns(root.schema, passed.inputs))
        then = cells(batch, f"{passed.state}.inputs").fill_null(0).to_numpy(zero_copy_only=False)
        moved = computed & ~old & (then != prints)
    yield f"whose inputs changed since {passed.name}", moved
    error = state.fill_null(0).to_numpy(zero_copy_only=False) == ERROR
    yield f"with an error of {passed.name}", computed & ~old & ~moved & error


def _example(batch: pa.RecordBatch, row: int, passed: PassRecord, reason: str) -> Example:
    state = batch.column(passed.state)[row].as_py() or {"generation": None, "error": None}
    value = "null" if state["generation"] is None else f"{state['generation']:016x}"
    return example(batch, row, value, f"{reason}: {short(state['error'])}" if state["error"] else reason)
