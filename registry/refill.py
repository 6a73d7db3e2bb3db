"""Filling columns that are new to a dataset from its source, in rows that stay as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from mmreg.registry.clock import now
from mmreg.registry.commit import Draft, publish
from mmreg.registry.operations.columns import CellPublisher
from mmreg.registry.runs import new_run_id
from mmreg.registry.stage import Stage
from mmreg.schemas.run import Job, Run, RunState

if TYPE_CHECKING:
    import lance

    from mmreg.registry.lake import Lake

BYTES = 32 * 1024 * 1024


class Refill:
    """Cells of ``columns``, collected by row id and then published as one version."""

    def __init__(self, lake: Lake, dataset: str, columns: pa.Schema) -> None:
        self._lake, self._dataset, self._columns = lake, dataset, columns
        self._stage = Stage(lake.store, dataset, "_source", 0)
        self._waiting: list[pa.Table] = []
        self._bytes = 0
        self._begun = False

    def add(self, cells: pa.Table) -> None:
        """Keep ``cells``: ``_rowid`` and the columns."""
        if not self._begun:
            self._stage.clear()  # what an ingest left that was killed
            self._begun = True
        self._waiting.append(cells)
        self._bytes += cells.nbytes
        if self._bytes >= BYTES:
            self._write()

    def publish(self, last: Run) -> Run | None:
        """A version with what was added; None where others have removed all these rows.

        It says of the source what ``last``, the ingest before, said: until the version with the rows has landed,
        the source is to be read again.
        """
        self._write()
        facet = {
            **last.facets["ingest"],
            **{"added": 0, "changed": 0, "removed": 0, "filled": self._columns.names},
        }
        run = Run(new_run_id(), Job("ingest", self._dataset), RunState.COMPLETE, now(), "", facets={"ingest": facet})
        publisher = CellPublisher(self._columns, self._stage.read)

        def build(newest: lance.LanceDataset | None) -> Draft | None:
            assert newest is not None
            if (prepared := publisher.operation(newest)) is None:
                return None
            rows, columns = newest.count_rows(), tuple(self._columns.names)
            return Draft(prepared.operation, "root", rows, int(facet["rejected"]), columns=columns)

        landed = publish(self._lake, self._dataset, run, build)
        self._stage.clear()
        return landed

    def _write(self) -> None:
        if self._waiting:
            self._stage.write(pa.concat_tables(self._waiting))
        self._waiting, self._bytes = [], 0
