"""The second commit of a pass that makes rows: its state in the dataset that it read, after the rows themselves.

Before the first of its two commits the run seals what is staged. A crash between them is mended from there, by the
next run or by ``mmreg doctor``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

from mmreg.registry.commit import Draft, publish
from mmreg.registry.operations.columns import ColumnPublisher
from mmreg.registry.stage import Stage
from mmreg.schemas.arrow import STATE, state_column
from mmreg.schemas.run import Run

if TYPE_CHECKING:
    import lance

    from mmreg.registry.workspace import Workspace


def complete_state(workspace: Workspace, run: Run) -> Run | None:
    """The pass ``run`` with the state that its rows lack; None where it lacks none."""
    facet, name, store = run.facets["pass"], run.job.name, workspace.lake.store
    into, root = facet.get("into"), facet.get("root")
    if into is None or {into, root} & {output.dataset for output in run.outputs} != {into}:
        return None
    generation = int(facet["generation"], 16)
    stage = Stage(store, root, name, generation)
    if stage.sealed_by() != run.id:
        return None
    state = state_column(name)
    fields: list[pa.Field[Any]] = [pa.field(state, STATE)]
    publisher = ColumnPublisher(pa.schema(fields), state, stage.read)

    def build(table: lance.LanceDataset | None) -> Draft | None:
        assert table is not None
        prepared = publisher.operation(table)
        if prepared is None:
            return None
        return Draft(prepared.operation, "root", table.count_rows(), rejected=workspace.rejected_count(root))

    landed = publish(workspace.lake, root, run, build)
    if landed is not None:
        workspace.record(landed)
    stage.clear()
    Stage(store, into, name, generation).clear()
    return landed
