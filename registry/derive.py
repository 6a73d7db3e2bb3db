"""Versions of derived datasets: new rows, or the same rows on newer versions of their roots."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from mmreg.registry.commit import Draft, publish
from mmreg.registry.operations.selection import replace_rows
from mmreg.registry.selection import Selection, read_selection
from mmreg.schemas.run import Run

if TYPE_CHECKING:
    import lance
    from lance.fragment import FragmentMetadata

    from mmreg.registry.catalog import VersionRow
    from mmreg.registry.workspace import Workspace


def roots_at(row: VersionRow) -> list[tuple[str, int]]:
    """The roots that a version refers to, by number, each with its Lance version; a root refers to itself."""
    if row.kind == "root":
        return [(row.dataset, row.lance_version)]
    return [(root["dataset"], root["lance_version"]) for root in row.roots]


def selected_by(workspace: Workspace, row: VersionRow) -> VersionRow | None:
    """The version of a derived dataset at which its rows as of ``row`` were chosen: itself, or one before it."""
    return next(selections_of(workspace, row), None)


def selections_of(workspace: Workspace, row: VersionRow) -> Iterator[VersionRow]:
    """The versions up to ``row`` that selections made, the newest first."""
    for version in workspace.catalog.versions(row.dataset):
        if version.lance_version <= row.lance_version and version.job_kind == "select":
            yield version


def publish_selection(
    workspace: Workspace, dataset: str, tables: Mapping[str, lance.LanceDataset], selection: Selection, run: Run
) -> Run | None:
    """Make ``selection`` of ``tables``, each root at a version, the next version of ``dataset``.

    None where it has these rows already and refers to these root versions, or to newer ones.
    """

    def build(newest: lance.LanceDataset | None) -> Draft | None:
        if newest is not None and read_selection(newest).digest == selection.digest:
            pinned = workspace.version_at(dataset, newest.version).roots
            there = {root["dataset"]: root["lance_version"] for root in pinned}
            if there.keys() == tables.keys() and all(there[r] >= t.version for r, t in tables.items()):
                return None
        return _draft(workspace, dataset, tables, selection, new=newest is None)

    return publish(workspace.lake, dataset, run, build)


def repoint(workspace: Workspace, dataset: str, root: str, run: Run) -> Run:
    """Give ``dataset`` a version with the rows that it has, on the root version that ``run`` published.

    A column pass over a derived dataset writes to the root; this is the second half of its work. Doing it twice
    changes nothing.
    """
    output = next(o for o in run.outputs if o.dataset == root)
    table = workspace.lake.table(root, output.lance_version)

    def build(newest: lance.LanceDataset | None) -> Draft | None:
        assert newest is not None
        pinned = workspace.version_at(dataset, newest.version).roots
        if any(other["lance_version"] >= table.version for other in pinned):
            return None  # somebody already moved it this far
        return _draft(workspace, dataset, {root: table}, read_selection(newest), new=False)

    return publish(workspace.lake, dataset, run, build) or run


def move(
    workspace: Workspace,
    dataset: str,
    run: Run,
    target: Callable[[VersionRow, Selection], tuple[Selection, Mapping[str, lance.LanceDataset]] | None],
) -> Run | None:
    """Give ``dataset`` a version as ``target`` wants it, from its newest version and the rows of that: other rows, or
    other versions of its roots, by their numbers. None where it wants nothing."""

    def build(newest: lance.LanceDataset | None) -> Draft | None:
        assert newest is not None
        wanted = target(workspace.version_at(dataset, newest.version), read_selection(newest))
        return _draft(workspace, dataset, wanted[1], wanted[0], new=False) if wanted is not None else None

    return publish(workspace.lake, dataset, run, build)


def completed(workspace: Workspace, run: Run) -> Run | None:
    """The pass ``run`` with its second half done now; None where nothing was missing.

    Missing is it where a crash came between the halves, and nobody has given the dataset other rows since.
    """
    derived = run.facets["pass"].get("derived")
    if derived is None or len(run.outputs) != 1 or run.outputs[0].lance_version is None:
        return None
    if not workspace.exists(derived):  # dropped since
        return None
    newest = workspace.latest(derived)
    behind = all(pinned["lance_version"] < run.outputs[0].lance_version for pinned in newest.roots)
    if not behind or newest.created_at > run.ended_at:
        return None
    whole = repoint(workspace, derived, run.outputs[0].dataset, run)
    workspace.record(whole)
    return whole


def _draft(
    workspace: Workspace,
    dataset: str,
    tables: Mapping[str, lance.LanceDataset],
    selection: Selection,
    *,
    new: bool,
) -> Draft:
    pins = tuple(workspace.root_pin(root, table) for root, table in tables.items())
    for pin in pins:
        workspace.pin(pin["dataset"], pin["uuid"], pin["lance_version"])
    fragments = _write(workspace, dataset, selection, new=new)
    operation = replace_rows(selection.schema(), fragments)
    return Draft(operation, "derived", len(selection), roots=pins)


def _write(workspace: Workspace, dataset: str, selection: Selection, *, new: bool) -> list[FragmentMetadata]:
    from lance.fragment import write_fragments

    written = write_fragments(
        selection.to_arrow(),
        workspace.lake.table_uri(dataset),
        schema=selection.schema(),
        mode="create" if new else "overwrite",
        storage_options=workspace.lake.store.options or None,
    )
    assert isinstance(written, list)
    return written
