"""What has happened to a root up to one of its versions: which columns it was given, and by which runs of which passes.

Columns and passes are named as in that version, whatever they were called when they ran.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pyarrow.compute as pc

from mmreg.registry.evolve import earlier_names
from mmreg.registry.lake import reading
from mmreg.schemas.arrow import ORIGIN, PARENT, SAMPLE_ID, state_column
from mmreg.schemas.run import Run

if TYPE_CHECKING:
    from mmreg.registry.catalog import VersionRow
    from mmreg.registry.workspace import Workspace


@dataclass(frozen=True)
class PassHistory:
    """The ``runs`` of a pass in a root, the newest first. ``columns`` are those of its outputs that are still there,
    ``inputs`` the columns that the fingerprints of its last run are over, where it tells. ``makes_rows``: the rows of
    the root are its own."""

    runs: Sequence[Run]
    columns: tuple[str, ...]
    inputs: tuple[str, ...] | None
    makes_rows: bool

    def shows_in(self, columns: Collection[str] | None) -> bool:
        """Whether ``columns`` of the root (None: all), or which rows it has, are what the pass made."""
        return self.makes_rows or bool(self.columns if columns is None else {*columns}.intersection(self.columns))

    def generations(self) -> dict[int, list[Run]]:
        """Its runs by generation, the last one's first."""
        found: dict[int, list[Run]] = {}
        for run in self.runs:
            found.setdefault(int(run.facets["pass"]["generation"], 16), []).append(run)
        return found


@dataclass(frozen=True)
class History:
    """``declared`` are the columns that its source has, or the pass that makes its rows; ``ingest`` is the last one."""

    row: VersionRow
    declared: frozenset[str]
    ingest: Run | None
    passes: Mapping[str, PassHistory] = field(default_factory=dict)


def history(
    workspace: Workspace, row: VersionRow, versions: Sequence[VersionRow], run_of: Callable[[str], Run]
) -> History:
    """All that made the root version ``row``, as far as it is recorded.

    ``versions`` are those of its root, the newest first, and ``run_of`` knows runs by their ids.
    """
    columns: dict[str, str | None] = {}  # what a column of an earlier version is called in this one; None: it is gone
    renamed: dict[str, str] = {}
    declared: set[str] = {SAMPLE_ID.name}
    ingest: Run | None = None
    runs: dict[str, list[Run]] = {}
    made: dict[str, dict[str, None]] = {}
    read: dict[str, tuple[str, ...] | None] = {}

    def now_called(names: Sequence[str]) -> list[str]:
        return [now for name in names if (now := columns.get(name, name)) is not None]

    for version in versions:
        if version.lance_version > row.lance_version:
            continue
        if version.job_kind in ("schema", "drop"):
            added = run_of(version.run).facets.get("schema", {}).get("added", ())
            declared.update(now_called(added) if version.job_kind == "schema" else ())
            before, passes_before = earlier_names(workspace, version)
            later = {name: columns.get(name, name) for name in before}
            columns |= dict.fromkeys(before)
            columns |= {old: later[new] for new, old in before.items() if old is not None}
            renamed |= {old: renamed.get(new, new) for new, old in passes_before.items()}
        elif version.job_kind == "ingest":
            run = run_of(version.run)
            ingest = ingest or run
            declared.update(now_called(run.facets["ingest"].get("columns") or version.columns))
        elif version.job_kind == "pass":
            run = run_of(version.run)
            name = renamed.get(run.job.name, run.job.name)
            outputs = now_called(version.columns)
            if name not in runs:
                told = run.facets["pass"].get("fingerprinted")
                now = now_called(told) if told is not None else []
                read[name] = tuple(now) if told is not None and len(now) == len(told) else None
            runs.setdefault(name, []).append(run)
            made.setdefault(name, {}).update(dict.fromkeys(outputs))
            if run.facets["pass"].get("into") == row.dataset:
                declared.update(outputs, (PARENT.name, ORIGIN.name))
    passes = {
        name: PassHistory(
            found,
            tuple(made[name]),
            read[name],
            makes_rows=found[0].facets["pass"].get("into") == row.dataset,
        )
        for name, found in runs.items()
    }
    return History(row, frozenset(declared), ingest, passes)


def alive(workspace: Workspace, row: VersionRow, name: str, passed: PassHistory) -> dict[int, list[Run]]:
    """The generations, with their runs, of which the root version ``row`` may have rows: the last one first.

    Where a pass had several, the state of the rows says which are still there; all are, where the version is gone.
    """
    found = passed.generations()
    if len(found) == 1:
        return found
    table = workspace.lake.find_table(row.dataset, row.lance_version)
    state = state_column(name)
    if table is None or state not in table.schema.names:
        return found
    latest, *_ = found
    there: set[Any] = {latest}
    with reading(row.ref):
        for batch in table.scanner(columns=[f"{state}.generation"], batch_size=65_536).to_batches():
            there.update(pc.unique(batch.column(0)).to_pylist())
    return {generation: runs for generation, runs in found.items() if generation in there}
