"""The data that a version, a run or a model stands for, and its rows: those that a training has seen, where it told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mmreg.registry.identity import fixed_width
from mmreg.registry.row_sets import Ids, rows_of
from mmreg.schemas.lineage import Node
from mmreg.schemas.refs import VersionRef
from mmreg.schemas.training import TrainedOn, trained_on

if TYPE_CHECKING:
    from mmreg.registry.read import Reader
    from mmreg.registry.workspace import Workspace


def data_of(workspace: Workspace, node: Node) -> list[TrainedOn]:
    """The version itself, what the run wrote, or what the model was trained on: all that is recorded of it."""
    id = node.id.partition(":")[2]
    if node.kind == "version":
        return [TrainedOn(node.ref, id)]
    if node.kind == "run":
        return [TrainedOn(output.ref, output.uuid) for output in workspace.catalog.run(id).outputs]
    near = workspace.catalog.lineage(node.id, "up", 1)
    made = [edge.source.partition(":")[2] for edge in near.edges if edge.target == node.id and edge.kind == "generated"]
    told = [data for run in workspace.catalog.runs_with(made) for data in trained_on(run)]
    # What two components of a model were trained on is the same data once.
    return list(dict.fromkeys(replace(data, weight=None, component=None, count=None) for data in told))


def among(ids: Ids, only: Ids) -> NDArray[np.bool_]:
    """Which of ``ids`` are in ``only``, which ascends."""
    if not len(only):
        return np.zeros(len(ids), bool)
    places = np.minimum(np.searchsorted(only, ids), len(only) - 1)
    return np.asarray(only[places] == ids, bool)


@dataclass(frozen=True)
class Seen:
    """What was seen of one version: the rows of ``reader``, of which ``only`` some where that is given (ascending)."""

    reader: Reader
    only: Ids | None = None

    @classmethod
    def of(cls, workspace: Workspace, data: TrainedOn) -> Seen:
        """Raises `NotFound` where the version is gone, or has no such split."""
        reader = workspace.open_version(VersionRef(data.dataset, data.uuid), data.split)
        return cls(reader, rows_of(workspace, data) if data.rows or data.where else None)

    def __len__(self) -> int:
        return len(self.reader) if self.only is None else len(self.only)

    def kept(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Of a batch with ``sample_id`` the rows that were seen."""
        if self.only is None:
            return batch
        return batch.filter(pa.array(among(fixed_width(batch.column("sample_id")), self.only)))


class TrainingRows:
    """Rows of several versions as those of one: what a check can compare with (`mmreg.validators.world.Rows`).

    Its columns are those that all of them have. ``names`` says what some are called here, by the names that they have
    there.
    """

    def __init__(self, ref: str, seen: Sequence[Seen], names: Mapping[str, str] | None = None) -> None:
        self.ref, self._seen, self._names = ref, seen, dict(names or {})
        self.uuid = seen[0].reader.uuid

    def calling(self, name: str, called: str) -> TrainingRows:
        """The same rows, with the column ``name`` as ``called``."""
        return TrainingRows(self.ref, self._seen, {name: called})

    @cached_property
    def schema(self) -> pa.Schema:
        first, *others = (seen.reader.schema for seen in self._seen)
        common = [f for f in first if all(f.name in o.names and o.field(f.name).type == f.type for o in others)]
        taken = set(self._names.values()) - set(self._names)
        return pa.schema([f.with_name(self._names.get(f.name, f.name)) for f in common if f.name not in taken])

    def __len__(self) -> int:
        return sum(map(len, self._seen))

    def batches(
        self,
        columns: Sequence[str] | None = None,
        *,
        where: str | None = None,
        limit: int | None = None,
        batch_size: int = 1024,
        media: bool | Literal["tolerant"] = True,
        with_row_id: bool = False,
    ) -> Iterator[pa.RecordBatch]:
        """As `mmreg.registry.read.Reader.batches`; ``sample_id`` must be among the columns."""
        asked = list(self.schema.names if columns is None else columns)
        read = [self._there(name) for name in asked]
        options: dict[str, Any] = {"where": where, "limit": limit, "batch_size": batch_size, "media": media}
        for seen in self._seen:
            for batch in seen.reader.batches(read, with_row_id=with_row_id, **options):
                kept = seen.kept(batch)
                names = [*asked, *kept.schema.names[len(asked) :]]
                yield pa.RecordBatch.from_arrays(kept.columns, names=names)

    def _there(self, name: str) -> str:
        column, dot, inner = name.partition(".")
        return next((n for n, called in self._names.items() if called == column), column) + dot + inner
