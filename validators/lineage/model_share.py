"""lineage.model_share: most of the data was not made by models."""

from __future__ import annotations

from dataclasses import replace

from pydantic import Field

from mmreg.schemas.check import CheckResult
from mmreg.schemas.check_spec import CheckSpec
from mmreg.schemas.declared import Declared
from mmreg.validators.arguments import parse_arguments
from mmreg.validators.lineage.synthetic import depths
from mmreg.validators.table import Table
from mmreg.validators.tally import verdict
from mmreg.validators.world_check import WorldCheck


class Arguments(Declared):
    max_value: float = Field(ge=0, le=1)
    column: str | None = None


class ModelShare(WorldCheck):
    """At most max_value of the rows, or of the column's cells, were made by a model.

    A row counts where a pass that creates content, as for `lineage.synthetic_depth`, has made one of its cells or the
    row itself; with ``column``, where it has made that cell.
    """

    def __init__(self, spec: CheckSpec, table: Table) -> None:
        asked = parse_arguments(spec, Arguments)
        self._most, self._column = asked.max_value, asked.column
        super().__init__(spec, table)
        if self._column is not None:
            table.type(self._column)

    def result(self) -> CheckResult:
        rows = made = 0
        for root in self._world.roots():
            for batch, deepest in depths(root, self._column):
                rows += batch.num_rows
                made += int((deepest > 0).sum())
        what = "rows" if self._column is None else "cells"
        found = made / rows if rows else 0.0
        message = (
            f"{made:,} of {rows:,} {what} were made by a model ({100 * found:.3g}%, {100 * self._most:.3g}% allowed)"
        )
        result = verdict(self._spec, self._column, 1, int(found > self._most), message if rows else "no rows")
        return replace(result, numbers={"share": found, "made": float(made), "rows": float(rows)})
