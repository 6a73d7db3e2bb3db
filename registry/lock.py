"""``mmreg.lock``, beside mmreg.yaml: written from the index, read and compared with the declaration without a lake."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mmreg.errors import NotFound, SpecError, StorageError
from mmreg.registry.text_file import replace_text
from mmreg.schemas.lock import FILE, Lock, LockedDataset, LockedModel, LockedPass
from mmreg.schemas.refs import ModelRef

if TYPE_CHECKING:
    from mmreg.config import Project
    from mmreg.registry.workspace import Workspace
    from mmreg.schemas.declaration import ProjectSpec
    from mmreg.schemas.declared import Declared


@dataclass(frozen=True)
class Disagreement:
    """Something that mmreg.yaml declares otherwise than when mmreg.lock was written.

    ``what`` names it (``pass clip``), ``message`` says how.
    """

    what: str
    message: str


def lock_path(project: Project) -> Path:
    """``mmreg.lock`` beside mmreg.yaml; a profile, through which names mean other things, has one of its own."""
    return project.folder / (FILE if project.profile is None else f"mmreg.{project.profile}.lock")


def read_lock(project: Project) -> Lock:
    """The project's lock. Raises `NotFound` where there is none, `SpecError` with its place for what cannot be read."""
    path = lock_path(project)
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise NotFound(f"{path}: this project has no lock yet", hint="mmreg apply --lock") from None
    except UnicodeDecodeError:
        raise SpecError("it is not UTF-8", file=str(path), hint="mmreg apply --lock writes it anew") from None
    except OSError as error:
        raise StorageError(f"{path}: {error.strerror}") from error
    return Lock.from_text(text, str(path))


def disagreements(lock: Lock, spec: ProjectSpec) -> tuple[Disagreement, ...]:
    """Where ``lock`` is not of what ``spec`` declares: whoever changed mmreg.yaml has not applied and locked it yet.

    Neither the lake nor any file is looked at, so a prompt's text or a plug-in's code may have moved unseen.
    """
    return tuple(_disagreements(lock, spec))


def _disagreements(lock: Lock, spec: ProjectSpec) -> Iterator[Disagreement]:
    if lock.project != spec.project:
        yield Disagreement("project", f"the lock is of the project {lock.project!r}, this one is {spec.project!r}")
    made = {declared.into for declared in spec.passes.values() if declared.into is not None}
    locked_roots = {name: entry.declared for name, entry in lock.datasets.items()}
    yield from _compared("dataset", locked_roots, dict(spec.datasets), also=made)
    for name in sorted(made - lock.datasets.keys()):
        yield Disagreement(f"dataset {name}", _NEW)
    yield from _compared("pass", {name: entry.declared for name, entry in lock.passes.items()}, dict(spec.passes))
    used = _refs(spec)
    yield from _compared("model", {name: entry.declared for name, entry in lock.models.items()}, used)


_NEW = "was not declared when the lock was written"


def _compared(
    kind: str, locked: Mapping[str, str | None], declared: Mapping[str, Declared | None], also: set[str] | None = None
) -> Iterator[Disagreement]:
    """Names of a ``kind`` on one side only, and those that are declared otherwise; ``also`` may be in the lock."""
    for name in sorted(locked.keys() | declared.keys()):
        if name not in locked:
            yield Disagreement(f"{kind} {name}", _NEW)
        elif name not in declared:
            if name not in (also or ()):
                yield Disagreement(f"{kind} {name}", "is in the lock, and mmreg.yaml needs it no longer")
        elif (part := declared[name]) is not None and part.digest != locked[name]:
            yield Disagreement(f"{kind} {name}", "is declared otherwise than when the lock was written")


def _refs(spec: ProjectSpec) -> dict[str, Declared | None]:
    """Every name of a model that the declaration uses, with what declares it here; None for one that is trained."""
    asked = [p.model for p in spec.passes.values()] + [t.init_from for t in spec.trainings.values()]
    named: dict[str, Declared | None] = {ref: spec.models.get(ref) for ref in asked if ref is not None}
    return {**named, **spec.models}


def write_lock(workspace: Workspace) -> Lock:
    """Write down what the index says now: whole or not at all, and nothing where the file says so already.

    Raises `StorageError` where the project's folder cannot be written to.
    """
    lock = resolve(workspace)
    path = lock_path(workspace.project)
    try:
        replace_text(path, lock.to_text())
    except OSError as error:
        raise StorageError(
            f"{path}: {error.strerror}; what was applied or promoted stays so",
            hint="mmreg apply --lock, where it can be written",
        ) from error
    return lock


def resolve(workspace: Workspace) -> Lock:
    """What the declared names mean now."""
    spec = workspace.spec
    names = [*spec.datasets, *(p.into for p in spec.passes.values() if p.into is not None)]
    return Lock(
        project=spec.project,
        lake=workspace.lake.id,
        datasets={name: _dataset(workspace, name) for name in names},
        models={ref: _model(workspace, ref) for ref in _refs(spec)},
        passes={name: _pass(workspace, name) for name in spec.passes},
    )


def _dataset(workspace: Workspace, name: str) -> LockedDataset:
    from mmreg.registry.show import ingest_at  # needs Arrow, which reading a lock does not

    spec = workspace.spec.datasets.get(name)
    declared = spec.digest if spec is not None else None
    row = workspace.catalog.meant(name) if workspace.exists(name) else None
    if row is None:
        return LockedDataset(declared=declared)
    ingest = ingest_at(workspace, name, row.lance_version) if spec is not None else None
    source = ingest.facets["ingest"]["listing"] if ingest is not None else None
    return LockedDataset(row.uuid, row.ordinal, row.rows, row.promoted, declared, source)


def _model(workspace: Workspace, name: str) -> LockedModel:
    spec = workspace.spec.models.get(name)
    try:
        found = workspace.catalog.checkpoint(ModelRef.parse(name)).digest
    except NotFound:  # not registered, or not trained yet
        found = None
    return LockedModel(found, spec.digest if spec is not None else None)


def _pass(workspace: Workspace, name: str) -> LockedPass:
    spec = workspace.spec.passes[name]
    last = workspace.last_pass_run(name)
    said = last.facets["pass"] if last is not None else {}
    return LockedPass(spec.digest, spec.use, said.get("version"), said.get("generation"), said.get("code"))
