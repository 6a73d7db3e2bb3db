"""What can be mended without losing anything; what is replaced is kept under ``_mmreg/quarantine/``."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from mmreg.registry.clock import now
from mmreg.registry.commit import repaired_run
from mmreg.registry.digests import FileDigest, digest_files, files_facet, manifest_path
from mmreg.registry.runs import ARCHIVE, archive_digests, new_run_id, open_archive, write_run
from mmreg.schemas.cells import values
from mmreg.schemas.run import Job, Run, RunState

if TYPE_CHECKING:
    from mmreg.registry.fsck.files import TableFiles
    from mmreg.registry.fsck.records import Records
    from mmreg.registry.fsck.tags import Pin
    from mmreg.registry.lake import Lake
    from mmreg.registry.store import Store

QUARANTINE = "_mmreg/quarantine"


def write_missing_run(files: TableFiles, version: int) -> bool:
    """Write the run object of a commit from the commit itself."""
    run = repaired_run(files.lake, files.dataset, files.open(version), version)
    if run is not None:
        write_run(files.lake.store, run)
    return run is not None


def rewrite_run(lake: Lake, records: Records, tables: dict[str, TableFiles], key: str) -> bool:
    """Replace a damaged run object by what another copy, the archive or the commits say of that run.

    False where there is none: then it stays where it is, as a person may read more in it than mmreg does.
    """
    run_id = key.rpartition("/")[2].removesuffix(".json").partition("~")[0]
    run = records.runs.get(run_id)
    for files in tables.values():
        for version in files.whole:
            if run is None and version not in files.known:
                made = repaired_run(lake, files.dataset, files.open(version), version)
                run = made if made is not None and made.id == run_id else None
    if run is None:
        return False
    set_aside(lake.store, key)
    write_run(lake.store, run)
    records.runs[run_id] = run
    return True


def pin_anew(lake: Lake, pin: Pin) -> None:
    """Tag a version again; a torn tag file is set aside first."""
    if pin.torn is not None:
        set_aside(lake.store, pin.torn)
    table = lake.table(pin.dataset)
    if f"mmreg-{pin.uuid}" not in table.tags.list():
        table.tags.create(f"mmreg-{pin.uuid}", pin.lance_version)


def record_digests(lake: Lake, found: dict[str, list[FileDigest]]) -> Run:
    """Tell, in a run of its own, the digests of files that nobody had digested."""
    moment = now()
    run = Run(
        id=new_run_id(),
        job=Job("maintenance", "digests"),
        state=RunState.COMPLETE,
        started_at=moment,
        ended_at=moment,
        facets={"files": {dataset: files_facet(lake.store, files) for dataset, files in found.items()}},
    )
    write_run(lake.store, run)
    return run


def digest_archive(store: Store, version: int) -> None:
    """Digest the files of a version of the archive, as `archive` does after its commit."""
    table = open_archive(store)
    assert table is not None
    needed: set[str] = set()
    for batch in table.tracked_files(min_version=version):
        for number, path in zip(values(batch.column("version")), values(batch.column("path")), strict=True):
            if number == version:
                needed.add(path)
    files = digest_files(store, ARCHIVE, sorted({*needed, manifest_path(version)}))
    store.put(archive_digests(version), json.dumps([asdict(file) for file in files]).encode())


def set_aside(store: Store, key: str) -> str:
    """Move a file of the lake into quarantine, and return where it lies now."""
    place = f"{QUARANTINE}/{now().replace(':', '')}/{key}"
    data = b"".join(store.stream(key))
    store.put(place, data)
    store.delete(key)
    return place
