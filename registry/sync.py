"""Making run objects and index agree with the lake's commits: the order of writes is commit, run object, index,
and each is repaired from the one before."""

from __future__ import annotations

from mmreg.errors import ReadOnly
from mmreg.registry.catalog import Catalog, VersionRow
from mmreg.registry.lake import Lake
from mmreg.registry.runs import write_run
from mmreg.schemas.run import Run


def record(lake: Lake, catalog: Catalog, run: Run) -> None:
    """Write ``run``'s object and absorb it: what follows every commit, and what is all of a run without one."""
    write_run(lake.store, run)
    catalog.absorb(run)
    for output in run.outputs:
        if output.lance_version is not None and catalog.watermark(output.dataset) == output.lance_version - 1:
            catalog.set_watermark(output.dataset, output.lance_version)


def catch_up(lake: Lake, catalog: Catalog) -> list[Run]:
    """Bring the index up to date. Returns the runs whose objects were missing and were written from their commits.

    A commit that others made gets a run that says so. In a lake that cannot be written to the index alone learns of
    them (`Catalog.unwritten`). Where nothing happened since the last time this lists folders and opens no table.
    """
    catalog.catch_up(lake.store)
    repaired = []
    for dataset in lake.datasets():
        repaired += _commits_without_object(lake, catalog, dataset)
    return repaired


def _commits_without_object(lake: Lake, catalog: Catalog, dataset: str) -> list[Run]:
    on_disk = lake.versions_on_disk(dataset)
    mark = catalog.watermark(dataset) or 0
    newer = [version for version in on_disk if version > mark]
    if not newer:
        return []
    known = {row.lance_version for row in catalog.versions(dataset)}
    repaired: list[Run] = []
    unknown = [version for version in newer if version not in known]
    if unknown:
        from mmreg.registry.commit import repaired_run  # not above: most who ask find nothing new
        from mmreg.registry.digests import sealed
        from mmreg.registry.foreign import observed

        table = lake.table(dataset)
        for version in unknown:
            try:
                run = repaired_run(lake, dataset, table, version)
                missing = run is not None
                if run is None and (before := _before(catalog, dataset, version)) is not None:
                    foreign = observed(table, version, before)
                    transaction = table.read_transaction(version)
                    based_on = transaction.read_version if transaction is not None else version - 1
                    run = sealed(lake, foreign, dataset, based_on)
            except LookupError:
                continue  # cleaned up between listing and reading
            if run is not None:
                written = write_object(lake, run)
                catalog.absorb(run)
                repaired += [run] if missing and written else []
    catalog.set_watermark(dataset, newer[-1])
    return repaired


def write_object(lake: Lake, run: Run) -> bool:
    """Write the run's object; False where the lake cannot be written to: what only looks needs the index alone."""
    try:
        write_run(lake.store, run)
    except ReadOnly:
        return False
    return True


def _before(catalog: Catalog, dataset: str, lance_version: int) -> VersionRow | None:
    """The recorded version that came before; None in a table that was never mmreg's."""
    return next((row for row in catalog.versions(dataset) if row.lance_version < lance_version), None)
