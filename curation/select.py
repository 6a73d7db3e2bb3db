"""Running a selection: evaluate it on the newest roots, publish the derived dataset if its rows or cells moved."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import xxhash
from numpy.typing import NDArray

from mmreg.curation.evaluate import Evaluation, evaluate
from mmreg.curation.keep import as_selection
from mmreg.curation.selections.split import SplitParams
from mmreg.errors import NotFound, UsageError
from mmreg.registry.clock import now
from mmreg.registry.compact.carry import first_digest
from mmreg.registry.decisions import write_decisions
from mmreg.registry.derive import publish_selection
from mmreg.registry.members import Members, members_of
from mmreg.registry.runs import new_run_id
from mmreg.schemas.declaration import PassSpec
from mmreg.schemas.predicate import Predicate
from mmreg.schemas.run import Job, Run, RunInput, RunState

if TYPE_CHECKING:
    import lance

    from mmreg.registry.api import Registry

_RECIPE = {
    "use", "where", "split", "sample", "params", "top", "band", "all_of", "any_of", "none_of", "datasets",
}  # fmt: skip
"""What a declaration says of which rows are kept."""


@dataclass(frozen=True)
class BoundSelection:
    """A selection, ready to plan and to run. ``fingerprint`` moves with what it depends on and with nothing else.

    ``tables`` are the roots at the versions that are read, by number, and ``columns`` what is read of them. ``base``
    are the datasets whose rows are looked at, ``others`` all that are named, by name. ``said`` is a column that says
    why a row fails the predicate.
    """

    name: str
    spec: PassSpec
    into: str
    tables: Mapping[str, lance.LanceDataset]
    base: tuple[Members, ...]
    others: Mapping[str, Members]
    columns: tuple[str, ...]
    predicate: Predicate | None
    split: SplitParams | None
    like: int | None
    said: str | None
    fingerprint: str

    def within(self, root: str, row_ids: NDArray[np.uint64]) -> NDArray[np.bool_]:
        """Which rows of ``root`` are looked at."""
        here = np.zeros(len(row_ids), bool)
        for members in self.base:
            here |= members.of(root, row_ids)
        return here


@dataclass(frozen=True)
class SelectionOutcome:
    """``run`` is None where the same was asked before; without outputs where nothing that it keeps or shows moved."""

    run: Run | None
    rows: int
    same: bool = False
    """Whether the derived dataset had these rows already."""

    @property
    def said(self) -> str:
        """What it came to, for a person."""
        if self.run is None:
            return "its inputs are as they were"
        if not self.run.outputs:
            return "the same rows, with the same cells"
        if self.same:
            return f"the same {self.rows:,} rows, with the cells that they have now"
        facet = self.run.facets["select"]
        counts = facet["splits"] or {share["dataset"]: share["rows"] for share in facet["mix"]}
        return ", ".join(f"{name} {rows:,}" for name, rows in counts.items()) or f"{self.rows:,} rows"


def bind_selection(registry: Registry, name: str) -> BoundSelection:
    """Bind the declared selection ``name`` to the newest versions. Raises `NotFound` where versions or columns do not
    exist yet."""
    spec, said = as_selection(registry, name, registry.spec.passes[name])
    if spec.into is None:
        raise UsageError(f"pass {name}: a {spec.use} makes a derived dataset: say which", hint="into: NAME")
    if spec.use != "split" and spec.params:
        raise UsageError(f"pass {name}: a {spec.use} has no params", hint="where:, top:, sample: say what it keeps")
    others = {other: members_of(registry, other) for other in (*spec.all_of, *spec.any_of, *spec.none_of)}
    others |= {other: members_of(registry, other) for other in spec.datasets}
    base = tuple(others[d] for d in spec.datasets) or (members_of(registry, spec.from_, spec.split),)
    newest = {root: registry.newest(root) for members in base for root in members.roots}
    tables = {root: snapshot.table for root, snapshot in newest.items()}
    predicate = Predicate.parse(spec.where) if spec.where else None
    split = SplitParams.parse(spec.params, f"pass {name}") if spec.use == "split" else None
    like = None
    if spec.sample is not None and spec.sample.like is not None:
        like = registry.rows_of(spec.sample.like)
    named = _columns(spec, predicate, split, said)
    columns = [column.partition(".")[0] for column in named]
    _refuse_absent(name, tables, columns)
    parts = {
        "recipe": spec.model_dump(mode="json", include=_RECIPE, exclude_defaults=True),
        "roots": {
            root: first_digest(registry, root, snapshot.layout.digest(columns)) for root, snapshot in newest.items()
        },
        "base": [(members.dataset, members.digest) for members in base],
        "others": {other: members.digest for other, members in others.items()},
        "like": like,
    }
    fingerprint = xxhash.xxh3_128_hexdigest(json.dumps(parts, sort_keys=True).encode())
    return BoundSelection(name, spec, spec.into, tables, base, others, named, predicate, split, like, said, fingerprint)


def is_current(registry: Registry, bound: BoundSelection) -> bool:
    last = registry.catalog.last_run("select", bound.name)
    same = last is not None and last.facets["select"]["fingerprint"] == bound.fingerprint
    return same and registry.exists(bound.into)


def run_selection(
    registry: Registry, bound: BoundSelection, facets: Mapping[str, Any] | None = None
) -> SelectionOutcome:
    """Evaluate and publish; ``facets`` go into the run.

    What was decided about each row is kept, also where no version is made of it: where the derived dataset has these
    rows already, and their cells in the columns that the recipe names are what they were when it was last evaluated.
    """
    if is_current(registry, bound):
        return SelectionOutcome(None, registry.rows_of(bound.into))
    started = now()
    found = evaluate(bound)
    run = Run(
        id=new_run_id(),
        job=Job("select", bound.name),
        state=RunState.COMPLETE,
        started_at=started,
        ended_at="",
        inputs=_inputs(registry, bound),
    )
    # Before the commit: a version whose decisions are not there could not say why it is what it is.
    kept = write_decisions(registry.lake.store, bound.into, run.id, found.decisions)
    run = replace(run, facets={**(facets or {}), "select": {**_facet(bound, found), "decisions": kept}})
    same = registry.exists(bound.into) and members_of(registry, bound.into).digest == found.selection.digest
    last = registry.catalog.last_run("select", bound.name)
    still = same and last is not None and last.facets["select"].get("cells") == found.cells
    landed = None if still else publish_selection(registry, bound.into, bound.tables, found.selection, run)
    landed = landed or replace(run, ended_at=now())
    registry.record(landed)
    return SelectionOutcome(landed, len(found.selection), same)


def _columns(
    spec: PassSpec, predicate: Predicate | None, split: SplitParams | None, said: str | None
) -> tuple[str, ...]:
    columns = list(predicate.columns) if predicate else []
    columns += [ranked.column for ranked in (spec.top, spec.band) if ranked is not None]
    if split is not None and split.group is not None:
        columns.append(split.group)
    return tuple(dict.fromkeys(columns + ([said] if said else [])))


def _refuse_absent(name: str, tables: Mapping[str, lance.LanceDataset], columns: list[str]) -> None:
    for root, table in tables.items():
        for column in columns:
            if column not in table.schema.names:
                where = f" in {root}" if len(tables) > 1 else ""
                raise NotFound(
                    f"pass {name}: there is no column {column!r} yet{where}",
                    hint=f"mmreg show, or the pass that makes {column!r}",
                )


def _facet(bound: BoundSelection, found: Evaluation) -> dict[str, Any]:
    spec = bound.spec
    return {
        "use": spec.use,
        "where": spec.where,
        "params": dict(spec.params),
        "sample": spec.sample.model_dump() if spec.sample else None,
        "recipe": spec.model_dump(mode="json", include=_RECIPE, exclude_defaults=True),
        "base": [{"ref": m.input.ref, "uuid": m.input.id, "split": spec.split} for m in bound.base],
        "columns": [column.partition(".")[0] for column in bound.columns],
        "fingerprint": bound.fingerprint,
        "digest": found.selection.digest,
        "cells": found.cells,
        "splits": dict(found.selection.counts()),
        "mix": [{"dataset": name, **asdict(share)} for name, share in found.shares.items()],
    }


def _inputs(registry: Registry, bound: BoundSelection) -> tuple[RunInput, ...]:
    inputs = [registry.version_input(root, table) for root, table in bound.tables.items()]
    derived = [m for m in (*bound.base, *bound.others.values()) if m.selection is not None]
    inputs += [members.input for members in derived]
    if bound.like is not None and bound.spec.sample is not None and bound.spec.sample.like is not None:
        inputs.append(registry.latest_input(bound.spec.sample.like))
    return tuple({told.id: told for told in inputs}.values())
