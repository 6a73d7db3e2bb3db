"""What becomes of some rows of a version: the versions that have them, what was made from them, models that saw them.

Opens Lance. Rows are followed by their ``sample_id``, and into those that passes have made from them by their parents.
What a model that saw them was asked to make or choose is touched as a whole, whatever rows it is about.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mmreg.errors import UsageError
from mmreg.registry.identity import fixed_width
from mmreg.registry.lineage.flow import Flow, Place, Step
from mmreg.registry.lineage.impact import told
from mmreg.registry.lineage.touch import Walk, begin, walk
from mmreg.registry.row_sets import Ids, empty, rows_of
from mmreg.schemas.arrow import PARENT
from mmreg.schemas.cells import child
from mmreg.schemas.impact import Impact
from mmreg.schemas.predicate import Predicate
from mmreg.schemas.refs import NodeRef, VersionRef
from mmreg.schemas.training import TrainedOn, trained_on

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from mmreg.registry.catalog import VersionRow
    from mmreg.registry.part import Part
    from mmreg.registry.workspace import Workspace

BATCH_ROWS = 65_536
_SAME_ROWS = ("pass", "schema", "drop", "maintenance")
"""Jobs that leave a root the rows that it has, where it is not what they make."""


def impact_of_rows(workspace: Workspace, ref: NodeRef, where: str) -> Impact:
    """All that the samples touch whose rows in ``ref`` fulfil ``where``: in all versions that have them, whatever their
    cells are there. Memory: 16 bytes for each of them, and for each row that was made from one."""
    if ref.kind != "version" or ref.column is not None:
        raise UsageError(f"{ref}: --where is about the rows of a version", hint="mmreg impact NAME@VERSION --where ...")
    flow = Flow(workspace.catalog)
    row = workspace.catalog.resolve(VersionRef.parse(ref.value))
    samples = Samples.where(workspace, flow, row, where)
    erase = " and ".join(f"mmreg erase {root} --where {_quoted(where)}" for root in samples.roots)
    by_rows = walk(workspace.catalog, flow, begin(samples.places()), goes=samples.go).ways
    models = {spot: way for spot, way in by_rows.items() if spot.place.node.startswith("checkpoint:")}
    by_models = walk(workspace.catalog, flow, models).ways
    found = Walk(workspace.catalog, flow, {**by_rows, **{s: way for s, way in by_models.items() if s not in by_rows}})
    answer = told(workspace, found, f"{row.ref} where {where}", (), f"once they are mended at their source; or {erase}")
    return replace(
        answer,
        starts=(row.ref,),
        samples=samples.count,
        versions=tuple(replace(v, having=samples.known.get(v.uuid)) for v in answer.versions),
        models=tuple(replace(m, having=samples.seen.get(m.digest)) for m in answer.models),
    )


class Samples:
    """Samples by their root; ``known`` counts them by version and ``seen`` by model, as far as was asked."""

    def __init__(self, workspace: Workspace, flow: Flow, ids: dict[str, Ids]) -> None:
        self._workspace, self._flow, self._ids = workspace, flow, ids
        self.count = sum(map(len, ids.values()))
        self.known: dict[str, int | None] = {}
        self.seen: dict[str, int] = {}
        self._trained: dict[tuple[str | None, ...], Ids] = {}

    @classmethod
    def where(cls, workspace: Workspace, flow: Flow, row: VersionRow, where: str) -> Samples:
        reader = workspace.open_version(row.ref)
        predicate = Predicate.parse(where).to_lance(reader.full_schema)
        ids = {}
        for part in reader.parts:
            batches = part.batches(["sample_id"], predicate, BATCH_ROWS)
            found = (fixed_width(batch.column("sample_id")) for batch in batches)
            ids[part.root] = np.unique(np.concatenate([empty(), *found]))
        return cls(workspace, flow, ids)

    @property
    def roots(self) -> list[str]:
        """The roots that have some of them as their own."""
        return [root for root, ids in self._ids.items() if len(ids)]

    def places(self) -> Iterator[Place]:
        """All of the versions of their roots that have some, the oldest first."""
        for root in self.roots:
            for row in reversed(self._flow.versions(root)):
                if self.having(row) != 0:
                    yield from self._flow.all_places(f"version:{row.uuid}")

    def go(self, step: Step) -> bool:
        """Whether a step is taken by rows: to a version that has some, or into a model that saw some."""
        if step.source.node.startswith("checkpoint:"):
            return False
        if step.target.node.startswith("version:"):
            row = self._flow.row(step.target.node)
            return row is None or self.having(row) != 0
        if step.target.of.startswith("checkpoint:") and step.source.node.startswith("version:"):
            return self._saw(step)
        return True

    def having(self, row: VersionRow) -> int | None:
        """How many of a version's rows are of the samples; None where its rows are no longer there to be looked at."""
        if row.uuid not in self.known:
            self.known[row.uuid] = self._counted(row)
        return self.known[row.uuid]

    def _counted(self, row: VersionRow) -> int | None:
        if row.removed_by:
            return None
        if row.kind == "root" and row.job_kind in _SAME_ROWS:
            versions = self._flow.versions(row.dataset)
            before = versions[versions.index(row) + 1 :][:1]
            if before and before[0].uuid in self.known and row.dataset in self._ids:
                return self.known[before[0].uuid]
        return sum(len(self._among(part)) for part in self._workspace.open_version(row.ref).parts)

    def _among(self, part: Part) -> Ids:
        """The ids of a part's rows that are among the samples, or were made from some."""
        if PARENT.name in part.table.schema.names:
            self._follow(part)
        return _those(part, ["sample_id"], lambda batch: _isin(batch.column("sample_id"), self._ids.get(part.root)))

    def _follow(self, part: Part) -> None:
        """Take in rows that a pass made from them: they are samples of the root that it made."""

        def made(batch: pa.RecordBatch) -> NDArray[np.bool_]:
            parent = batch.column(PARENT.name)
            of, ids = child(parent, "dataset"), child(parent, "sample_id").fill_null(b"\0" * 16)
            found = np.zeros(batch.num_rows, bool)
            for root, samples in list(self._ids.items()):
                found |= _isin(ids, samples) & np.asarray(pc.equal(of, pa.scalar(root)).fill_null(False))
            return found

        there = self._ids.get(part.root, empty())
        self._ids[part.root] = np.union1d(there, _those(part, ["sample_id", PARENT.name], made))

    def _saw(self, step: Step) -> bool:
        """Whether a training read some of them in the version that the step leads from."""
        run = self._flow.run(step.target.node.removeprefix("run:"))
        told = [data for data in trained_on(run) if f"version:{data.uuid}" == step.source.node]
        row = self._flow.row(step.source.node)
        if row is None or row.removed_by or not told:
            return True
        parts = self._workspace.open_version(row.ref).parts
        here = np.unique(np.concatenate([empty(), *(self._among(part) for part in parts)]))
        seen = np.unique(np.concatenate([empty(), *(here[_isin_ids(here, self._rows(data))] for data in told)]))
        digest = step.target.of.removeprefix("checkpoint:")
        self.seen[digest] = max(len(seen), self.seen.get(digest, 0))
        return bool(len(seen))

    def _rows(self, data: TrainedOn) -> Ids:
        key = (data.uuid, data.split, data.where, data.rows)
        if key not in self._trained:
            self._trained[key] = rows_of(self._workspace, data)
        return self._trained[key]


def _quoted(where: str) -> str:
    """As a shell reads it; in double quotes where those do, as most predicates have single ones."""
    return shlex.quote(where) if re.search(r'["$`\\!]', where) else f'"{where}"'


def _those(part: Part, columns: list[str], wanted: Callable[[pa.RecordBatch], NDArray[np.bool_]]) -> Ids:
    """The sample ids of the rows that are ``wanted``."""
    found = [empty()]
    for batch in part.batches(columns, None, BATCH_ROWS):
        found.append(fixed_width(batch.column("sample_id"))[wanted(batch)])
    return np.concatenate(found)


def _isin(ids: pa.Array[Any], samples: Ids | None) -> NDArray[np.bool_]:
    return _isin_ids(fixed_width(ids), samples if samples is not None else empty())


def _isin_ids(ids: Ids, samples: Ids) -> NDArray[np.bool_]:
    """Which of ``ids`` are among ``samples``, which ascend."""
    if not len(samples):
        return np.zeros(len(ids), bool)
    places = np.minimum(np.searchsorted(samples, ids), len(samples) - 1)
    return np.asarray(samples[places] == ids, bool)
