"""What runs name, and what names runs: objects, decisions, run objects and the archive."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

from mmreg.errors import IntegrityError, MmregError, NotFound, StorageError
from mmreg.registry.commit import recorded_run
from mmreg.registry.decisions import facet_of
from mmreg.registry.digests import digest_file, manifest_path
from mmreg.registry.erase.tombstones import replacements
from mmreg.registry.fsck.guard import guarded
from mmreg.registry.fsck.records import Records
from mmreg.registry.objects import get_object
from mmreg.registry.runs import ARCHIVE, archive_digests, open_archive
from mmreg.schemas.cells import values
from mmreg.schemas.damage import Damage

if TYPE_CHECKING:
    from mmreg.registry.fsck.files import TableFiles
    from mmreg.registry.store import Store
    from mmreg.schemas.run import Run


def damaged_objects(records: Records) -> Iterator[Damage]:
    """Run objects that are no records, and copies of one run that contradict each other."""
    for key, reason in sorted(records.damaged.items()):
        yield Damage("run_damaged", f"{key}: {reason}", file=key, hint="mmreg fsck --repair")
    yield from records.broken


def commits_without_object(files: TableFiles) -> Iterator[tuple[Damage, int]]:
    """Versions that mmreg committed and that no run object tells of, with their Lance versions."""
    for version in files.whole:
        if version in files.known:
            continue
        try:
            with guarded(files.ref(version)):
                run = recorded_run(files.open(version), version)
        except StorageError as error:
            yield Damage("unreadable", error.message, dataset=files.dataset, hint="mmreg fsck --deep"), version
            continue
        if run is not None:
            said = f"{files.ref(version)} was committed by run {run.id}, which has no object"
            damage = Damage(
                "run_missing", said, dataset=files.dataset, lance_versions=(version,), hint="mmreg fsck --repair"
            )
            yield damage, version


def objects(records: Records, store: Store) -> Iterator[Damage]:
    """Objects and decisions that runs name and that are missing, or are others now."""
    told: set[str] = set()
    for run, digest in records.named_objects():
        if digest in told:
            continue
        told.add(digest)
        try:
            get_object(store, digest)
        except (IntegrityError, StorageError) as error:
            key = f"_mmreg/objects/{digest[:2]}/{digest}"
            yield Damage("object", f"{error.message}: run {run.id} names it", file=key, hint=_lost(run))
    for run in records.runs.values():
        facet = facet_of(run)
        if facet is None:
            continue
        wrong = _wrong(store, facet["path"], facet["sha256"])
        if wrong is not None:
            said = f"{facet['path']}, the decisions of run {run.id}, {wrong}"
            hint = "copy it back from a backup; only why and diff need it"
            yield Damage("object", said, file=facet["path"], hint=hint)


def archive(records: Records, store: Store, *, deep: bool) -> Iterator[Damage]:
    """The archive of runs: its newest version opens, and where ``deep`` its files are those that were written."""
    if records.archive is not None:
        hint = "copy its files back from a backup, then mmreg fsck --deep"
        yield Damage("unreadable", records.archive, file=ARCHIVE, hint=hint)
    needed = _archive_files(store)
    listed: set[str] = set()
    for key in list(store.list("_mmreg/archive")):
        try:
            files = {file["path"]: (file["size"], file["xxh3_128"]) for file in json.loads(store.get(key) or b"")}
        except (ValueError, KeyError, TypeError):
            yield Damage("object", f"{key} is no list of digests", file=key, hint="mmreg fsck --repair")
            continue
        listed |= files.keys()
        for path in files.keys() & needed if deep else ():
            place = f"{ARCHIVE}/{path}"
            try:
                found = digest_file(store, place)
            except (NotFound, StorageError) as error:
                yield Damage("missing", f"{place}: {error.message}", file=place, hint="copy it back from a backup")
                continue
            if found != files[path]:
                said = f"{place} has changed: its bytes are not those that were written"
                yield Damage("changed", said, file=place, hint="copy it back from a backup")
    if deep and records.archive is None and not any(undigested_archive(store)):
        for path in sorted(needed - listed):
            said = f"{ARCHIVE}/{path} is in no list of digests, as it was once: a list below _mmreg/archive has changed"
            yield Damage("object", said, file=f"{ARCHIVE}/{path}", hint="copy _mmreg/archive back from a backup")


def undigested_archive(store: Store) -> Iterator[int]:
    """Versions of the archive whose files nobody has digested."""
    there = {key.removeprefix(f"{ARCHIVE}/") for key in store.list(f"{ARCHIVE}/_versions")}
    newest = open_archive(store) if there else None
    for version in range(1, newest.version + 1) if newest is not None else ():
        if manifest_path(version) in there and store.get(archive_digests(version)) is None:
            yield version


def _archive_files(store: Store) -> set[str]:
    """The files that the versions of the archive need; where it does not open, all that were ever digested."""
    listed = {entry.key.removeprefix(f"{ARCHIVE}/") for entry in store.scan(ARCHIVE)}
    try:
        with guarded(ARCHIVE):
            table = open_archive(store)
            batches = table.tracked_files() if table is not None else ()
            return {path for batch in batches for path in values(batch.column("path"))}
    except StorageError:
        return listed


def _wrong(store: Store, key: str, sha256: str) -> str | None:
    digest = hashlib.sha256()
    try:
        for piece in store.stream(key):
            digest.update(piece)
    except NotFound:
        return "are missing"
    except MmregError as error:
        return f"cannot be read: {error.message}"
    found = digest.hexdigest()
    return None if found == sha256 or found in replacements(store, sha256) else "have changed"


def _lost(run: Run) -> str:
    if run.job.kind == "pass":
        return f"copy it back from a backup; without it, mmreg apply looks at every row of {run.job.name} again"
    return "copy it back from a backup"
