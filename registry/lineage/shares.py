"""How much of the data models and people have made: counted in the state that passes keep of every row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mmreg.errors import NotFound
from mmreg.registry.derive import roots_at
from mmreg.registry.lineage.ancestry import Ancestry
from mmreg.registry.lineage.boost import Modes
from mmreg.registry.lineage.depth import Depths
from mmreg.registry.lineage.training_rows import Seen, data_of
from mmreg.schemas.arrow import state_column
from mmreg.schemas.boost import EXTERNAL, MODELS, MODES, ColumnShare, Made, Mode, Shares
from mmreg.schemas.lineage import Node
from mmreg.schemas.run import Run, RunInput
from mmreg.schemas.training import TrainedOn
from mmreg.validators.lineage.synthetic import made_by

if TYPE_CHECKING:
    from mmreg.registry.part import Part
    from mmreg.registry.workspace import Workspace

BATCH_ROWS = 65_536


def shares(workspace: Workspace, node: Node, modes: Modes, column: str | None = None) -> Shares | None:
    """Of the rows of a version, of what a run wrote, or of what a model was trained on; None where all of it is gone.

    With ``column`` only the cells of that one count.

    Memory: a few bytes a row of one batch, and 16 a row of a training that kept its own list of samples.
    """
    count = _Count(Ancestry(workspace), modes, column)
    for data in data_of(workspace, node):
        try:
            count.add(Seen.of(workspace, data), data)
        except NotFound:  # of what is gone lineage still tells who made it, but not how much
            continue
    return count.result() if count.of else None


@dataclass(frozen=True)
class _Generation:
    """What one generation of a pass has made, in ``columns`` or as whole rows; ``depth`` is 0 of what people said."""

    state: str
    number: int
    depth: int
    mode: Mode
    columns: tuple[str, ...]


class _Count:
    def __init__(self, ancestry: Ancestry, modes: Modes, column: str | None) -> None:
        self._ancestry, self._modes, self._column = ancestry, modes, column
        self._depths = Depths(ancestry)
        self.of: list[str] = []
        self._rows = 0
        self._by_depth: Counter[int] = Counter()
        self._made_rows: Counter[frozenset[Mode]] = Counter()
        self._cells: Counter[str] = Counter()
        self._made_cells: dict[str, Counter[Mode]] = {}

    def add(self, seen: Seen, data: TrainedOn) -> None:
        reader = seen.reader
        there = reader.schema.names if self._column is None else [self._column]
        names = [name for name in there if name != "sample_id"]
        row = self._ancestry.version(RunInput("version", reader.uuid, reader.ref))
        assert row is not None
        for part, (root, at) in zip(reader.parts, roots_at(row), strict=True):
            made = list(self._generations(part, root, at, names))
            said = [name for generation in made if generation.mode == "human" for name in generation.columns]
            columns = dict.fromkeys(["sample_id", *(generation.state for generation in made), *said])
            for batch in part.batches(list(columns), None, BATCH_ROWS):
                self._add(seen.kept(batch), made, names)
        self.of.append(str(data))

    def result(self) -> Shares:
        return Shares(
            of=tuple(dict.fromkeys(self.of)),
            rows=self._rows,
            cells=self._cells.total(),
            depths=dict(sorted(self._by_depth.items())),
            made={mode: made for mode in MODES if (made := self._made([mode])).rows},
            models=self._made(MODELS),
            external=self._made(EXTERNAL),
            columns=tuple(
                ColumnShare(name, self._cells[name], {mode: counts[mode] for mode in MODES if counts[mode]})
                for name, counts in self._made_cells.items()
            ),
        )

    def _made(self, modes: Collection[Mode]) -> Made:
        """What was made in any of ``modes``."""
        rows = sum(number for made, number in self._made_rows.items() if made.intersection(modes))
        return Made(rows, sum(counts[mode] for counts in self._made_cells.values() for mode in modes))

    def _generations(self, part: Part, root: str, at: int, names: list[str]) -> Iterator[_Generation]:
        row = next(row for row in self._ancestry.versions(root) if row.lance_version <= at)
        for name, passed in self._ancestry.history(row).passes.items():
            state = state_column(name)
            if state in part.table.schema.names:
                known = self._depths.generations(row, name)
                for number, runs in self._ancestry.alive(row, name).items():
                    mode, told = self._mode(runs), known[number]
                    written = tuple(column for column in passed.columns if column in names)
                    creates = passed.makes_rows or (told.creates and bool(written))
                    if creates or (mode == "human" and written):
                        yield _Generation(state, number, told.depth if creates else 0, mode, written)

    def _mode(self, runs: list[Run]) -> Mode:
        """The worst in which the runs of a generation asked models, or people; those upstream of what was asked."""
        asked = {(run.id, used.id) for run in runs for used in run.inputs if used.role == "curated_by"}
        found = {self._modes.get(key) for key in asked | {(run.id, "") for run in runs}}
        return next((mode for mode in MODES if mode in found), "none")

    def _add(self, batch: pa.RecordBatch, made: list[_Generation], names: list[str]) -> None:
        self._rows += batch.num_rows
        self._cells.update(dict.fromkeys(names, batch.num_rows))
        depth = np.zeros(batch.num_rows, np.int64)
        modes = np.zeros(batch.num_rows, np.int64)  # a bit for each
        for generation in made:
            done = made_by(batch, generation.state, generation.number)
            by_column = {name: _given(batch, generation, name, done) for name in generation.columns}
            rows = np.logical_or.reduce([*by_column.values()]) if generation.mode == "human" else done
            depth[rows] = np.maximum(depth[rows], generation.depth)
            modes[rows] |= 1 << MODES.index(generation.mode)
            for column, cells in by_column.items():
                if number := int(cells.sum()):
                    self._made_cells.setdefault(column, Counter())[generation.mode] += number
        self._by_depth.update(_tally(depth))
        for bits, number in _tally(modes).items():
            self._made_rows[frozenset(mode for place, mode in enumerate(MODES) if bits >> place & 1)] += number


def _given(batch: pa.RecordBatch, made: _Generation, column: str, done: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which cells were made: people leave those empty of which they say nothing."""
    if made.mode != "human":
        return done
    given: NDArray[np.bool_] = done & np.asarray(batch.column(column).is_valid(), bool)
    return given


def _tally(values: NDArray[np.int64]) -> dict[int, int]:
    found, numbers = np.unique(values, return_counts=True)
    return dict(zip(found.tolist(), numbers.tolist(), strict=True))
