"""Running a selection: evaluate it on the newest root, publish the derived dataset if its rows changed."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import xxhash

from mmreg.curation.selections import SplitParams, sample_rows, split_rows
from mmreg.errors import NotFound, UsageError
from mmreg.registry.clock import now
from mmreg.registry.derive import publish_selection
from mmreg.registry.lake import reading
from mmreg.registry.runs import new_run_id
from mmreg.registry.selection import Selection
from mmreg.schemas.cells import values
from mmreg.schemas.declaration import PassSpec
from mmreg.schemas.document import roots_of
from mmreg.schemas.predicate import Predicate
from mmreg.schemas.run import Job, Run, RunInput, RunState

if TYPE_CHECKING:
    import lance

    from mmreg.registry.api import Registry


@dataclass(frozen=True)
class BoundSelection:
    """A selection, ready to plan and to run. ``fingerprint`` moves with what it depends on and with nothing else."""

    name: str
    spec: PassSpec
    root: str
    into: str
    table: lance.LanceDataset
    base: Selection | None
    predicate: Predicate | None
    split: SplitParams | None
    like: int | None
    fingerprint: str


@dataclass(frozen=True)
class SelectionOutcome:
    """``run`` is None where the same was asked before; without outputs where other inputs gave the same rows."""

    run: Run | None
    rows: int


def bind_selection(registry: Registry, name: str) -> BoundSelection:
    """Bind the declared selection ``name`` to the newest versions. Raises `NotFound` where these do not exist yet."""
    spec = registry.spec.passes[name]
    if spec.into is None:
        raise UsageError(f"pass {name}: a {spec.use} makes a derived dataset: say which", hint="into: NAME")
    if spec.use == "filter" and spec.params:
        raise UsageError(f"pass {name}: a filter has no params", hint="where:, split: and sample: say what it keeps")
    root = roots_of(registry.spec, spec.from_)
    newest = registry.newest(root)
    table = newest.table
    base = registry.base_selection(spec.from_, spec.split)
    predicate = Predicate.parse(spec.where) if spec.where else None
    split = SplitParams.parse(spec.params, f"pass {name}") if spec.use == "split" else None
    like = None
    if spec.sample is not None and spec.sample.like is not None:
        like = registry.rows_of(spec.sample.like)
    columns = _columns(table, name, predicate, split)
    parts = {
        "recipe": spec.model_dump(mode="json", exclude={"into", "description"}),
        "root": newest.layout.digest(columns),
        "base": base.digest if base is not None else None,
        "like": like,
    }
    fingerprint = xxhash.xxh3_128_hexdigest(json.dumps(parts, sort_keys=True).encode())
    return BoundSelection(name, spec, root, spec.into, table, base, predicate, split, like, fingerprint)


def is_current(registry: Registry, bound: BoundSelection) -> bool:
    last = registry.catalog.last_run("select", bound.name)
    return last is not None and last.facets["select"]["fingerprint"] == bound.fingerprint


def run_selection(registry: Registry, bound: BoundSelection) -> SelectionOutcome:
    """Evaluate and publish. Where the rows are those that the derived dataset already has, no version is made."""
    if is_current(registry, bound):
        return SelectionOutcome(None, registry.rows_of(bound.into))
    started = now()
    selection = evaluate(bound)
    run = Run(
        id=new_run_id(),
        job=Job("select", bound.name),
        state=RunState.COMPLETE,
        started_at=started,
        ended_at="",
        inputs=_inputs(registry, bound),
        facets={
            "select": {
                "use": bound.spec.use,
                "where": bound.spec.where,
                "params": dict(bound.spec.params),
                "sample": bound.spec.sample.model_dump() if bound.spec.sample else None,
                "fingerprint": bound.fingerprint,
                "digest": selection.digest,
                "splits": dict(selection.counts()),
            }
        },
    )
    landed = publish_selection(registry, bound.into, bound.root, bound.table, selection, run)
    landed = landed or replace(run, ended_at=now())
    registry.record(landed)
    return SelectionOutcome(landed, len(selection))


def evaluate(bound: BoundSelection) -> Selection:
    """Which rows of the root it keeps, now. Reads the columns that the recipe names and ``sample_id``."""
    columns = ["sample_id"]
    if bound.split is not None and bound.split.group is not None:
        columns.append(bound.split.group)
    predicate = bound.predicate.to_lance(bound.table.schema) if bound.predicate else None
    with reading(f"pass {bound.name}"):
        rows = bound.table.scanner(columns=columns, filter=predicate, with_row_id=True).to_table()
    row_ids = rows["_rowid"].to_numpy().astype(np.uint64)
    if bound.base is not None:
        keep = np.isin(row_ids, bound.base.row_ids)
        rows, row_ids = rows.filter(pa.array(keep)), row_ids[keep]
    sample_ids: list[bytes] = values(rows["sample_id"])
    if bound.spec.sample is not None:
        chosen = sample_rows(row_ids, sample_ids, bound.spec.sample, bound.like)
        keep = np.isin(row_ids, chosen)
        rows, row_ids = rows.filter(pa.array(keep)), row_ids[keep]
        sample_ids = values(rows["sample_id"])
    if bound.split is None:
        return Selection(np.sort(row_ids))
    groups = rows[bound.split.group] if bound.split.group is not None else None
    return split_rows(row_ids, sample_ids, groups, bound.split)


def _columns(table: lance.LanceDataset, name: str, predicate: Predicate | None, split: SplitParams | None) -> list[str]:
    columns = [column.partition(".")[0] for column in predicate.columns] if predicate else []
    if split is not None and split.group is not None:
        columns.append(split.group)
    for column in columns:
        if column not in table.schema.names:
            raise NotFound(
                f"pass {name}: there is no column {column!r} yet",
                hint=f"mmreg show, or the pass that makes {column!r}",
            )
    return columns


def _inputs(registry: Registry, bound: BoundSelection) -> tuple[RunInput, ...]:
    inputs: list[Any] = [registry.version_input(bound.root, bound.table)]
    if bound.spec.from_ != bound.root:
        inputs.append(registry.latest_input(bound.spec.from_))
    if bound.like is not None and bound.spec.sample is not None and bound.spec.sample.like is not None:
        inputs.append(registry.latest_input(bound.spec.sample.like))
    return tuple(inputs)
