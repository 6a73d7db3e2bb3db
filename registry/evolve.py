"""A version of a root with other columns: what a declaration adds, renames or retypes, and what is dropped.

A derived dataset that refers to the root follows it with the rows that it has, so that both have the same names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Literal

from mmreg.registry.clock import now
from mmreg.registry.commit import Draft, publish
from mmreg.registry.derive import repoint
from mmreg.registry.operations.schema import SchemaChange, change_schema
from mmreg.registry.runs import new_run_id
from mmreg.schemas.run import Job, Run, RunState

if TYPE_CHECKING:
    import lance
    import pyarrow as pa

    from mmreg.registry.catalog import VersionRow
    from mmreg.registry.workspace import Workspace

_KINDS: tuple[Literal["schema", "drop"], ...] = ("schema", "drop")
Find = Callable[["pa.Schema"], SchemaChange]
"""From the columns of the newest version to what is still to change of them."""


def change_columns(
    workspace: Workspace,
    root: str,
    find: Find,
    *,
    kind: Literal["schema", "drop"] = "schema",
    name: str,
    passes: Mapping[str, str] | None = None,
    facets: Mapping[str, Any] | None = None,
) -> Run | None:
    """Publish what ``find`` finds, as one version; None where nothing is to change. Raises as `change_schema` does.

    The run is of the job ``kind`` ``name``. ``passes`` are renamed ones, by their old names: `producers` reads them.
    """
    table = workspace.newest(root).table
    run = Run(
        id=new_run_id(),
        job=Job(kind, name),
        state=RunState.COMPLETE,
        started_at=now(),
        ended_at="",
        inputs=(workspace.version_input(root, table),),
        facets=dict(facets or {}),
    )

    def build(newest: lance.LanceDataset | None) -> Draft | None:
        assert newest is not None
        change = find(newest.schema)
        if not change:
            return None
        said = {**_facet(newest.schema, change), "passes": dict(passes or {}), "derived": [*_behind(workspace, root)]}
        columns = (f.name for f in (*change.added, *change.retyped.values()))
        return Draft(
            change_schema(newest, change),
            "root",
            newest.count_rows(),
            rejected=workspace.rejected_count(root),
            columns=(*columns, *change.renamed.values()),
            facets={"schema": said},
        )

    landed = publish(workspace.lake, root, run, build)
    if landed is None:
        return None
    workspace.record(landed)
    return followed(workspace, landed) or landed


def followed(workspace: Workspace, run: Run) -> Run | None:
    """``run``, which changed the columns of a root, with the derived datasets on it brought along; None: they were.

    A crash may have come between the commits.
    """
    facet = run.facets.get("schema", {})
    output = run.outputs[0] if run.outputs else None
    if output is None or output.lance_version is None:
        return None
    root = next(o.dataset for o in run.outputs if o.kind == "root")
    whole = run
    there = {o.dataset for o in run.outputs}
    for dataset in facet.get("derived", ()):
        if not workspace.exists(dataset):  # dropped since
            continue
        newest = workspace.latest(dataset)
        if dataset not in there and _is_behind(newest, root) and newest.created_at <= run.ended_at:
            whole = repoint(workspace, dataset, root, whole)
    if whole is run:
        return None
    workspace.record(whole)
    return whole


def complete(workspace: Workspace, root: str) -> None:
    """Bring derived datasets along with the last change of ``root``'s columns, where a crash kept them back."""
    for kind in _KINDS:
        last = workspace.catalog.last_run(kind, root)
        derived = last.facets.get("schema", {}).get("derived", ()) if last is not None else ()
        if last is not None and set(derived) - {output.dataset for output in last.outputs}:
            with workspace.alone(f"schema.{root}"):
                followed(workspace, last)


def earlier_names(workspace: Workspace, row: VersionRow) -> tuple[dict[str, str | None], dict[str, str]]:
    """What columns, and passes, of the version ``row`` were called before it, where it changed that.

    A column is None where it was not there, or not made by anybody: added, or dropped and made anew since.
    """
    facet = workspace.catalog.run(row.run).facets.get("schema", {})
    columns: dict[str, str | None] = dict.fromkeys([*facet.get("added", ()), *facet.get("dropped", ())])
    columns |= {new: old for old, new in facet.get("renamed", {}).items()}
    return columns, {new: old for old, new in facet.get("passes", {}).items()}


def called_now(workspace: Workspace, root: str, run: Run, columns: Iterable[str]) -> dict[str, str]:
    """What ``columns``, as ``run`` named them when it published ``root``, are called in its newest version.

    Those that are gone are left out.
    """
    since: list[dict[str, str | None]] = []
    for row in workspace.catalog.versions(root):
        if row.run == run.id:
            break
        if row.job_kind in ("schema", "drop"):
            since.append(earlier_names(workspace, row)[0])
    names = {column: column for column in columns}
    for before in reversed(since):
        after = {old: new for new, old in before.items() if old is not None}
        names = {c: after.get(n, n) for c, n in names.items() if n in after or n not in before}
    return names


def _facet(there: pa.Schema, change: SchemaChange) -> dict[str, Any]:
    return {
        "added": [f.name for f in change.added],
        "renamed": {**change.renamed, **{old: f.name for old, f in change.retyped.items() if old != f.name}},
        "retyped": {f.name: [str(there.field(old).type), str(f.type)] for old, f in change.retyped.items()},
        "dropped": sorted(change.dropped),
    }


def _behind(workspace: Workspace, root: str) -> Iterator[str]:
    """The derived datasets that refer to ``root`` and to no other root."""
    for summary in workspace.catalog.datasets():
        if summary.kind == "derived" and _is_behind(workspace.latest(summary.name), root):
            yield summary.name


def _is_behind(newest: VersionRow, root: str) -> bool:
    return [pinned["dataset"] for pinned in newest.roots] == [root]
