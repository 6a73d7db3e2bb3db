"""Removing versions of a table with the files that only they hold: the one caller of Lance's clean-up.

Lance is only ever told exact versions, and never to take files that no version names (``delete_unverified``): such a
file may be what another process is about to commit. It deletes a version's manifest after its files, so a removal that
was killed is seen in the listing of versions and ends by being repeated.

Whoever removes versions says so in a run, by `removed_facet`, before the first file goes: the index knows from there
why a version cannot be read any more.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mmreg.errors import StorageError, UsageError
from mmreg.registry.lake import Lake, first_line
from mmreg.schemas.run import REMOVED

if TYPE_CHECKING:
    from mmreg.registry.catalog import VersionRow


@dataclass(frozen=True)
class Cleaned:
    """What went from the disk."""

    files: int
    bytes: int


def remove_versions(lake: Lake, dataset: str, lance_versions: Iterable[int]) -> Cleaned:
    """Remove ``lance_versions`` of ``dataset`` and every file that no other version holds.

    Versions that are gone already are passed over, so it can be repeated after a kill. Call it while holding
    `upkeep_lease`, with pins released by `Workspace.unpin`. Raises `UsageError` for the newest version and for
    tagged ones, with nothing removed, and `StorageError`.
    """
    there = lake.versions_on_disk(dataset)
    doomed = sorted(set(lance_versions).intersection(there))
    if not doomed:
        return Cleaned(0, 0)
    if doomed[-1] == there[-1]:
        raise UsageError(f"{dataset}: Lance version {there[-1]} is the newest, which is never removed")
    table = lake.table(dataset)
    _refuse_tagged(table.tags.list(), dataset, doomed)
    try:
        stats = table.cleanup_old_versions(versions=doomed, delete_unverified=False)
    except (OSError, ValueError) as error:
        raise StorageError(f"{dataset}: cleaning up failed: {first_line(error)}", hint="mmreg fsck") from error
    if stats.failed_deletes:
        raise StorageError(f"{dataset}: {stats.failed_deletes} files could not be deleted", hint="repeat the command")
    manifests = stats.old_versions
    beside = stats.transaction_files_removed + stats.deletion_files_removed + stats.index_files_removed
    return Cleaned(manifests + stats.data_files_removed + beside, stats.bytes_removed)


def removed_facet(rows: Iterable[VersionRow]) -> dict[str, Any]:
    """The facet by which a run says that it removes the versions ``rows``."""
    said = [{"dataset": row.dataset, "uuid": row.uuid, "lance_version": row.lance_version} for row in rows]
    return {REMOVED: said}


def _refuse_tagged(tags: dict[str, Any], dataset: str, doomed: list[int]) -> None:
    held = {name: tag["version"] for name, tag in tags.items() if tag["version"] in doomed}
    if held:
        told = ", ".join(f"{name} on Lance version {version}" for name, version in sorted(held.items()))
        raise UsageError(f"{dataset}: tagged versions are never removed: {told}", hint="mmreg gc --plan")
