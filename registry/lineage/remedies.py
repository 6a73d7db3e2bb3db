"""What to do about an impact, in the order in which it is to be done: for what is still in use, not for all history."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from mmreg.registry.lineage.flow import ROWS, Place
from mmreg.registry.lineage.touch import SHORT, Walk
from mmreg.schemas.impact import Impact, Remedy, TouchedModel
from mmreg.schemas.run import Run, RunState

if TYPE_CHECKING:
    from mmreg.registry.catalog import VersionRow
    from mmreg.registry.workspace import Workspace

Left = Mapping[str, set[str]]
"""By dataset the columns of its newest version that are touched, `ROWS` among them."""


def remedies(workspace: Workspace, found: Walk, answer: Impact, mend: str) -> Iterator[Remedy]:
    """Mend it where it begins, run again what it went through, then let names mean something else."""
    left = _left(found)
    begins = [spot.place for spot, way in found.ways.items() if len(way) == 1]
    runs = list({run.job: run for run in found.runs if run.state is RunState.COMPLETE}.values())
    yield from dict.fromkeys(_mended(found, begins, left, mend))
    for run in runs:
        if run.job.kind == "pass" and _still_touches(run, left):
            yield _again(found, run, {place.node for place in begins})
        elif run.job.kind == "select" and any(ROWS in left.get(output.dataset, ()) for output in run.outputs):
            yield Remedy(f"mmreg apply {run.job.name}", f"it chose the rows of {_made(run)}")
    used = [model for model in answer.models if "registered" not in model.ways and _in_use(workspace, model)]
    yield from dict.fromkeys(_trained_again(found, model) for model in used)
    yield from _promotions(workspace, found, answer)
    yield from _aliases(workspace, answer)
    if any(name.kind == "locked" for name in answer.names):
        yield Remedy("mmreg apply --lock", "mmreg.lock names what is touched")


def _left(found: Walk) -> Left:
    latest = {row.dataset: f"version:{row.uuid}" for row in reversed(found.versions.values())}
    left: dict[str, set[str]] = {}
    for spot in found.ways:
        row = found.row(spot.place.node)
        if row is not None and latest[row.dataset] == spot.place.node:
            left.setdefault(row.dataset, set()).add(spot.place.column)
    return left


def _mended(found: Walk, begins: Iterable[Place], left: Left, mend: str) -> Iterator[Remedy]:
    """What is bad from the beginning: a source, data, or a column of them."""
    whole = {found.nodes[place.node].name for place in begins if place.column == ROWS}
    for place in begins:
        node = found.nodes[place.node]
        row = found.row(place.node)
        if node.kind == "source":
            for run in found.runs:
                if run.job.kind == "ingest" and any(f"source:{used.id}" == node.id for used in run.inputs):
                    yield Remedy(f"mmreg apply {run.job.name}", f"once {node.ref} is mended, read it anew")
        elif node.kind == "run" and node.facts.get("job") == "ingest" and left.get(node.name):
            yield Remedy(f"mmreg apply {node.name}", mend.format(ref=node.name))
        elif row is not None and row.kind == "root" and place.column == ROWS and ROWS in left.get(row.dataset, ()):
            yield Remedy(f"mmreg apply {row.dataset}", mend.format(ref=row.ref))
        elif row is not None and row.dataset not in whole:
            yield from _corrected(found, row, place.column)


def _corrected(found: Walk, row: VersionRow, column: str) -> Iterator[Remedy]:
    """Of a column what made it last."""
    for version in found.versions.values():
        if version.dataset == row.dataset and version.lance_version <= row.lance_version and column in version.columns:
            once = "its recipe is corrected" if version.job_kind == "pass" else "its source is mended"
            yield Remedy(f"mmreg apply {version.job_name}", f"it made {column} of {version.ref}: once {once}")
            return


def _still_touches(run: Run, left: Left) -> bool:
    """Whether a newest version still has columns that the pass made and that are touched, or rows."""
    into = run.facets.get("pass", {}).get("into")
    if into is not None:
        return bool(left.get(into))
    return any(set(output.columns) & left.get(output.dataset, set()) for output in run.outputs)


def _again(found: Walk, run: Run, begins: Container[str]) -> Remedy:
    command = f"mmreg apply {run.job.name}"
    for used in run.inputs:
        if used.role == "curated_by" and (node := f"checkpoint:{used.id}") in begins:
            return Remedy(command, f"once mmreg.yaml declares another model for it: it asked {found.name(node)}")
    if f"run:{run.id}" in begins:
        return Remedy(command, f"it made {_made(run)}: once its recipe is corrected")
    return Remedy(command, f"it made {_made(run)} from what is touched")


def _made(run: Run) -> str:
    into = run.facets.get("pass", {}).get("into")
    outputs = [o for o in run.outputs if (o.dataset == into if into else o.kind == "root" or run.job.kind == "select")]
    columns = [column for output in outputs for column in output.columns if not column.startswith("_")]
    refs = ", ".join(output.ref for output in outputs)
    return f"{', '.join(columns)} of {refs}" if columns and not into else refs


def _in_use(workspace: Workspace, model: TouchedModel) -> bool:
    """Whether a name means it: an alias, or its model's own as the newest."""
    newest = workspace.catalog.registered(model.name)
    return bool(model.aliases) or (bool(newest) and newest[0].digest == model.digest)


def _trained_again(found: Walk, model: TouchedModel) -> Remedy:
    why = f"{model.name} {'was trained on' if 'trained' in model.ways else 'began from'} what is touched"
    for run in found.runs:
        if "command" in run.facets.get("training", {}) and any(d["digest"] == model.digest for d in run.checkpoints):
            return Remedy(f"mmreg apply {run.job.name}", why)
    return Remedy(None, f"{why}: train it anew, and record that (mmreg train record)")


def _promotions(workspace: Workspace, found: Walk, answer: Impact) -> Iterator[Remedy]:
    touched = {version.uuid for version in answer.versions}
    for version in answer.versions:
        if not version.promoted:
            continue
        dataset = found.versions[version.uuid].dataset
        free = (
            row
            for row in workspace.catalog.versions(dataset)
            if row.uuid not in touched and not row.removed_by and not row.failed
        )
        if (row := next(free, None)) is not None:
            why = f"{dataset} means {version.ref}; {row.ref} is the newest version that is not touched"
            yield Remedy(f"mmreg promote {row.ref}", why)
        else:
            why = f"{dataset} means {version.ref}, and each version of it is touched: promote the one that is made now"
            yield Remedy(f"mmreg promote {dataset}@latest", why)


def _aliases(workspace: Workspace, answer: Impact) -> Iterator[Remedy]:
    touched = {model.digest for model in answer.models}
    for model in answer.models:
        if not model.aliases:
            continue
        name = model.name
        free = (known.digest for known in workspace.catalog.registered(name) if known.digest not in touched)
        if (digest := next(free, None)) is not None:
            for alias in model.aliases:
                why = f"{name}@{alias} means {model.ref}; this is the newest checkpoint that is not touched"
                yield Remedy(f"mmreg model alias {name}@{digest[:SHORT]} {alias}", why)
