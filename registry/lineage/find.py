"""What a digest is of: models and their files and parts, sources, prompts and other objects, versions, media, samples.

The index and the names of the lake's objects are asked first; rows are looked through only where they are wanted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from mmreg.errors import NotFound
from mmreg.schemas.find import Found, Hit, HitKind, digest_beginning
from mmreg.schemas.refs import VersionRef
from mmreg.schemas.run import Run

if TYPE_CHECKING:
    from mmreg.registry.workspace import Workspace

OBJECTS = "_mmreg/objects/"
_KNOWN: Mapping[tuple[str, ...], tuple[HitKind, str]] = {
    ("pass", "prompt"): ("prompt", "the prompt of pass {job}"),
    ("pass", "code"): ("code", "the code of pass {job}"),
    ("pass", "generation"): ("generation", "a generation of pass {job}"),
    ("pass", "summary"): ("object", "how the rows stood after pass {job}"),
    ("select", "decisions", "sha256"): ("decisions", "what selection {job} decided about each row"),
    ("select", "fingerprint"): ("object", "what selection {job} was made from"),
    ("ingest", "rejected_object"): ("object", "the records of {job} that were rejected"),
    ("ingest", "listing"): ("source", "what the source of {job} listed"),
    ("training", "data", "rows"): ("rows", "the samples that training {job} saw"),
    ("annotations", "object"): ("object", "the annotations that pass {job} has counted"),
}
"""Where in the facets of a run a digest stands, numbers of lists left out, and what it is of there."""
_ELSEWHERE = ("checkpoints", "inputs", "outputs")
"""Parts of a run that the index knows by themselves."""


def find(workspace: Workspace, text: str, *, dataset: VersionRef | None = None, rows: bool = True) -> Found:
    """All that has a digest which begins with ``text`` (with ``sha256:`` or without, 8 digits or more).

    With ``rows`` media cells and samples are looked for, too, in the newest version of every root, or in ``dataset``:
    their columns of digests are read, never the media. Raises `UsageError` for what is no digest.
    """
    digits = digest_beginning(text)
    row = workspace.catalog.resolve(dataset) if dataset is not None else None
    hits = [*_models(workspace, digits), *_sources(workspace, digits), *_versions(workspace, digits)]
    hits += _told(workspace, digits, {hit.digest for hit in hits})
    hits += _objects(workspace, digits, {hit.digest for hit in hits})
    if not rows:
        return Found(digits, tuple(hits))
    from mmreg.registry.lineage.find_rows import find_rows, places

    looked = [row.readable()] if row is not None else places(workspace)
    found = [hit for version in looked for hit in find_rows(workspace, version, digits)]
    return Found(digits, (*hits, *found), tuple(version.ref for version in looked))


def _models(workspace: Workspace, digits: str) -> Iterator[Hit]:
    seen = set()
    for checkpoint in workspace.catalog.checkpoints_named(digits):
        ref = f"model:{checkpoint.name}@{checkpoint.digest[:12]}"
        if checkpoint.digest.startswith(digits):
            yield Hit("checkpoint", checkpoint.digest, ref, "weights" if not checkpoint.opaque else "an opaque model")
        for name, digest in checkpoint.files.items():
            if digest.startswith(digits) and (digest, ref) not in seen:
                seen.add((digest, ref))
                yield Hit("weights", digest, ref, f"its file {name}")
        for part in checkpoint.components:
            if part.digest is not None and part.digest.startswith(digits):
                frozen = ", frozen" if part.frozen else ""
                yield Hit("component", part.digest, ref, f"its component {part.name}{frozen}")


def _sources(workspace: Workspace, digits: str) -> Iterator[Hit]:
    for source in workspace.catalog.sources_named(digits):
        yield Hit("source", source.digest, f"source:{source.path}", f"read by {source.run}")


def _versions(workspace: Workspace, digits: str) -> Iterator[Hit]:
    for dataset, ordinal, uuid in workspace.catalog.versions_named(digits):
        yield Hit("version", uuid, str(VersionRef.at(dataset, ordinal, uuid)), "the uuid of this version")


def _told(workspace: Workspace, digits: str, known: set[str]) -> list[Hit]:
    """What runs name by a digest: each once, with the newest run and how many there are."""
    found: dict[tuple[str, str], Hit] = {}
    for run in workspace.catalog.runs_naming(digits):
        facets = {name: part for name, part in run.facets.items() if name not in _ELSEWHERE}
        for place, digest in dict.fromkeys(_digests(facets, digits, ())):
            hit = _hit(run, place, digest)
            if digest in known:
                continue
            before = found.get((hit.said, digest))
            found[hit.said, digest] = Hit(**{**vars(before), "count": before.count + 1}) if before else hit
    return list(found.values())


def _digests(value: Any, digits: str, place: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    if isinstance(value, Mapping):
        for name, part in value.items():
            if name.startswith(digits):
                yield place, name
            yield from _digests(part, digits, (*place, name))
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _digests(part, digits, place)
    elif isinstance(value, str) and value.startswith(digits) and set(value) <= set("0123456789abcdef"):
        yield place, value


def _hit(run: Run, place: tuple[str, ...], digest: str) -> Hit:
    kind, said = _KNOWN.get(place, ("run", f"{'.'.join(place)} of {run.job.kind} {{job}}"))
    return Hit(kind, digest, f"run:{run.id}", said.format(job=run.job.name))


def _objects(workspace: Workspace, digits: str, known: set[str]) -> Iterator[Hit]:
    """Objects of the lake that nothing above has told of."""
    for key in workspace.lake.store.list(f"{OBJECTS}{digits[:2]}"):
        digest = key.rpartition("/")[2]
        if digest.startswith(digits) and digest not in known:
            yield Hit("object", digest, key, "an object of the lake that no run names")


def nothing(found: Found) -> NotFound:
    """The error that says that nothing was found, and what to do."""
    where = f", nor in the rows of {', '.join(found.looked_in)}" if found.looked_in else "; rows were not looked at"
    hint = "mmreg find DIGEST --dataset NAME@VERSION looks through an older version"
    return NotFound(f"nothing in the index or the lake has a digest that begins with {found.asked}{where}", hint=hint)
