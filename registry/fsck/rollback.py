"""Going back from a newest version that cannot be opened, as a power loss may leave it: nothing can be committed on it.

Its manifest is moved aside, not deleted, and the version before it is committed anew, as a version of its own: so
that no reference to the torn version ever means another one, its Lance version is left out.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mmreg.errors import IntegrityError, NotFound, UsageError
from mmreg.registry.clean import remove_versions
from mmreg.registry.clock import now
from mmreg.registry.commit import Builder, Draft, Seen, publish, upkeep_lease
from mmreg.registry.digests import manifest_path
from mmreg.registry.fsck.files import TableFiles
from mmreg.registry.fsck.records import Records
from mmreg.registry.fsck.repair import QUARANTINE, set_aside
from mmreg.registry.leases import lease
from mmreg.registry.runs import new_run_id, transaction_uuid, write_run
from mmreg.schemas.damage import RolledBack
from mmreg.schemas.progress import Quiet
from mmreg.schemas.run import REMOVED, Job, Run, RunState

if TYPE_CHECKING:
    import lance

    from mmreg.registry.lake import Lake
    from mmreg.registry.workspace import Workspace

WAIT_S = 60.0


def rollback(workspace: Workspace, dataset: str) -> RolledBack:
    """Move the manifest of ``dataset``'s newest version aside where it is damaged, and commit the last good one anew.

    Raises `UsageError` where the newest version is whole, and `IntegrityError` where no version before it is.
    """
    lake = workspace.lake
    with lease(lake.store, upkeep_lease(dataset), wait_s=WAIT_S):
        files = TableFiles(lake, Records.read(lake.store), dataset, deep=False)
        if not files.retained:
            raise NotFound(f"{dataset}: no such dataset in the lake", hint="mmreg ls")
        files.check(Quiet())
        torn = files.retained[-1]
        if torn not in files.sick:
            raise UsageError(f"{files.ref(torn)} is whole: there is nothing to go back from", hint="mmreg fsck --deep")
        if not files.whole or files.whole[-1] != files.retained[-2]:
            raise IntegrityError(
                f"{dataset}: the version before {files.ref(torn)} is damaged, too", hint=f"mmreg fsck {dataset}"
            )
        return _go_back(lake, files, torn, files.retained[-2])


def _go_back(lake: Lake, files: TableFiles, torn: int, good: int) -> RolledBack:
    dataset, moment = files.dataset, now()
    run = Run(new_run_id(), Job("maintenance", dataset), RunState.COMPLETE, moment, moment)
    known, before = files.known.get(torn), files.known.get(good)
    if before is None:
        raise IntegrityError(f"{files.ref(good)} was not made by mmreg; go back with plain Lance")
    placeholder = transaction_uuid(run.id, f"{dataset}#{torn}")
    removed = [*([known.output.uuid] if known is not None else []), placeholder]
    key = f"{dataset}.lance/{manifest_path(torn)}"
    facets = {
        "rollback": {"dataset": dataset, "from": files.ref(torn), "to": files.ref(good), "below": QUARANTINE},
        REMOVED: [{"dataset": dataset, "uuid": uuid, "lance_version": torn} for uuid in removed],
    }
    run = replace(run, facets=facets)
    write_run(lake.store, run)  # first: a version that is gone has a run that says why
    place = set_aside(lake.store, key)
    _take_number(lake, dataset, good, placeholder)
    ordinal = known.output.ordinal if known is not None else before.output.ordinal
    landed = publish(lake, dataset, run, _same(files, good), Seen(torn, ordinal), upkeep=True)
    assert landed is not None
    write_run(lake.store, landed)
    _drop_pin(lake, dataset, removed)
    remove_versions(lake, dataset, [torn])
    return RolledBack(dataset, torn, place, files.ref(good), landed.outputs[-1].ref, run.id)


def _take_number(lake: Lake, dataset: str, good: int, uuid: str) -> None:
    """Commit the version ``good`` as it is, under the number of the torn one: to be removed again."""
    import lance

    operation = lance.LanceOperation.Restore(version=good)
    transaction = lance.Transaction(read_version=good, operation=operation, uuid=uuid)
    options = lake.store.options or None
    lance.LanceDataset.commit(lake.table_uri(dataset), transaction, storage_options=options, max_retries=0)


def _same(files: TableFiles, good: int) -> Builder:
    output = files.known[good].output

    def build(table: lance.LanceDataset | None) -> Draft:
        import lance

        operation = lance.LanceOperation.Restore(version=good)
        return Draft(operation, output.kind, output.rows, rejected=output.rejected, roots=output.roots)

    return build


def _drop_pin(lake: Lake, dataset: str, uuids: list[str]) -> None:
    tags = lake.table(dataset).tags
    for name in {f"mmreg-{uuid}" for uuid in uuids} & tags.list().keys():
        tags.delete(name)
