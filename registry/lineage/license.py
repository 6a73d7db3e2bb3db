"""Licences: of all that a version or a model was made from, and what comes of all that is under one of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from mmreg.errors import NotFound, UsageError
from mmreg.registry.lineage.flow import Flow
from mmreg.registry.lineage.impact import begins_at, told
from mmreg.registry.lineage.touch import Spot, Walk, Way, begin, walk
from mmreg.schemas.impact import Impact, Remedy
from mmreg.schemas.license import Licenses, RowTerms, Terms, TermsConflict
from mmreg.schemas.model import Checkpoint
from mmreg.schemas.refs import NodeRef, VersionRef
from mmreg.schemas.run import Run
from mmreg.schemas.terms import UNKNOWN, canonical, kind, most_restrictive, parts, under

if TYPE_CHECKING:
    from mmreg.registry.workspace import Workspace

COLUMNS = ("license", "licence")
"""What a column with the licences of rows is called."""
BATCH_ROWS = 65_536
Told = Literal["mmreg.yaml", "ingest", "registration", "nobody"]


def licenses(workspace: Workspace, ref: NodeRef, *, rows: bool = False) -> Licenses:
    """The licences of every dataset and model that ``ref``, or a column of it, was made from.

    ``rows``: count the licences that rows have in a column ``license`` of their own, too; that opens Lance.
    """
    if ref.kind in ("run", "source"):
        raise UsageError(f"{ref} is under no licence", hint="mmreg license REF, or model:NAME")
    flow = Flow(workspace.catalog)
    focus, places = begins_at(workspace.catalog, flow, ref)
    graph = walk(workspace.catalog, flow, begin(places), "up")
    found = tuple(_terms(workspace, graph))
    own = _own(found)
    terms = tuple(one for one in found if one is not own)
    counted = tuple(_row_terms(workspace, ref)) if rows else ()
    own_rows = {row.dataset for row in counted} - {row.dataset for row in counted if row.license is None}
    all_of = [one.license for one in terms if one.name not in own_rows or one.what == "model"]
    all_of += [row.license for row in counted if row.license is not None]
    most = most_restrictive(all_of) if all_of else (own.license if own is not None else None)
    return Licenses(
        ref=graph.name(focus) + (f":{ref.column}" if ref.column else ""),
        license=own.license if own is not None else None,
        most_restrictive=most,
        kind=kind(most),
        terms=terms,
        rows=counted,
        unknown=tuple(one.ref for one in terms if one.license is None and (one.name not in own_rows)),
        conflicts=tuple(_conflicts(graph.name(focus), own, terms, counted)),
    )


def impact_of_license(workspace: Workspace, license: str) -> Impact:
    """All that comes of data and models under ``license``; it may have patterns, such as ``CC-BY-NC-*``.

    Raises `NotFound` where nothing is under it.
    """
    known: dict[str, set[str | None]] = {}
    flow = Flow(workspace.catalog)
    for run in workspace.catalog.runs("ingest"):
        found = {license_of_data(workspace, run.job.name, run)[0], run.facets["ingest"].get("license")}
        for output in run.outputs:
            flow.versions(output.dataset)
            known[f"version:{output.uuid}"] = found if len(found) == 1 else found - {None}
    for checkpoint in workspace.catalog.checkpoints():
        known.setdefault(f"checkpoint:{checkpoint.digest}", set()).add(license_of_model(workspace, checkpoint)[0])
    starts = [node for node, found in known.items() if any(under(one, license) for one in found)]
    if not starts:
        there = sorted({one or UNKNOWN for found in known.values() for one in found})
        from mmreg.schemas.suggest import did_you_mean

        near = did_you_mean(license, there)
        raise NotFound(f"nothing is under {license!r}{near}", hint="mmreg impact --license, as one of these is spelled")
    spots: dict[Spot, Way] = {}
    for node in starts:
        spots |= begin(flow.all_places(node), "registered" if node.startswith("checkpoint:") else "content")
    graph = walk(workspace.catalog, flow, spots)
    answer = told(workspace, graph, f"licence {license}", (), "once {ref} is left out, replaced or cleared")
    begins = tuple(map(graph.name, starts))
    if canonical(license) == canonical(UNKNOWN):
        declare = Remedy(None, "declare what is known (license: in mmreg.yaml, mmreg model add --license)")
        return replace(answer, starts=begins, todo=(declare, *answer.todo))
    return replace(answer, starts=begins)


def license_of_data(workspace: Workspace, dataset: str, ingest: Run | None) -> tuple[str | None, Told]:
    """As mmreg.yaml declares it now, else as the ingest recorded it; and which of them it was."""
    if declared := _declared(workspace, "datasets").get(dataset):
        return declared, "mmreg.yaml"
    recorded = ingest.facets.get("ingest", {}).get("license") if ingest is not None else None
    return (recorded, "ingest") if recorded else (None, "nobody")


def license_of_model(workspace: Workspace, checkpoint: Checkpoint) -> tuple[str | None, Told]:
    """As mmreg.yaml declares it now, where that means this checkpoint; else as it was registered."""
    if declared := _declared(workspace, "models").get(checkpoint.name):
        registered = workspace.catalog.registered(checkpoint.name)
        if registered and registered[0].digest == checkpoint.digest:
            return declared, "mmreg.yaml"
    return (checkpoint.license, "registration") if checkpoint.license else (None, "nobody")


def _declared(workspace: Workspace, section: Literal["datasets", "models"]) -> dict[str, str]:
    """The licences that mmreg.yaml declares, by name: read without the cost of checking everything else."""
    from mmreg.schemas.compose import apply_profile, fill_defaults
    from mmreg.schemas.located import Table, plain

    project = workspace.project
    if not isinstance(project.declared, Table):
        specs: Mapping[str, Any] = getattr(workspace.spec, section)
        return {name: spec.license for name, spec in specs.items() if spec.license}
    declared = plain(fill_defaults(apply_profile(project.declared, project.profile))).get(section)
    entries = declared.items() if isinstance(declared, dict) else ()
    said = {name: entry.get("license") for name, entry in entries if isinstance(entry, dict)}
    return {name: license for name, license in said.items() if isinstance(license, str) and license.strip()}


def _terms(workspace: Workspace, graph: Walk) -> Iterator[Terms]:
    """Of each dataset as its last ingest on the way has it, and of each model."""
    ways: dict[str, Way] = {}
    for spot, way in graph.ways.items():
        ways.setdefault(spot.place.node, tuple(reversed(graph.named(way))))
    found: dict[str, Terms] = {}
    for node, known in graph.nodes.items():
        if known.kind == "version" and graph.row(node) is None:
            license, said = license_of_data(workspace, known.name, None)
            found[known.name] = Terms("dataset", known.name, known.ref, license, kind(license), said, ways[node])
    for run in graph.runs:
        if run.job.kind in ("ingest", "unattributed") and f"run:{run.id}" in ways:
            license, said = license_of_data(workspace, run.job.name, run)
            for output in run.outputs:
                way = ways[f"run:{run.id}"][1:]
                found[output.dataset] = Terms("dataset", output.dataset, output.ref, license, kind(license), said, way)
    yield from found.values()
    yield from _of_models(workspace, graph, {node: way for node, way in ways.items() if node.startswith("checkpoint:")})


def _of_models(workspace: Workspace, graph: Walk, ways: Mapping[str, Way]) -> Iterator[Terms]:
    known: dict[str, list[Checkpoint]] = {}
    for checkpoint in workspace.catalog.checkpoints_with([node.removeprefix("checkpoint:") for node in ways]):
        known.setdefault(checkpoint.digest, []).append(checkpoint)
    began = {doc["digest"] for run in graph.runs for doc in run.checkpoints if _has_beginning(run)}
    for node, way in ways.items():
        digest = node.removeprefix("checkpoint:")
        license: str | None = None
        said: Told = "nobody"
        for checkpoint in known.get(digest, ()):
            if license is None:
                license, said = license_of_model(workspace, checkpoint)
            if checkpoint.base and digest not in began:
                base = f"model {checkpoint.base}"
                yield Terms("model", checkpoint.base, base, None, UNKNOWN, "nobody", (base, *way))
        yield Terms("model", graph.nodes[node].name, graph.name(node), license, kind(license), said, way)


def _has_beginning(run: Run) -> bool:
    return any(used.role == "init_from" for used in run.inputs)


def _own(found: Iterable[Terms]) -> Terms | None:
    """What the model that was asked about is under itself."""
    return next((one for one in found if one.what == "model" and len(one.way) == 1), None)


def _row_terms(workspace: Workspace, ref: NodeRef) -> Iterator[RowTerms]:
    """Streams one column: 65,536 rows at a time."""
    from collections import Counter

    import pyarrow as pa

    from mmreg.schemas.cells import values

    if ref.kind != "version":
        raise UsageError(f"{ref} has no rows", hint=f"mmreg license {ref}")
    for part in workspace.open_version(VersionRef.parse(ref.value)).parts:
        named = (f for f in part.table.schema if f.name.lower() in COLUMNS)
        column = next((f.name for f in named if pa.types.is_string(f.type) or pa.types.is_large_string(f.type)), None)
        if column is None:
            continue
        counted: Counter[str | None] = Counter()
        for batch in part.batches([column], None, BATCH_ROWS):
            counted.update(text if text and text.strip() else None for text in values(batch.column(column)))
        for license, rows in counted.most_common():
            yield RowTerms(part.root, column, license, kind(license), rows)


def _conflicts(
    focus: str, own: Terms | None, terms: Iterable[Terms], rows: Iterable[RowTerms]
) -> Iterator[TermsConflict]:
    """What does not go together by the names of the licences; no lawyer has read their texts."""
    names: dict[str, str] = {}
    for license in [*(one.license for one in terms), *(row.license for row in rows)]:
        for one in parts(license) if license else ():
            names.setdefault(canonical(one), one)
    by_kind: dict[str, list[str]] = {}
    for one in names.values():
        by_kind.setdefault(kind(one), []).append(one)
    alike = by_kind.get("share alike", [])
    if len(alike) > 1:
        yield TermsConflict(tuple(alike), "each demands that what is made of it is under itself")
    for other in (*by_kind.get("non-commercial", ()), *by_kind.get("use restricted", ())):
        for one in alike:
            yield TermsConflict((one, other), f"{one} forbids to add restrictions, and {other} adds one: {kind(other)}")
    for one in by_kind.get("no derivatives", ()):
        yield TermsConflict((one,), f"it allows nothing to be made of it, and {focus} was")
    if own is not None and own.license:
        above = most_restrictive([own.license, *names.values()])
        if above is not None and kind(above) != kind(own.license):
            why = f"{focus} is said to be {kind(own.license)}, and what it was made from is {kind(above)}"
            yield TermsConflict((own.license, above), why)
