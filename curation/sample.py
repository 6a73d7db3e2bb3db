"""A few rows of a pass, computed to see what it answers and what it costs: kept on this machine, published nowhere.

``.mmreg/samples/<pass>/<generation>-<rows and their inputs>.arrow`` holds what would be staged for these rows, and in
its metadata what they cost. When the pass is applied they are staged, so that no row is paid for twice.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import xxhash
from numpy.typing import NDArray

from mmreg.curation.bind import BoundPass
from mmreg.curation.cost import Measure, from_cost
from mmreg.curation.portions import RowPortions
from mmreg.curation.scopes import caller_of, stage_of
from mmreg.registry.clock import now
from mmreg.registry.operations.columns import row_ids_of
from mmreg.registry.stage import Stage
from mmreg.schemas.arrow import ERROR, media_kind
from mmreg.schemas.cells import child
from mmreg.schemas.plan import Sample

if TYPE_CHECKING:
    import lance

    from mmreg.curation.freshness import Freshness, Pending
    from mmreg.registry.api import Registry

SHOWN = 3
"""Answers that a plan shows."""
_NOTE = b"mmreg.sample"


@dataclass(frozen=True)
class Sampled:
    """A sample that was computed, now or before, and when."""

    sample: Sample
    measure: Measure
    at: str


def take_sample(registry: Registry, bound: BoundPass, fresh: Freshness, rows: int) -> Sampled:
    """Compute ``rows`` of the pending rows of ``bound``, or find them computed."""
    table = registry.newest(bound.root).table
    chosen = _chosen(table, fresh.pending, rows)
    portions = RowPortions(registry, table, bound)
    inputs = portions.fingerprints(np.concatenate([*chosen.values(), np.empty(0, np.uint64)]))
    file = _folder(registry, bound) / f"{bound.generation:016x}-{_digest(inputs)}.arrow"
    if not file.exists():
        caller = caller_of(bound)
        parts = [caller(portion) for portion in portions.read(chosen)]
        table_of = pa.Table.from_batches(parts)
        note = {"cost": dict(caller.cost()), "rows": table_of.num_rows, "at": now()}
        _write(file, table_of.replace_schema_metadata({_NOTE: json.dumps(note).encode()}))
    return _read(file, bound)


def known_sample(registry: Registry, bound: BoundPass) -> Sampled | None:
    """The newest sample of this very recipe, whatever rows it is of."""
    found = [_read(file, bound) for file in _files(registry, bound)]
    return max(found, key=lambda sampled: sampled.at, default=None)


def stage_samples(registry: Registry, bound: BoundPass, examine: Callable[[], Mapping[int, Pending]]) -> None:
    """Stage what was computed of pending rows, so that a run finds it; that checks the inputs itself.

    ``examine`` tells which rows are pending: not asked where there is no sample.
    """
    files = list(_files(registry, bound))
    if not files:
        return
    pending = examine()
    table = registry.newest(bound.root).table
    waiting = np.concatenate([row_ids_of(table, n) if ids is None else ids for n, ids in pending.items()])
    stage = stage_of(registry, bound)
    for file in files:
        with pa.memory_map(str(file)) as source:
            results = pa.ipc.open_file(source).read_all().replace_schema_metadata(None)
            results = results.filter(pa.array(np.isin(results["_rowid"].to_numpy(), waiting)))
            if results.num_rows:
                stage.write(results)


def count_staged(registry: Registry, bound: BoundPass, pending: Mapping[int, Pending]) -> int:
    """How many of the ``pending`` rows wait computed, from a run that was stopped."""
    stage = Stage(registry.lake.store, bound.root, bound.name, bound.generation)
    if stage.is_empty():
        return 0
    table = registry.newest(bound.root).table
    parts = (stage.read(row_ids_of(table, n) if ids is None else ids) for n, ids in pending.items())
    return sum(part.num_rows for part in parts if part is not None)


def _chosen(table: lance.LanceDataset, pending: Mapping[int, Pending], rows: int) -> dict[int, NDArray[np.uint64]]:
    """About ``rows`` of the pending rows, evenly from all over the table: always the same while nothing moves."""
    numbers = sorted(pending)
    numbers = [numbers[place] for place in _spread(len(numbers), rows)]
    chosen: dict[int, NDArray[np.uint64]] = {}
    for index, number in enumerate(numbers):
        waiting = pending[number]
        row_ids = row_ids_of(table, number) if waiting is None else waiting
        share = rows * (index + 1) // len(numbers) - rows * index // len(numbers)
        chosen[number] = row_ids[_spread(len(row_ids), share)]
    return chosen


def _spread(there: int, wanted: int) -> NDArray[np.int64]:
    """``wanted`` places of ``there``, as far apart as can be."""
    return np.arange(min(there, wanted), dtype=np.int64) * there // max(1, min(there, wanted))


def _digest(inputs: Mapping[int, int]) -> str:
    rows = np.array(sorted(inputs.items()), np.uint64)
    return xxhash.xxh3_64_hexdigest(rows.tobytes())


def _folder(registry: Registry, bound: BoundPass) -> Path:
    return registry.project.folder / ".mmreg" / "samples" / bound.name


def _files(registry: Registry, bound: BoundPass) -> Iterator[Path]:
    return _folder(registry, bound).glob(f"{bound.generation:016x}-*.arrow")


def _write(file: Path, results: pa.Table) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    for old in file.parent.glob("*.arrow"):
        if not old.name.startswith(file.name[:16]):
            old.unlink(missing_ok=True)  # of a recipe that is no more
    scratch = file.with_suffix(".new")
    with pa.OSFile(str(scratch), "wb") as sink, pa.ipc.new_file(sink, results.schema) as writer:
        writer.write_table(results)
    scratch.rename(file)


def _read(file: Path, bound: BoundPass) -> Sampled:
    with pa.memory_map(str(file)) as source:
        results = pa.ipc.open_file(source).read_all()
        note: dict[str, Any] = json.loads((results.schema.metadata or {})[_NOTE])
        states = child(results[bound.state], "state").to_numpy()
        shown = results.slice(0, SHOWN).select([*_light(results, bound), bound.state]).to_pylist()
    rows, errors = results.num_rows, int((states == ERROR).sum())
    answers = tuple(
        {**{key: cell for key, cell in row.items() if key != bound.state}, "error": row[bound.state]["error"]}
        for row in shown
    )
    measure = from_cost(note["cost"], rows, f"from a sample of {rows:,} rows")
    return Sampled(Sample(rows, errors, answers), measure, note["at"])


def _light(results: pa.Table, bound: BoundPass) -> list[str]:
    return [name for name in bound.outputs.values() if not media_kind(results.schema.field(name).type)]
