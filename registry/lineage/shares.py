"""How much of the data models and people have made: counted in the state that passes keep of every row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mmreg.errors import NotFound
from mmreg.registry.derive import roots_at
from mmreg.registry.identity import fixed_width
from mmreg.registry.lineage.ancestry import Ancestry
from mmreg.registry.lineage.depth import Depths
from mmreg.registry.lineage.history import PassHistory
from mmreg.registry.row_sets import Ids, rows_of
from mmreg.schemas.arrow import state_column
from mmreg.schemas.boost import EXTERNAL, MODELS, MODES, ColumnShare, Made, Mode, Shares
from mmreg.schemas.lineage import Node
from mmreg.schemas.refs import VersionRef
from mmreg.schemas.run import Run, RunInput
from mmreg.schemas.training import TrainedOn, trained_on
from mmreg.validators.lineage.synthetic import made_by

if TYPE_CHECKING:
    from mmreg.registry.part import Part
    from mmreg.registry.read import Reader
    from mmreg.registry.workspace import Workspace

BATCH_ROWS = 65_536

Modes = Mapping[tuple[str, str], Mode]
"""In which mode a model boosts, by the run that asked it and its digest; people are under an empty one."""


def shares(workspace: Workspace, node: Node, modes: Modes) -> Shares | None:
    """Of the rows of a version, of what a run wrote, or of what a model was trained on; None where all of it is gone.

    Memory: a few bytes a row of one batch, and 16 a row of a training that kept its own list of samples.
    """
    count = _Count(Ancestry(workspace), modes)
    for data in data_of(workspace, node):
        try:
            reader = workspace.open_version(VersionRef(data.dataset, data.uuid), data.split)
            count.add(reader, rows_of(workspace, data) if data.rows or data.where else None, data)
        except NotFound:  # of what is gone lineage still tells who made it, but not how much
            continue
    return count.result() if count.of else None


def data_of(workspace: Workspace, node: Node) -> list[TrainedOn]:
    """The data that a node stands for: the version, what the run wrote, or what made the model."""
    id = node.id.partition(":")[2]
    if node.kind == "version":
        return [TrainedOn(node.ref, id)]
    if node.kind == "run":
        return [TrainedOn(output.ref, output.uuid) for output in workspace.catalog.run(id).outputs]
    near = workspace.catalog.lineage(node.id, "up", 1)
    made = [edge.source.partition(":")[2] for edge in near.edges if edge.target == node.id and edge.kind == "generated"]
    told = [data for run in workspace.catalog.runs_with(made) for data in trained_on(run)]
    return list(dict.fromkeys(told))


@dataclass(frozen=True)
class _Generation:
    """What one generation of a pass has made, in ``columns`` or as whole rows; ``depth`` is 0 of what people said."""

    state: str
    number: int
    depth: int
    mode: Mode
    columns: tuple[str, ...]


class _Count:
    def __init__(self, ancestry: Ancestry, modes: Modes) -> None:
        self._ancestry, self._modes = ancestry, modes
        self._depths = Depths(ancestry)
        self.of: list[str] = []
        self._rows = 0
        self._by_depth: Counter[int] = Counter()
        self._made_rows: Counter[frozenset[Mode]] = Counter()
        self._cells: Counter[str] = Counter()
        self._made_cells: dict[str, Counter[Mode]] = {}

    def add(self, reader: Reader, only: Ids | None, data: TrainedOn) -> None:
        names = [name for name in reader.schema.names if name != "sample_id"]
        row = self._ancestry.version(RunInput("version", reader.uuid, reader.ref))
        assert row is not None
        for part, (root, at) in zip(reader.parts, roots_at(row), strict=True):
            made = list(self._generations(part, root, at))
            for batch in _batches(part, made, only):
                self._add(batch, made, names)
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

    def _generations(self, part: Part, root: str, at: int) -> Iterator[_Generation]:
        row = next(row for row in self._ancestry.versions(root) if row.lance_version <= at)
        for name, passed in self._ancestry.history(row).passes.items():
            state = state_column(name)
            if state in part.table.schema.names:
                known = self._depths.generations(row, name)
                for number, runs in self._ancestry.alive(row, name).items():
                    mode, told = self._mode(runs), known[number]
                    creates = passed.makes_rows or (told.creates and bool(passed.columns))
                    if creates or mode == "human":
                        yield _Generation(state, number, told.depth if creates else 0, mode, _written(passed, part))

    def _mode(self, runs: list[Run]) -> Mode:
        """The worst in which the runs of a generation asked models, or people."""
        asked = {self._modes[run.id, used.id] for run in runs for used in run.inputs if used.role == "curated_by"} | {
            self._modes[run.id, ""] for run in runs if (run.id, "") in self._modes
        }
        return next((mode for mode in MODES if mode in asked), "none")

    def _add(self, batch: pa.RecordBatch, made: list[_Generation], names: list[str]) -> None:
        self._rows += batch.num_rows
        self._cells.update(dict.fromkeys(names, batch.num_rows))
        depth = np.zeros(batch.num_rows, np.int64)
        modes = np.zeros(batch.num_rows, np.int64)  # a bit for each
        for generation in made:
            rows = made_by(batch, generation.state, generation.number)
            depth[rows] = np.maximum(depth[rows], generation.depth)
            modes[rows] |= 1 << MODES.index(generation.mode)
            for column in generation.columns:
                if column in names and (number := int(rows.sum())):
                    self._made_cells.setdefault(column, Counter())[generation.mode] += number
        self._by_depth.update(_tally(depth))
        for bits, number in _tally(modes).items():
            self._made_rows[frozenset(mode for place, mode in enumerate(MODES) if bits >> place & 1)] += number


def _written(passed: PassHistory, part: Part) -> tuple[str, ...]:
    return tuple(name for name in passed.columns if name in part.table.schema.names)


def _batches(part: Part, made: list[_Generation], only: Ids | None) -> Iterator[pa.RecordBatch]:
    """``sample_id`` and the state of each row, of the samples in ``only`` alone where that is given."""
    columns = ["sample_id", *dict.fromkeys(generation.state for generation in made)]
    for batch in part.batches(columns, None, BATCH_ROWS):
        yield batch if only is None else batch.filter(pa.array(_among(fixed_width(batch.column("sample_id")), only)))


def _among(ids: Ids, only: Ids) -> NDArray[np.bool_]:
    """Which of ``ids`` are in ``only``, which ascends."""
    if not len(only):
        return np.zeros(len(ids), bool)
    places = np.minimum(np.searchsorted(only, ids), len(only) - 1)
    return np.asarray(only[places] == ids, bool)


def _tally(values: NDArray[np.int64]) -> dict[int, int]:
    found, numbers = np.unique(values, return_counts=True)
    return dict(zip(found.tolist(), numbers.tolist(), strict=True))
